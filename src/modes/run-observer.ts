import { equityMicros, grossMicros, markedMicros } from '../domain/ledger.ts';
import { microsToDollars } from '../domain/money.ts';
import type { MoneyMicros } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { RunView } from '../observability/run-view.ts';
import { lossStatus } from '../pipeline/6-risk/kill-switch.ts';
import type { RunCollector } from '../report/collect.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import type { RunIdentity } from './run-identity.ts';

/** A run that somebody watches: everything in it is for reading. */
export interface ObservedRun {
  readonly identity: RunIdentity;
  readonly runId: string;
  /** Where the run lies while it goes on. */
  readonly runDir: string;
  readonly streams: RunStreams;
  /** Sequence number of the newest record. */
  readonly tapeSeq: () => number;
  readonly engine: Engine;
  readonly collector: RunCollector;
}

/** Telemetry of a run. It throws nothing, keeps the loop waiting for nothing, and nothing of it reaches the tape. */
export interface RunObserver {
  /** Shown a tape that a run is rebuilt from, before `attach`. */
  past(identity: RunIdentity, streams: RunStreams): void;
  attach(run: ObservedRun): void;
  /** The loop has ended: what is to be written in the run folder is written now. Nothing happens the second time. */
  close(): Promise<void>;
}

/** The run as it stands: counts are those of its summary, the account is the engine's own. */
export function viewRun({
  engine,
  collector,
  tapeSeq,
}: Pick<ObservedRun, 'engine' | 'collector' | 'tapeSeq'>): RunView {
  const { ledger, layout, pipeline, clock, kill, nowUs } = engine;
  const { marksE4, learning } = pipeline;
  const equity = equityMicros(ledger, marksE4);
  const losses = lossStatus(kill, { equityMicros: equity, tUs: nowUs });
  const values = layout.symbols.map((_, i) => markedMicros(ledger, marksE4, i));
  const ofEquity = (micros: MoneyMicros): number => (equity > 0 ? micros / equity : 0);
  const { intended, accepted, rejected, filled, cancelled, expired, fills, rejectedBy } = collector.orders;
  return {
    session: clock.date,
    isSessionOpen: clock.isOpen,
    logicalTimeSeconds: nowUs / 1e6,
    tapeSeq: tapeSeq(),
    isPaused: engine.isPaused,
    isLost: engine.isLost,
    isTripped: kill.tripped,
    differences: engine.reconciliation.open.length,
    cycles: collector.cycles,
    decisions: collector.decisions,
    orders: { intended, accepted, rejected, filled, cancelled, expired },
    rejectedBy,
    workingOrders: engine.orders.working.length,
    fills,
    tradedDollars: microsToDollars(collector.tradedMicros),
    feesDollars: microsToDollars(ledger.feesMicros),
    borrowFeesDollars: microsToDollars(ledger.borrowFeesMicros),
    realizedDollars: microsToDollars(ledger.realizedMicros),
    equityDollars: microsToDollars(equity),
    cashDollars: microsToDollars(ledger.cashMicros),
    drawdownFrac: losses.drawdownFrac,
    dailyLossFrac: losses.dailyLossFrac,
    grossFrac: ofEquity(grossMicros(ledger, marksE4)),
    netFrac: ofEquity(values.reduce((sum, value) => sum + value, 0)),
    positions: layout.symbols.flatMap((symbol, i) => {
      const shares = ledger.shares[i];
      return shares === 0 ? [] : [{ symbol, shares, valueDollars: microsToDollars(values[i]) }];
    }),
    horizonWeights:
      learning === null ? [] : learning.arms.map((horizon, k) => ({ horizon, weight: learning.omega[k] })),
  };
}
