import type { Side } from '../../domain/orders.ts';
import { type DurationUs, type TimeUs, US_PER_MINUTE } from '../../domain/units.ts';

/** What risk remembers between cycles. Plain data, part of the engine's state. */
export interface RiskMemory {
  /** N times of the newest intent by symbol, 0 for never. */
  readonly lastIntentUs: Float64Array;
  /** Times of the intents of the last minute, oldest first. */
  readonly intentTimesUs: TimeUs[];
  /** Orders that executed in the throttle's window, oldest first; one entry an order, however many fills it takes. */
  readonly executions: Executed[];
  /** 2*N of them by symbol and side: buys at `2 * i`, sells behind them. */
  readonly executedCount: Int32Array;
}

export interface Executed {
  readonly tUs: TimeUs;
  readonly symbolIx: number;
  readonly side: Side;
}

export function createRiskMemory(symbolCount: number): RiskMemory {
  return {
    lastIntentUs: new Float64Array(symbolCount),
    intentTimesUs: [],
    executions: [],
    executedCount: new Int32Array(2 * symbolCount),
  };
}

/** Remembers the first fill of an order. @returns orders of its symbol and side that executed in the window, with it */
export function recordExecution(memory: RiskMemory, executed: Executed, windowUs: DurationUs): number {
  forgetExecutions(memory, executed.tUs - windowUs);
  memory.executions.push(executed);
  const slot = slotOf(executed);
  memory.executedCount[slot] += 1;
  return memory.executedCount[slot];
}

export function executedOrders({ executedCount }: RiskMemory, of: Omit<Executed, 'tUs'>): number {
  return executedCount[slotOf(of)];
}

/** Forgets what left the windows: intents after a minute, executions after the throttle's. Each entry leaves once. */
export function ageMemory(
  memory: RiskMemory,
  { tUs, windowUs }: { readonly tUs: TimeUs; readonly windowUs: DurationUs },
): void {
  const { intentTimesUs } = memory;
  let aged = 0;
  while (aged < intentTimesUs.length && intentTimesUs[aged] <= tUs - US_PER_MINUTE) aged += 1;
  if (aged > 0) intentTimesUs.splice(0, aged);
  forgetExecutions(memory, tUs - windowUs);
}

/** An operator who resets the throttle lets it count from nothing. */
export function forgetAllExecutions(memory: RiskMemory): void {
  memory.executions.length = 0;
  memory.executedCount.fill(0);
}

function forgetExecutions({ executions, executedCount }: RiskMemory, untilUs: TimeUs): void {
  let aged = 0;
  while (aged < executions.length && executions[aged].tUs <= untilUs) {
    executedCount[slotOf(executions[aged])] -= 1;
    aged += 1;
  }
  if (aged > 0) executions.splice(0, aged);
}

function slotOf({ symbolIx, side }: Omit<Executed, 'tUs'>): number {
  return 2 * symbolIx + (side === 'buy' ? 0 : 1);
}
