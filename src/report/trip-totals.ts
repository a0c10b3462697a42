import type { RoundTrip } from '../domain/lots.ts';
import type { MoneyMicros } from '../domain/units.ts';

/** Sums over round trips, flat to flat; a win is a net gain above 0, a loss one below. */
export interface TripTotals {
  count: number;
  long: number;
  wins: number;
  losses: number;
  gainsMicros: MoneyMicros;
  lossesMicros: MoneyMicros;
  bestMicros: MoneyMicros;
  worstMicros: MoneyMicros;
  holdingUs: number;
}

/** What an order was decided for, and in which cycle. */
export interface OrderOrigin {
  readonly cycle: number;
  readonly horizon: string | null;
}

/** A position from flat to flat, and the decisions behind it; null where no order of ours opened or closed it. */
export interface ClosedTrade extends RoundTrip {
  /** The one it was entered on. */
  readonly horizon: string | null;
  readonly entryCycle: number | null;
  readonly exitCycle: number | null;
}

/** Where closed trades are counted and kept, and what opened the position of each symbol. */
export interface TripBooks {
  readonly trips: TripTotals;
  readonly trades: ClosedTrade[];
  readonly openedBy: readonly (OrderOrigin | null)[];
}

/** @param closedBy what the order that closed it was decided for; null where no order of ours did */
export function collectTrip(
  { trips, trades, openedBy }: TripBooks,
  symbolIx: number,
  trip: RoundTrip,
  closedBy: OrderOrigin | null,
): void {
  countTrip(trips, trip);
  trades.push(closedTrade(trip, openedBy[symbolIx] ?? null, closedBy));
}

export function closedTrade(
  trip: RoundTrip,
  openedBy: OrderOrigin | null,
  closedBy: OrderOrigin | null,
): ClosedTrade {
  return {
    ...trip,
    horizon: openedBy?.horizon ?? null,
    entryCycle: openedBy?.cycle ?? null,
    exitCycle: closedBy?.cycle ?? null,
  };
}

export function createTripTotals(): TripTotals {
  return {
    count: 0,
    long: 0,
    wins: 0,
    losses: 0,
    gainsMicros: 0,
    lossesMicros: 0,
    bestMicros: 0,
    worstMicros: 0,
    holdingUs: 0,
  };
}

export function countTrip(trips: TripTotals, { direction, netMicros, holdingUs }: RoundTrip): void {
  trips.bestMicros = trips.count === 0 ? netMicros : Math.max(trips.bestMicros, netMicros);
  trips.worstMicros = trips.count === 0 ? netMicros : Math.min(trips.worstMicros, netMicros);
  trips.count += 1;
  trips.holdingUs += holdingUs;
  if (direction === 'long') trips.long += 1;
  if (netMicros > 0) {
    trips.wins += 1;
    trips.gainsMicros += netMicros;
  } else if (netMicros < 0) {
    trips.losses += 1;
    trips.lossesMicros -= netMicros;
  }
}
