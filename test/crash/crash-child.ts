/**
 * A live run in a process of its own, which kills itself at a point of its way: before or after one append, fsync, send or
 * answer. Started again without a point it takes the run up, trades to the same cycle, and says how its books stand.
 */
import type { Broker } from '../../src/ports/broker.ts';
import type { TapeWriter } from '../../src/ports/tape.ts';
import { recordedIdentity } from '../../src/research/recorded-scenario.ts';
import { findUnfinished, resumeLive } from '../../src/research/resume-live.ts';
import { aroundTape } from '../../src/tape/around-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { HURRY, liveDay, playDay } from '../live/live-day.ts';
import { brokerOf } from '../twins/alpaca/fast-settings.ts';
import type { CrashJob, CrashOutcome, CrashStep } from './crash-walk.ts';

const job = JSON.parse(process.argv[2] ?? '{}') as CrashJob;

const counts: Record<CrashStep, number> = { append: 0, fsync: 0, send: 0, answer: 0, news: 0 };

function pass(step: CrashStep, when: 'before' | 'after', n: number): void {
  const { point } = job;
  if (point?.step === step && point.when === when && point.n === n) process.kill(process.pid, 'SIGKILL');
}

function crashingTape(tape: TapeWriter): TapeWriter {
  return aroundTape(() => tape, {
    append: (entry) => {
      pass('append', 'before', entry.seq);
      tape.append(entry);
      counts.append = entry.seq;
      pass('append', 'after', entry.seq);
    },
    flush: () => {
      counts.fsync += 1;
      pass('fsync', 'before', counts.fsync);
      tape.flush();
      pass('fsync', 'after', counts.fsync);
    },
    close: () => tape.close(),
  });
}

function crashingBroker(broker: Broker): Broker {
  broker.news$.subscribe(() => {
    counts.news += 1;
    pass('news', 'before', counts.news);
  });
  return {
    ...broker,
    submitOrder: async (order, sent) => {
      counts.send += 1;
      const n = counts.send;
      pass('send', 'before', n);
      const done = broker.submitOrder(order, sent);
      pass('send', 'after', n);
      await done;
      counts.answer += 1;
      pass('answer', 'after', n);
    },
  };
}

const left = findUnfinished(job.outDir, { name: 'quickstart', kind: 'live' });
const stop = new AbortController();
const errors: string[] = [];
/** The last cycle is decided: the run ends once its orders have. */
let isLast = false;
let engine: import('../../src/engine/engine-state.ts').Engine | undefined;
const day = await liveDay(job.outDir, {
  set: ['broker.source=alpaca', ...HURRY],
  kind: 'live',
  signal: stop.signal,
  aroundTape: crashingTape,
  openBroker: async () => crashingBroker(brokerOf(job.twin, { answerUs: 2_000_000 })),
  openControls: async (controls) => {
    engine = controls.engine;
    return { close: async () => undefined };
  },
  attach: ({ derived$ }) => {
    derived$.subscribe(({ event }) => {
      if (event.type === 'ErrorRaised' || event.type === 'KillSwitchTripped')
        errors.push(JSON.stringify(event));
      if (event.type === 'CycleCompleted' && event.cycle >= job.lastCycle) isLast = true;
    });
  },
  onTrouble: () => undefined,
  ...(left === undefined
    ? {}
    : {
        resumed: recordedIdentity(runFolderAt(left).tapeDir),
        resume: (hooks) => {
          const resumed = resumeLive(left, hooks);
          day.clock.advance(Math.max(0, resumed.engine.nowUs - day.clock.nowUs()));
          if (resumed.lastCycle >= job.lastCycle) isLast = true;
          return resumed;
        },
      }),
});
/** Every order has ended: time stands still while the broker speaks. */
const isQuiet = (): boolean => {
  const hasEnded = engine?.orders.working.length === 0;
  if (hasEnded && isLast) stop.abort();
  return hasEnded;
};
const result = await playDay(day, { isQuiet });
const { ledger, orders, layout } = engine!;
const outcome: CrashOutcome = {
  runDir: result.runDir,
  counts,
  errors,
  cashMicros: ledger.cashMicros,
  positions: Object.fromEntries(
    layout.symbols.flatMap((symbol, i) => (ledger.shares[i] === 0 ? [] : [[symbol, ledger.shares[i]]])),
  ),
  working: orders.working.length,
};
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
