import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { OperatorCommand } from '../../src/events/inputs.ts';
import type { LiveOptions, LiveResult } from '../../src/modes/live-options.ts';
import { openOperatorLine } from '../../src/modes/operator-line.ts';
import { recordedIdentity } from '../../src/research/recorded-scenario.ts';
import { resumeLive } from '../../src/research/resume-live.ts';
import { askEngine } from '../../src/sources/operator-client.ts';
import type { CtlAnswer } from '../../src/sources/operator-protocol.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { type LiveDay, liveDay, playDay, scratch } from './live-day.ts';

const outDir = scratch('operator');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

/** Commands by the cycle after which they are given, over the socket of the run; the day stops for each answer. */
async function commanded(
  day: LiveDay,
  commands: Readonly<Record<number, OperatorCommand | 'interrupt'>>,
  more: Partial<LiveOptions> = {},
): Promise<{ readonly result: LiveResult; readonly answers: readonly CtlAnswer[] }> {
  const stop = new AbortController();
  const answers: CtlAnswer[] = [];
  let open = 0;
  let runDir = '';
  const result = await playDay(
    {
      clock: day.clock,
      options: {
        ...day.options,
        ...more,
        signal: stop.signal,
        openControls: (controls) => {
          runDir = controls.runDir;
          return openOperatorLine(controls);
        },
        attach: ({ derived$ }) => {
          derived$.subscribe(({ event }) => {
            const verb = event.type === 'CycleCompleted' ? commands[event.cycle] : undefined;
            if (verb === undefined) return;
            if (verb === 'interrupt') {
              stop.abort();
              return;
            }
            open += 1;
            void askEngine({ runDir, verb, why: 'a test', timeoutMs: 10_000, isEngineAlive: () => true })
              .then((answer) => answers.push(answer))
              .finally(() => {
                open -= 1;
              });
          });
        },
      },
    },
    { isQuiet: () => open === 0 },
  );
  return { result, answers };
}

interface Seen {
  readonly seq: number;
  readonly what: string;
}

/** Commands, kills and orders that add exposure, as the tape has them. */
function seenOn(runDir: string): Seen[] {
  const seen: Seen[] = [];
  for (const { record } of readTape(runFolderAt(runDir).tapeDir, { torn: 'report', storedHead: 'leave' })) {
    const { seq, type, payload } = record;
    if (type === 'OperatorCommanded') seen.push({ seq, what: String(payload.command) });
    if (type === 'KillSwitchTripped' || type === 'KillSwitchReset') seen.push({ seq, what: type });
    if (type !== 'OrderIntended') continue;
    const { purpose } = payload.order as { readonly purpose: string };
    if (purpose === 'open' || purpose === 'increase') seen.push({ seq, what: 'exposure' });
  }
  return seen;
}

const without = (seen: readonly Seen[]): string[] =>
  seen.map(({ what }) => what).filter((what, at, all) => what !== 'exposure' || all[at - 1] !== 'exposure');

describe('an operator of a live run', () => {
  it('kills it, the kill outlives the process, and a reset lets it trade again; each is on the tape with who and why', async () => {
    const day = await liveDay(outDir);
    const first = await commanded(day, { 120: 'kill', 140: 'interrupt' });
    expect(first.answers).toEqual([{ ok: true, recorded: expect.anything() }]);
    const { runDir } = first.result;
    expect(without(seenOn(runDir))).toEqual(['exposure', 'kill', 'KillSwitchTripped']);
    const again = await commanded(
      day,
      { 200: 'reset' },
      {
        resumed: recordedIdentity(runFolderAt(runDir).tapeDir),
        resume: (hooks) => resumeLive(runDir, hooks),
      },
    );
    expect(again.answers).toEqual([{ ok: true, recorded: expect.anything() }]);
    expect(again.result.isClosed).toBe(true);
    const seen = seenOn(runDir);
    expect(without(seen)).toEqual([
      'exposure',
      'kill',
      'KillSwitchTripped',
      'reset',
      'KillSwitchReset',
      'exposure',
    ]);
  }, 120_000);

  it('leaves a run that ends killed open, so that it cannot be forgotten', async () => {
    const { result } = await commanded(await liveDay(outDir), { 150: 'kill' });
    expect(result.isClosed).toBe(false);
    expect(result.cycles).toBe(389);
  }, 120_000);
});
