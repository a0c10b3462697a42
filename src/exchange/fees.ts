import { exactMicros } from '../domain/money.ts';
import type { FeeModel } from '../domain/settings.ts';
import type { MoneyMicros, Shares } from '../domain/units.ts';

/** Residue of double arithmetic that must not round a fee up by another micro-dollar. */
const ROUNDING_NOISE = 1e-6;

/** The fee of an order that has filled this much, before rounding, micro-dollars. */
export function unroundedFeeMicros(
  model: FeeModel,
  filled: { shares: Shares; notionalMicros: number },
): number {
  if (filled.shares === 0) return 0;
  if (model.kind === 'bps') return (filled.notionalMicros * model.bps) / 1e4;
  return Math.max(model.minimumMicros, filled.shares * model.perShareMicros);
}

/**
 * The fee due on everything an order has filled so far, rounded up to a micro-dollar. Each execution pays what is due
 * now minus what was paid, so a minimum and the rounding count once per order, however many pieces it fills in.
 */
export function feeDueMicros(
  model: FeeModel,
  filled: { shares: Shares; notionalMicros: MoneyMicros },
): MoneyMicros {
  return exactMicros(Math.ceil(unroundedFeeMicros(model, filled) - ROUNDING_NOISE));
}
