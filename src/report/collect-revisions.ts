import { bookCommission, bookCorrection, type LateBooking } from '../domain/late-reports.ts';
import type { Ledger } from '../domain/ledger.ts';
import { adoptCash, adoptPosition } from '../domain/ledger-corrections.ts';
import { type Marks, markAtTrade } from '../domain/marks.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { TimeUs } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import {
  closedTrade,
  collectTrip,
  countTrip,
  createTripTotals,
  type OrderOrigin,
  type TripBooks,
} from './trip-totals.ts';

/** The part of a collector that a revision of the books reaches. */
export interface RevisedBooks extends TripBooks {
  readonly ledger: Ledger;
  readonly marks: Marks;
  readonly openedBy: (OrderOrigin | null)[];
}

/** Takes a correction or a late fee: books and closed trades become what they would be had it been known at first. */
export function collectLateReport(
  books: RevisedBooks,
  event: Extract<InputEvent, { readonly type: 'ExecutionCorrected' | 'CommissionReported' }>,
): void {
  const { ledger } = books;
  if (event.type === 'CommissionReported') {
    exchangeTrades(books, bookCommission(ledger, event));
    return;
  }
  const booking = bookCorrection(ledger, event);
  if (booking.booked !== undefined) markIfNew(books, booking.booked.symbolIx, event.execution.priceE4);
  exchangeTrades(books, booking);
}

/** Takes what the engine took over from the broker. */
export function collectAdopted(
  books: RevisedBooks,
  event: Extract<DerivedEvent, { readonly type: 'CashAdopted' | 'PositionAdopted' }>,
  tUs: TimeUs,
): void {
  const { ledger, openedBy } = books;
  if (event.type === 'CashAdopted') {
    adoptCash(ledger, ledger.cashMicros + event.cashMicros);
    return;
  }
  const { symbol, change, priceE4 } = event;
  const symbolIx = indexOfSymbol(ledger.symbols, symbol);
  const { roundTrip } = adoptPosition(ledger, { symbolIx, shares: change, priceE4, tUs });
  markIfNew(books, symbolIx, priceE4);
  if (roundTrip === undefined) return;
  collectTrip(books, symbolIx, roundTrip, null);
  openedBy[symbolIx] = null;
}

function markIfNew({ marks }: RevisedBooks, symbolIx: number, priceE4: number): void {
  if (marks.priceE4[symbolIx] === 0) markAtTrade(marks, symbolIx, priceE4);
}

/** The newest trades of a symbol are those of its journal: each becomes what it is now, and their number may change. */
function exchangeTrades({ trades, trips }: RevisedBooks, { booked }: LateBooking): void {
  if (booked === undefined) return;
  const { symbol, tripsBefore = [], tripsAfter = [] } = booked;
  const places: number[] = [];
  for (let k = trades.length - 1; k >= 0 && places.length < tripsBefore.length; k -= 1) {
    if (trades[k].symbol === symbol) places.unshift(k);
  }
  tripsAfter.forEach((trip, k) => {
    if (k >= places.length) trades.push(closedTrade(trip, null, null));
    else {
      const { horizon, entryCycle, exitCycle } = trades[places[k]];
      trades[places[k]] = { ...trip, horizon, entryCycle, exitCycle };
    }
  });
  for (const place of places.slice(tripsAfter.length).reverse()) trades.splice(place, 1);
  if (places.length === 0 && tripsAfter.length === 0) return;
  Object.assign(trips, createTripTotals());
  for (const trade of trades) countTrip(trips, trade);
}
