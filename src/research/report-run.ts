import { isAbsolute, relative, resolve } from 'node:path';
import { formatNewYork } from '../data/calendar.ts';
import { InputError } from '../domain/errors.ts';
import type { RunMode } from '../modes/run-identity.ts';
import { haveSameSessions } from '../report/html/compare.ts';
import { renderReport } from '../report/html/page.ts';
import { shellWord } from '../report/shell-commands.ts';
import { statisticsOf } from '../report/statistics.ts';
import { type TellRunOptions, type ToldRun, tellRun } from './tell-run.ts';

export interface ReportOptions extends TellRunOptions {
  /** Another run over the same sessions, whose equity is drawn beside; as the user named it. */
  readonly otherDir?: string | undefined;
}

/**
 * A run as a page of HTML.
 * @throws as `tellRun`; InputError REPORT_SESSIONS where the other run cannot be laid over it
 */
export async function reportRun(
  options: ReportOptions,
): Promise<{ readonly told: ToldRun; readonly other: ToldRun | undefined; readonly page: string }> {
  const told = await tellRun(options);
  const { otherDir } = options;
  const other = otherDir === undefined ? undefined : await tellRun({ ...options, runDir: otherDir });
  if (other !== undefined && !haveSameSessions(told.story, other.story)) {
    throw new InputError(
      'REPORT_SESSIONS',
      `--compare ${otherDir}: expected a run over the same sessions, and both to have closed them; it has ${sessionsText(other)}, ${options.runDir} has ${sessionsText(told)}`,
    );
  }
  const { identity, story } = told;
  const fork = identity.forks?.at(-1);
  const page = renderReport({
    ...told,
    scenario: identity.scenario,
    mode: modeText(identity.mode),
    ...(fork === undefined ? {} : { forkedFrom: fork }),
    codeSha256: identity.codeSha256,
    datasetSha256: identity.datasetSha256,
    models: identity.layout.columns.length,
    horizons: identity.horizons.map(({ label }) => label),
    statistics: statisticsOf(story.collector),
    shellDir: shellWord(folderInCommands(options.runDir)),
    other:
      other === undefined
        ? undefined
        : {
            ...other,
            scenario: other.identity.scenario,
            statistics: statisticsOf(other.story.collector),
            shellDir: shellWord(folderInCommands(otherDir!)),
          },
    formatTime: formatNewYork,
  });
  return { told, other, page };
}

function sessionsText({ story }: ToldRun): string {
  const { sessionStarts, collector } = story;
  const open = sessionStarts.length - collector.sessions.length;
  const span =
    sessionStarts.length === 0 ? '' : ` (${sessionStarts[0].date} to ${sessionStarts.at(-1)!.date})`;
  return `${sessionStarts.length}${span}${open === 0 ? '' : ', the last one open'}`;
}

function modeText(mode: RunMode | undefined): string {
  return mode === undefined
    ? 'backtest'
    : `${mode.kind}, market from ${mode.source}, orders to ${mode.broker}`;
}

/** The folder as commands name it: from here where it lies below, else as the user named it. */
function folderInCommands(runDir: string): string {
  const fromHere = relative(process.cwd(), resolve(runDir));
  return fromHere === '' || fromHere.startsWith('..') || isAbsolute(fromHere) ? runDir : fromHere;
}
