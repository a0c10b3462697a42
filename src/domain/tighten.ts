import { dollarsToMicros, microsToDollars } from './money.ts';
import type { RiskSettings } from './settings.ts';

/** Limits that may be made smaller while a run goes on, by their name in the risk section of a scenario. */
const TIGHTENABLE = {
  maxOrderValueDollars: 'maxOrderValueMicros',
  maxOrderShares: 'maxOrderShares',
  maxOpenOrders: 'maxOpenOrders',
  maxOrdersPerMinute: 'maxOrdersPerMinute',
  maxPosition: 'maxPositionFrac',
  maxGross: 'maxGrossFrac',
  maxNet: 'maxNetFrac',
  dailyLoss: 'dailyLossFrac',
  drawdown: 'drawdownFrac',
} as const satisfies Record<string, keyof RiskSettings>;

export type TightenableLimit = keyof typeof TIGHTENABLE;

/** In the order they are listed to people. */
export const TIGHTENABLE_LIMITS = Object.keys(TIGHTENABLE) as TightenableLimit[];

const COUNTS: readonly TightenableLimit[] = ['maxOrderShares', 'maxOpenOrders', 'maxOrdersPerMinute'];

/** The setting of an engine that a limit is. */
export function settingOf(limit: TightenableLimit): string {
  return `risk.${TIGHTENABLE[limit]}`;
}

/** A limit as a scenario states it: dollars, shares, orders, or a fraction of equity. */
export function limitOf(risk: RiskSettings, limit: TightenableLimit): number {
  const value = risk[TIGHTENABLE[limit]];
  return limit === 'maxOrderValueDollars' ? microsToDollars(value) : value;
}

/**
 * Why a value would not tighten a limit, in words for whoever gave it; undefined where it would. A limit is never
 * loosened while a run goes on: what was certified is what may be lost.
 */
export function problemOfTightening(
  risk: RiskSettings,
  limit: TightenableLimit,
  value: number,
): string | undefined {
  const present = limitOf(risk, limit);
  const isWhole = !COUNTS.includes(limit) || Number.isSafeInteger(value);
  if (value > 0 && value < present && isWhole) return undefined;
  return `risk.${limit} is ${present}; a running engine takes only a smaller ${isWhole ? '' : 'whole '}number above 0, found ${value}`;
}

/** The settings with one limit replaced. @param value as a scenario states it, one that `problemOfTightening` passes */
export function tightened(risk: RiskSettings, limit: TightenableLimit, value: number): RiskSettings {
  const inUnits = limit === 'maxOrderValueDollars' ? dollarsToMicros(value) : value;
  return { ...risk, [TIGHTENABLE[limit]]: inUnits };
}
