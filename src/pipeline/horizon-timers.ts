/** For every symbol, the horizon its position lives on and when that horizon started. Plain data, by universe index. */
export interface HorizonTimers {
  /** Index into the blend plan's horizons, -1 where none was chosen yet. */
  readonly horizonIx: Int32Array;
  /** Session minutes of the run at the start. */
  readonly startMinutes: Float64Array;
}

export function createHorizonTimers(symbolCount: number): HorizonTimers {
  return { horizonIx: new Int32Array(symbolCount).fill(-1), startMinutes: new Float64Array(symbolCount) };
}

export function startTimer(
  timers: HorizonTimers,
  i: number,
  { horizonIx, sessionMinutes }: { readonly horizonIx: number; readonly sessionMinutes: number },
): void {
  timers.horizonIx[i] = horizonIx;
  timers.startMinutes[i] = sessionMinutes;
}
