import type { MarketSlice } from '../domain/market-table.ts';
import { universeIndexOf } from '../domain/marks.ts';
import { type TimeUs, US_PER_MINUTE } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';

export interface GapOptions {
  /** Universe in code-unit order. */
  readonly symbols: readonly string[];
  /** Minutes that a bar may be overdue; 0 or absent watches nothing. */
  readonly maxGapMinutes: number | undefined;
  readonly barSeconds: number;
  /** In a session that is open already: the end of the newest bar there was. */
  readonly sinceUs?: TimeUs;
}

/**
 * The events of one session with a DataGapDetected for each symbol whose next bar is overdue by more than is allowed,
 * once a gap, before the first event that finds it so. A row without quote and trade is no bar.
 */
export function withDataGaps(events: Iterable<InputEvent>, options: GapOptions): Iterable<InputEvent> {
  return (options.maxGapMinutes ?? 0) > 0 ? watchGaps(events, options) : events;
}

function* watchGaps(events: Iterable<InputEvent>, options: GapOptions): Generator<InputEvent> {
  const gapsBefore = createGapWatch(options);
  for (const event of events) {
    yield* gapsBefore(event);
    yield event;
  }
}

/** Shown one event after the other, says which gaps each of them finds. Finds none where `maxGapMinutes` is 0. */
export function createGapWatch(options: GapOptions): (event: InputEvent) => readonly InputEvent[] {
  const { symbols, maxGapMinutes = 0, barSeconds } = options;
  if (maxGapMinutes === 0) return () => [];
  const allowedUs = maxGapMinutes * US_PER_MINUTE + barSeconds * 1_000_000;
  const newestUs = new Float64Array(symbols.length).fill(options.sinceUs ?? 0);
  const isReported = new Uint8Array(symbols.length);
  return (event) => {
    const gaps: InputEvent[] = [];
    if (event.type === 'SessionOpened') {
      newestUs.fill(event.tUs);
      isReported.fill(0);
      return gaps;
    }
    for (let i = 0; i < symbols.length; i += 1) {
      if (event.tUs - newestUs[i] <= allowedUs || isReported[i] === 1) continue;
      isReported[i] = 1;
      gaps.push({ type: 'DataGapDetected', tUs: event.tUs, symbol: symbols[i], sinceUs: newestUs[i] });
    }
    if (event.type === 'MarketSlice')
      takeBars(event.slice, { symbols, tUs: event.tUs, newestUs, isReported });
    return gaps;
  };
}

interface GapState {
  readonly symbols: readonly string[];
  readonly tUs: TimeUs;
  readonly newestUs: Float64Array;
  readonly isReported: Uint8Array;
}

function takeBars({ table, from, to }: MarketSlice, { symbols, tUs, newestUs, isReported }: GapState): void {
  const universeIxOf = universeIndexOf(symbols, table.symbols);
  for (let row = from; row < to; row += 1) {
    const i = universeIxOf[table.symbolIx[row]];
    if (i < 0 || table.flags[row] === 0) continue;
    newestUs[i] = tUs;
    isReported[i] = 0;
  }
}
