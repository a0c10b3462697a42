import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { runBacktest } from '../../src/modes/backtest.ts';
import type { LiveOptions, LiveResult } from '../../src/modes/live-options.ts';
import type { Broker } from '../../src/ports/broker.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import type { TapeWriter } from '../../src/ports/tape.ts';
import { recordedIdentity } from '../../src/research/recorded-scenario.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { findUnfinished, resumeLive } from '../../src/research/resume-live.ts';
import { aroundTape } from '../../src/tape/around-tape.ts';
import { TapeWriteError } from '../../src/tape/faults.ts';
import { createRunFolder, runFolderAt } from '../../src/tape/run-folder.ts';
import { type LiveDay, liveDay, playDay, scratch } from './live-day.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const outDir = scratch('live-run');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

let whole: LiveResult;
let backtestHead: string;

beforeAll(async () => {
  whole = await playDay(await liveDay(join(outDir, 'whole')));
  const scenario = loadScenario({
    file: join(root, 'scenarios/quickstart.yaml'),
    overrides: [parseSetOption('data.to=2024-01-10', root)],
  });
  const backtest = await runBacktest({ scenario, outDir: join(outDir, 'back'), progress: silentProgress });
  backtestHead = backtest.decisionHead;
}, 120_000);

const replayed = (runDir: string) => replayRun({ runDir, datasetDir: undefined, progress: silentProgress });

describe('a day on the live loop, on a broker that is simulated', () => {
  it('makes the decisions of the backtest over the same bars, bit for bit, and trades', async () => {
    expect(whole.decisionHead).toBe(backtestHead);
    expect(whole.isClosed).toBe(true);
    expect(whole.orders).toBeGreaterThan(100);
  });

  it('replays from its tape alone, the broker taken from it, to the same bits', async () => {
    const replay = await replayed(whole.runDir);
    expect(replay.divergence).toBeUndefined();
    expect(replay.chainHead).toBe(whole.chainHead);
  });
});

/** Interrupts the day at a cycle. */
async function interruptedAt(
  cycle: number,
  into: string,
  more: Partial<LiveOptions> = {},
): Promise<{ readonly day: LiveDay; readonly result: LiveResult }> {
  const interrupted = new AbortController();
  const day = await liveDay(into, {
    signal: interrupted.signal,
    attach: ({ derived$ }) =>
      derived$.subscribe(({ event }) => {
        if (event.type === 'CycleCompleted' && event.cycle === cycle) interrupted.abort();
      }),
    ...more,
  });
  return { day, result: await playDay(day) };
}

function takenUp(day: LiveDay, runDir: string, more: Partial<LiveOptions> = {}): LiveDay {
  const { signal: _over, attach: _unheard, ...options } = day.options;
  return {
    clock: day.clock,
    options: {
      ...options,
      resumed: recordedIdentity(runFolderAt(runDir).tapeDir),
      resume: (hooks) => resumeLive(runDir, hooks),
      ...more,
    },
  };
}

describe('a day that is interrupted and started again', () => {
  it.each([1, 60, 200])(
    'after cycle %i goes on with the same run and ends with the decisions of a whole one',
    async (cycle) => {
      const into = join(outDir, `interrupted-${cycle}`);
      const { day, result } = await interruptedAt(cycle, into);
      expect(result.isClosed).toBe(false);
      expect(findUnfinished(into, { name: 'quickstart', kind: 'paper' })).toBe(result.runDir);
      expect(findUnfinished(into, { name: 'quickstart', kind: 'live' })).toBeUndefined();
      const seen: InputEvent['type'][] = [];
      const rest = await playDay(
        takenUp(day, result.runDir, {
          attach: ({ inputs$ }) => inputs$.subscribe(({ event }) => seen.push(event.type)),
        }),
      );
      expect(rest.runDir).toBe(result.runDir);
      expect(seen).not.toContain('RunStarted');
      expect(rest.decisionHead).toBe(whole.decisionHead);
      expect((await replayed(rest.runDir)).divergence).toBeUndefined();
      expect(findUnfinished(into, { name: 'quickstart', kind: 'paper' })).toBeUndefined();
    },
  );

  it.each([
    ['no file', []],
    ['an empty segment', ['']],
    ['half a record', ['{"chain":"']],
  ])('is not taken for one to go on with where a crash left %s', (name, [text]) => {
    const into = join(outDir, `nothing written, ${name}`);
    const { tapeDir } = createRunFolder(join(into, 'quickstart-0123456789ab'), { existing: 'refuse' });
    if (text !== undefined) writeFileSync(join(tapeDir, '000001.jsonl'), text);
    expect(findUnfinished(into, { name: 'quickstart', kind: 'paper' })).toBeUndefined();
  });

  it('is not gone on with in another market', async () => {
    const { day, result } = await interruptedAt(2, join(outDir, 'market'));
    const other = await liveDay(join(outDir, 'market'), { set: ['data.source=alpaca'] });
    const { scenario } = other.options;
    await expect(playDay(takenUp(day, result.runDir, { scenario }))).rejects.toThrow(
      /takes its data from simulated and trades at simulated, the scenario names alpaca and simulated/,
    );
  });

  it('is gone on with in the account it began with, and in no other, which is not on its tape', async () => {
    const at = (account: string, { openBroker }: LiveOptions): Partial<LiveOptions> => ({
      openBroker: async (spec) => ({ ...(await openBroker(spec)), getAccountId: async () => account }),
    });
    const into = join(outDir, 'account');
    const { options } = await liveDay(into);
    const { day, result } = await interruptedAt(2, into, at('PA-ONE', options));
    const tape = JSON.stringify(recordedIdentity(runFolderAt(result.runDir).tapeDir));
    expect(tape).not.toContain('PA-ONE');
    await expect(playDay(takenUp(day, result.runDir, at('PA-TWO', options)))).rejects.toThrow(
      /began in another account than PA-TWO at simulated; go on with the keys of that one/,
    );
    const rest = await playDay(takenUp(day, result.runDir, at('PA-ONE', options)));
    expect(rest.isClosed).toBe(true);
  });

  it('is not gone on with by another scenario', async () => {
    const { day, result } = await interruptedAt(2, join(outDir, 'changed'));
    const other = await liveDay(join(outDir, 'changed'), { set: ['sizing.grossTarget=0.3'] });
    const { scenario } = other.options;
    await expect(playDay(takenUp(day, result.runDir, { scenario }))).rejects.toMatchObject({
      code: 'LIVE_RUN_CHANGED',
    });
  });
});

/** Watches what is sent, and whether it was durable on the tape by then. */
function watched(options: LiveOptions, failAtFlush = Number.POSITIVE_INFINITY) {
  const sent: { readonly clientOrderId: string; readonly isDurable: boolean }[] = [];
  const intended = new Map<string, number>();
  let durable = 0;
  let flushes = 0;
  let afterFault = 0;
  const around = (tape: TapeWriter): TapeWriter =>
    aroundTape(() => tape, {
      append: (entry) => {
        if (entry.type === 'OrderIntended') {
          const { order } = JSON.parse(entry.payloadJson) as { order: { clientOrderId: string } };
          intended.set(order.clientOrderId, entry.seq);
        }
        tape.append(entry);
      },
      flush: () => {
        flushes += 1;
        if (flushes >= failAtFlush) throw new TapeWriteError('tape: sync failed (ENOSPC); free the disk');
        tape.flush();
        durable = tape.nextSeq;
      },
      close: () => tape.close(),
    });
  const openBroker: LiveOptions['openBroker'] = async (spec) => {
    const broker = await options.openBroker(spec);
    const spied: Broker = {
      ...broker,
      submitOrder: (order, more) => {
        if (flushes >= failAtFlush) afterFault += 1;
        const { clientOrderId } = order;
        sent.push({ clientOrderId, isDurable: (intended.get(clientOrderId) ?? Infinity) < durable });
        return broker.submitOrder(order, more);
      },
    };
    return spied;
  };
  return { sent, options: { ...options, aroundTape: around, openBroker }, afterFault: () => afterFault };
}

describe('record before act', () => {
  it('sends no order whose intent the disk does not have, and each once', async () => {
    const day = await liveDay(join(outDir, 'watched'));
    const { sent, options } = watched(day.options);
    await playDay({ ...day, options });
    expect(sent.length).toBe(whole.orders);
    expect(sent.filter(({ isDurable }) => !isDurable)).toEqual([]);
    expect(new Set(sent.map(({ clientOrderId }) => clientOrderId)).size).toBe(sent.length);
  });

  it('stops when the disk refuses, sends nothing from then on, and says what is left at the broker', async () => {
    const day = await liveDay(join(outDir, 'full'));
    const { sent, options, afterFault } = watched(day.options, 200);
    await expect(playDay({ ...day, options })).rejects.toThrow(/ENOSPC/);
    expect(sent.length).toBeGreaterThan(0);
    expect(afterFault()).toBe(0);
  });
});

it('a scenario that rehearses incidents does not trade', async () => {
  const set = ['incidents=[{session: 2024-01-10, minute: 5, kind: operator, command: pause}]'];
  const day = await liveDay(join(outDir, 'incidents'), { set });
  await expect(playDay(day)).rejects.toMatchObject({ code: 'LIVE_INCIDENTS' });
});
