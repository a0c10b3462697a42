import type { MoneyMicros } from '../../domain/units.ts';

/** Highest equity seen and the deepest fall from it. Plain data. */
export interface DrawdownState {
  /** 0 until equity has been positive. */
  peakMicros: MoneyMicros;
  maxDrawdownFrac: number;
}

export function createDrawdown(equityMicros: MoneyMicros): DrawdownState {
  return { peakMicros: Math.max(0, equityMicros), maxDrawdownFrac: 0 };
}

/** Takes in one mark. @returns fall from the peak, fraction of the peak; above 1 when equity is negative */
export function updateDrawdown(state: DrawdownState, equityMicros: MoneyMicros): number {
  if (equityMicros > state.peakMicros) state.peakMicros = equityMicros;
  const drawdown = drawdownFrac(state, equityMicros);
  if (drawdown > state.maxDrawdownFrac) state.maxDrawdownFrac = drawdown;
  return drawdown;
}

export function drawdownFrac(
  { peakMicros }: Pick<DrawdownState, 'peakMicros'>,
  equityMicros: MoneyMicros,
): number {
  return peakMicros > 0 ? (peakMicros - equityMicros) / peakMicros : 0;
}

/** Gain on current equity that would regain the peak, fraction; undefined when no gain can (equity is 0 or less). */
export function recoveryNeededFrac(
  { peakMicros }: Pick<DrawdownState, 'peakMicros'>,
  equityMicros: MoneyMicros,
): number | undefined {
  return equityMicros > 0 ? Math.max(0, peakMicros / equityMicros - 1) : undefined;
}

/** Starts over from the given equity: what an operator's reset does. */
export function resetDrawdown(state: DrawdownState, equityMicros: MoneyMicros): void {
  state.peakMicros = Math.max(0, equityMicros);
  state.maxDrawdownFrac = 0;
}
