import { isAbsolute, relative, resolve } from 'node:path';
import { formatNewYork } from '../data/calendar.ts';
import type { RunMode } from '../modes/run-identity.ts';
import { renderReport } from '../report/html/page.ts';
import { shellWord } from '../report/html/shell-word.ts';
import { statisticsOf } from '../report/statistics.ts';
import { type TellRunOptions, type ToldRun, tellRun } from './tell-run.ts';

/** A run as a page of HTML. @throws as `tellRun` */
export async function reportRun(
  options: TellRunOptions,
): Promise<{ readonly told: ToldRun; readonly page: string }> {
  const told = await tellRun(options);
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
    formatTime: formatNewYork,
  });
  return { told, page };
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
