/**
 * A live run in a process of its own, which kills itself at a point of its way: before or after one append, fsync, send,
 * answer or cancel. Started again without a point it takes the run up, trades to the same end, and says how its books stand.
 */
import type { Engine } from '../../src/engine/engine-state.ts';
import type { LiveControls } from '../../src/modes/live-options.ts';
import { openOperatorLine } from '../../src/modes/operator-line.ts';
import type { Broker } from '../../src/ports/broker.ts';
import type { TapeWriter } from '../../src/ports/tape.ts';
import { recordedIdentity } from '../../src/research/recorded-scenario.ts';
import { findUnfinished, resumeLive } from '../../src/research/resume-live.ts';
import { askEngine } from '../../src/sources/operator-client.ts';
import { aroundTape } from '../../src/tape/around-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { HURRY, liveDay, playDay, quickstartDay } from '../live/live-day.ts';
import { brokerOf } from '../twins/alpaca/fast-settings.ts';
import { type CrashLeg, type CrashStep, STRETCHES } from './crash-points.ts';
import type { CrashJob, CrashOutcome } from './crash-walk.ts';

const job = JSON.parse(process.argv[2] ?? '{}') as CrashJob;
const { leg } = job;

/** The cycle that is the last to be decided: the first or second with orders, or the first of a morning. */
const LAST_CYCLES: Readonly<Record<CrashLeg, number>> = { orders: 31, kill: 30, night: 32 };
/** Thirty-one cycles before the close: orders begin with the thirtieth, and positions are held over the night. */
const EVENING_US = quickstartDay.closeUs - 31.5 * 60_000_000;
const lastCycle = LAST_CYCLES[leg];

const counts: Record<CrashStep, number> = { append: 0, fsync: 0, send: 0, answer: 0, cancel: 0, news: 0 };
const stretch: { from?: typeof counts; to?: typeof counts } = {};

function pass(step: CrashStep, when: 'before' | 'after', n: number): void {
  const { point } = job;
  if (point?.step === step && point.when === when && point.n === n) process.kill(process.pid, 'SIGKILL');
}

function crashingTape(tape: TapeWriter): TapeWriter {
  const { from, to } = STRETCHES[leg];
  return aroundTape(() => tape, {
    append: (entry) => {
      if (entry.type === from) stretch.from ??= { ...counts };
      pass('append', 'before', entry.seq);
      tape.append(entry);
      counts.append = entry.seq;
      pass('append', 'after', entry.seq);
      if (entry.type === to && stretch.from !== undefined) stretch.to ??= { ...counts };
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
    cancelOrder: async (clientOrderId) => {
      counts.cancel += 1;
      const n = counts.cancel;
      pass('cancel', 'before', n);
      await broker.cancelOrder(clientOrderId);
      pass('cancel', 'after', n);
    },
  };
}

const left = findUnfinished(job.outDir, { name: 'quickstart', kind: 'live' });
const stop = new AbortController();
const errors: string[] = [];
/** The last cycle is decided: the run ends once its orders have. */
let isLast = false;
let controls: LiveControls | undefined;
/** Orders are squared with the broker: from then on the schedule waits for its times, and none of them is passed over. */
let isTakenUp = left === undefined;

function isKilled({ kill }: Engine): boolean {
  return kill.tripped.operator === true;
}

let isAsked = false;
/** An operator who does not give up: asks each process that is not killed yet. */
function askForKill({ engine, runDir }: LiveControls): void {
  if (isAsked || isKilled(engine)) return;
  isAsked = true;
  const request = {
    runDir,
    verb: 'kill',
    why: 'the walk',
    timeoutMs: 30_000,
    isEngineAlive: () => true,
  } as const;
  askEngine(request).catch((error: unknown) => errors.push(String(error)));
}

const day = await liveDay(job.outDir, {
  // an order that is to be called back must still be there
  set: ['broker.source=alpaca', ...HURRY, ...(leg === 'kill' ? ['execution.timeInForce=day'] : [])],
  kind: 'live',
  signal: stop.signal,
  ...(leg === 'night' ? { startUs: EVENING_US, sessionCount: 2 } : {}),
  aroundTape: crashingTape,
  openBroker: async () => crashingBroker(brokerOf(job.twin, { answerUs: 2_000_000 })),
  openControls: async (opened) => {
    controls = opened;
    return leg === 'kill' ? openOperatorLine(opened) : { close: async () => undefined };
  },
  attach: ({ inputs$, derived$ }) => {
    inputs$.subscribe(({ event }) => {
      if (event.type === 'ConnectionRestored' && event.source === 'broker') isTakenUp = true;
    });
    derived$.subscribe(({ event }) => {
      const isWanted = leg === 'kill' && event.type === 'KillSwitchTripped' && event.cause === 'operator';
      if ((event.type === 'ErrorRaised' || event.type === 'KillSwitchTripped') && !isWanted)
        errors.push(JSON.stringify(event));
      if (event.type === 'CycleCompleted' && event.cycle >= lastCycle) isLast = true;
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
          if (resumed.lastCycle >= lastCycle) isLast = true;
          return resumed;
        },
      }),
});
/** The broker has spoken on every order: time stands still until then. Where a kill is to come, some work on. */
const isQuiet = (): boolean => {
  if (controls === undefined || !isTakenUp) return false;
  const { engine } = controls;
  const { working } = engine.orders;
  const isKillDue = leg === 'kill' && !isKilled(engine);
  if (isLast && isKillDue && working.every(({ status }) => status !== 'intended')) askForKill(controls);
  if (isLast && !isKillDue && working.length === 0) stop.abort();
  if (leg !== 'kill') return working.length === 0;
  return !isLast && working.every(({ status, cancel }) => status !== 'intended' && cancel === null);
};
const result = await playDay(day, { isQuiet, ...(leg === 'night' ? { stepUs: 'next' } : {}) });
const { ledger, orders, layout } = controls!.engine;
const outcome: CrashOutcome = {
  runDir: result.runDir,
  stretch: { from: stretch.from ?? counts, to: stretch.to ?? counts },
  isKilled: isKilled(controls!.engine),
  errors,
  cashMicros: ledger.cashMicros,
  positions: Object.fromEntries(
    layout.symbols.flatMap((symbol, i) => (ledger.shares[i] === 0 ? [] : [[symbol, ledger.shares[i]]])),
  ),
  working: orders.working.length,
};
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
