import type { Horizon } from '../domain/horizon.ts';
import { createLedger, equityMicros, type Ledger } from '../domain/ledger.ts';
import type { EngineSettings } from '../domain/settings.ts';
import type { MoneyMicros, TimeUs } from '../domain/units.ts';
import type { ConnectionSource } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { LearningStart } from '../learning/learning-start.ts';
import { createKillState, type KillState } from '../pipeline/6-risk/kill-switch.ts';
import { createPipeline, type Pipeline } from '../pipeline/pipeline-state.ts';
import { createGateWatch, type GateWatch } from './gate-watch.ts';
import { createOrderBook, type OrderBook } from './order-book.ts';
import { createReconciliation, type Reconciliation } from './reconciliation.ts';
import { createSessionClock, type SessionClock } from './session-clock.ts';

/** What an engine is made for: fixed over a run, on the tape in RunStarted. */
export interface EngineConfig {
  /** Prefix of client order ids: names the run, so that ids of two runs never meet at a broker. */
  readonly runTag: string;
  readonly settings: EngineSettings;
  readonly horizons: readonly Horizon[];
  readonly layout: SignalLayout;
  readonly barSeconds: number;
  /** What an earlier run had learned; absent when this one starts with nothing. */
  readonly learningStart?: LearningStart;
}

/** The engine between two inputs: plain data, updated in place by `step` and by nothing else. */
export interface Engine extends Omit<EngineConfig, 'settings'> {
  /** The run's, with the limits that were tightened since. */
  settings: EngineSettings;
  readonly clock: SessionClock;
  readonly pipeline: Pipeline;
  readonly ledger: Ledger;
  /** Scratch: N signed unfilled shares of working orders. Derivable. */
  readonly workingShares: Float64Array;
  readonly orders: OrderBook;
  readonly kill: KillState;
  readonly gateWatch: GateWatch;
  readonly reconciliation: Reconciliation;
  /** Equity at the newest session close, the base of the next session's daily loss; the initial cash before the first. */
  closingEquityMicros: MoneyMicros;
  /** A tripped switch also closes all positions: by setting, or because the operator said so. */
  isFlattening: boolean;
  /** Logical time of the newest input; never goes back. */
  nowUs: TimeUs;
  /** The cycle that waits for its predictions, 0 when none does. */
  openCycle: number;
  /** Trading paused by the operator: cycles go on, entries are blocked. */
  isPaused: boolean;
  /** Connections that are down: cycles go on, entries are blocked until all are back. */
  readonly isLost: Record<ConnectionSource, boolean>;
}

export function createEngine(config: EngineConfig): Engine {
  const { symbols } = config.layout;
  return {
    ...config,
    clock: createSessionClock(),
    pipeline: createPipeline(config),
    ledger: createLedger({ cashMicros: config.settings.initialCashMicros, symbols, keepsJournal: true }),
    workingShares: new Float64Array(symbols.length),
    orders: createOrderBook(),
    kill: createKillState({
      equityMicros: config.settings.initialCashMicros,
      symbolCount: symbols.length,
      sectorCount: config.settings.risk.sectors.length,
      lossVelocityMinutes: config.settings.risk.lossVelocityMinutes,
    }),
    gateWatch: createGateWatch(symbols.length),
    reconciliation: createReconciliation(symbols.length),
    closingEquityMicros: config.settings.initialCashMicros,
    isFlattening: false,
    nowUs: 0,
    openCycle: 0,
    isPaused: false,
    isLost: { market_data: false, broker: false, clock: false },
  };
}

/** Cash plus positions at their marks. */
export function currentEquityMicros(engine: Engine): MoneyMicros {
  return equityMicros(engine.ledger, engine.pipeline.marksE4);
}
