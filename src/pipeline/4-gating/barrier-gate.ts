import type { GatingSettings } from '../../domain/settings.ts';
import { pow } from '../../math/elementary.ts';

export type BarrierBlock = 'barrier_peak' | 'barrier_valley';

/** `allowed` scales the position by `factor`; without a barrier model the gate has no opinion and the factor is 1. */
export type BarrierVerdict =
  | { readonly kind: 'allowed'; readonly factor: number }
  | { readonly kind: 'no_barrier_model'; readonly factor: 1 }
  | {
      readonly kind: 'blocked';
      readonly reason: BarrierBlock;
      readonly value: number;
      readonly limit: number;
    };

/** Probabilities that a price extreme is near; absent where no model answers. */
export interface BarrierView {
  readonly peak: number | undefined;
  readonly valley: number | undefined;
  /** Second opinions (`y_` targets): they only block. */
  readonly secondPeak: number | undefined;
  readonly secondValley: number | undefined;
}

type BarrierSettings = Pick<
  GatingSettings,
  'gateFloor' | 'peakExponent' | 'valleyExponent' | 'favourableBase' | 'peakThreshold' | 'valleyThreshold'
>;

const NO_MODEL: BarrierVerdict = { kind: 'no_barrier_model', factor: 1 };

/**
 * Whether a position may be opened against the barrier models, and how much of it. Longs fear a peak and like a
 * valley; shorts mirror them. A probability on its threshold passes.
 */
export function barrierGate(side: 1 | -1, view: BarrierView, settings: BarrierSettings): BarrierVerdict {
  const adverse = side === 1 ? view.peak : view.valley;
  const second = side === 1 ? view.secondPeak : view.secondValley;
  const favourable = side === 1 ? view.valley : view.peak;
  const limit = side === 1 ? settings.peakThreshold : settings.valleyThreshold;
  const reason = side === 1 ? 'barrier_peak' : 'barrier_valley';
  if (adverse !== undefined && adverse > limit) return { kind: 'blocked', reason, value: adverse, limit };
  if (second !== undefined && second > limit) return { kind: 'blocked', reason, value: second, limit };
  if (adverse === undefined && favourable === undefined) return NO_MODEL;
  return { kind: 'allowed', factor: gateFactor({ adverse, favourable }, settings) };
}

/**
 * g = max(floor, (1 - p_adverse)^peakExponent * (b + (1 - b)*p_favourable)^valleyExponent). A probability no model gives
 * leaves its term out.
 * @returns fraction of the full position, in [floor, 1]
 */
export function gateFactor(
  { adverse, favourable }: { readonly adverse: number | undefined; readonly favourable: number | undefined },
  settings: Pick<GatingSettings, 'gateFloor' | 'peakExponent' | 'valleyExponent' | 'favourableBase'>,
): number {
  const room = adverse === undefined ? 1 : pow(1 - adverse, settings.peakExponent);
  const { favourableBase: base } = settings;
  const support = favourable === undefined ? 1 : pow(base + (1 - base) * favourable, settings.valleyExponent);
  return Math.max(settings.gateFloor, room * support);
}
