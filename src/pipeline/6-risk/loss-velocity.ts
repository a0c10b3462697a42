import { type MoneyMicros, type TimeUs, US_PER_MINUTE } from '../../domain/units.ts';

/**
 * The highest equity of each of the last minutes of logical time: a ring with one slot a minute, so that a mark costs
 * the length of the window however many marks a minute has. Plain data.
 */
export interface LossWindow {
  /** Minutes since the epoch each slot stands for, 0 for none yet. */
  readonly minute: Float64Array;
  readonly highMicros: Float64Array;
}

export function createLossWindow(minutes: number): LossWindow {
  // the mark of `minutes` ago is part of the window, and so is the newest
  return { minute: new Float64Array(minutes + 1), highMicros: new Float64Array(minutes + 1) };
}

/** Takes in one mark. @returns fall from the window's highest mark, fraction of it */
export function markLoss(
  window: LossWindow,
  mark: { readonly equityMicros: MoneyMicros; readonly tUs: TimeUs },
): number {
  const { minute, highMicros } = window;
  const now = Math.floor(mark.tUs / US_PER_MINUTE);
  const slot = now % minute.length;
  const isNew = minute[slot] !== now;
  if (isNew || mark.equityMicros > highMicros[slot]) highMicros[slot] = mark.equityMicros;
  minute[slot] = now;
  return lossInWindow(window, mark);
}

/** The fall as it stands at a time, without taking the mark in; 0 without a positive mark in the window. */
export function lossInWindow(
  { minute, highMicros }: LossWindow,
  { equityMicros, tUs }: { readonly equityMicros: MoneyMicros; readonly tUs: TimeUs },
): number {
  const oldest = Math.floor(tUs / US_PER_MINUTE) - (minute.length - 1);
  let high = equityMicros;
  for (let k = 0; k < minute.length; k += 1) {
    if (minute[k] >= oldest && highMicros[k] > high) high = highMicros[k];
  }
  return high > 0 ? (high - equityMicros) / high : 0;
}

/** Forgets every mark: what an operator's reset does. */
export function clearLossWindow({ minute, highMicros }: LossWindow): void {
  minute.fill(0);
  highMicros.fill(0);
}
