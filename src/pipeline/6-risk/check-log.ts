import type { Shares } from '../../domain/units.ts';
import { RISK_CHECKS } from './checks.ts';
import type { OrderDraft } from './risk-book.ts';

/**
 * What a check said: `waived` would have stopped the order, but lets it reduce the position all the same;
 * `not_measured` had nothing to measure, or no limit.
 */
export const CHECK_OUTCOMES = ['passed', 'waived', 'scaled', 'blocked', 'not_measured'] as const;
export type CheckLogOutcome = (typeof CHECK_OUTCOMES)[number];

/**
 * What every check measured of every symbol's order in the newest cycle, for traces: plain arrays, C checks in the
 * order of `RISK_CHECKS`, N symbols, at `c * N + i`.
 */
export interface CheckLog {
  readonly symbolCount: number;
  /** N signed shares that were asked for, 0 where the cycle wanted no order. */
  readonly askedShares: Float64Array;
  /** C*N indices into `CHECK_OUTCOMES`, and what was measured against what. */
  readonly outcome: Uint8Array;
  readonly value: Float64Array;
  readonly limit: Float64Array;
}

export function createCheckLog(symbolCount: number): CheckLog {
  const slots = RISK_CHECKS.length * symbolCount;
  return {
    symbolCount,
    askedShares: new Float64Array(symbolCount),
    outcome: new Uint8Array(slots),
    value: new Float64Array(slots),
    limit: new Float64Array(slots),
  };
}

/** Forgets the cycle before; slots of symbols without an order are left as they are, and not read. */
export function clearLog(log: CheckLog): void {
  log.askedShares.fill(0);
}

export function startLog(log: CheckLog, { symbolIx, side, quantity }: OrderDraft): void {
  log.askedShares[symbolIx] = side === 'buy' ? quantity : -quantity;
}

export function logCheck(
  log: CheckLog,
  row: {
    readonly symbolIx: number;
    readonly check: number;
    readonly outcome: CheckLogOutcome;
    readonly value: number;
    readonly limit: number;
  },
): void {
  const slot = row.check * log.symbolCount + row.symbolIx;
  log.outcome[slot] = CHECK_OUTCOMES.indexOf(row.outcome);
  log.value[slot] = row.value;
  log.limit[slot] = row.limit;
}

export interface LoggedCheck {
  readonly check: string;
  readonly unit: string;
  readonly outcome: CheckLogOutcome;
  readonly value: number;
  readonly limit: number;
}

/** Every check of a symbol's order in the newest cycle. @returns undefined when the cycle wanted no order of it */
export function readLog(
  log: CheckLog,
  symbolIx: number,
): { readonly askedShares: Shares; readonly checks: readonly LoggedCheck[] } | undefined {
  const askedShares = log.askedShares[symbolIx];
  if (askedShares === 0) return undefined;
  const checks = RISK_CHECKS.map(({ check, unit }, c) => {
    const slot = c * log.symbolCount + symbolIx;
    return {
      check,
      unit,
      outcome: CHECK_OUTCOMES[log.outcome[slot]],
      value: log.value[slot],
      limit: log.limit[slot],
    };
  });
  return { askedShares, checks };
}
