import { exactMicros, notionalMicros } from './money.ts';
import type { DurationUs, MoneyMicros, PriceE4, Shares, TimeUs } from './units.ts';

/** Shares bought (or sold short) together and not closed yet. Signed: a short lot has negative shares. */
export interface Lot {
  shares: Shares;
  readonly priceE4: PriceE4;
  /** The part of the entry fee that its remaining shares carry. */
  feeMicros: MoneyMicros;
  readonly openedUs: TimeUs;
}

/** A piece of a lot closed by one execution, first in, first out. Quantities are positive. */
export interface ClosedLot {
  readonly direction: 'long' | 'short';
  readonly quantity: Shares;
  readonly entryPriceE4: PriceE4;
  readonly exitPriceE4: PriceE4;
  readonly openedUs: TimeUs;
  readonly closedUs: TimeUs;
  /** Price difference times shares, before fees. */
  readonly grossMicros: MoneyMicros;
  /** Entry and exit fees of these shares. */
  readonly feesMicros: MoneyMicros;
}

/** One position from flat to flat. Prices are share-weighted averages, doubles; money is exact. */
export interface RoundTrip {
  readonly symbol: string;
  readonly direction: 'long' | 'short';
  /** Shares entered, and left again, over the whole trip; after a split in its new shares, to the nearest whole one. */
  readonly quantity: Shares;
  readonly entryPriceE4: number;
  readonly exitPriceE4: number;
  readonly entryNotionalMicros: MoneyMicros;
  readonly grossMicros: MoneyMicros;
  readonly feesMicros: MoneyMicros;
  /** Dividends received while it was open; negative where a short position paid them. */
  readonly dividendsMicros: MoneyMicros;
  /** `grossMicros + dividendsMicros - feesMicros` */
  readonly netMicros: MoneyMicros;
  readonly openedUs: TimeUs;
  readonly closedUs: TimeUs;
  /** Share-weighted mean time from entry to exit, first in, first out. */
  readonly holdingUs: DurationUs;
}

/** What is known so far about a position that is still open; one per symbol. */
export interface OpenTrip {
  readonly direction: 'long' | 'short';
  readonly openedUs: TimeUs;
  /** In shares of today: a split rescales it, and may leave a fraction. */
  closedShares: number;
  entryNotionalMicros: MoneyMicros;
  exitNotionalMicros: MoneyMicros;
  grossMicros: MoneyMicros;
  feesMicros: MoneyMicros;
  dividendsMicros: MoneyMicros;
  /** Sum of shares times time held, in share-microseconds, for the mean. */
  shareUs: number;
}

interface Exit {
  readonly quantity: Shares;
  readonly priceE4: PriceE4;
  readonly feeMicros: MoneyMicros;
  readonly timeUs: TimeUs;
}

/**
 * `amount * part / whole`, rounded down to an integer. Callers give the rest to what remains, so splitting an amount
 * never loses or makes money.
 */
export function proRataMicros(amountMicros: MoneyMicros, part: Shares, whole: Shares): MoneyMicros {
  if (part === whole) return amountMicros;
  const each = Math.floor(amountMicros / whole);
  const rest = amountMicros - each * whole;
  return each * part + Math.floor((rest * part) / whole);
}

/** Adds shares to the end of the queue; joins the last lot when price and time are the same. */
export function openLot(lots: Lot[], lot: Lot): void {
  const last = lots.at(-1);
  if (last !== undefined && last.priceE4 === lot.priceE4 && last.openedUs === lot.openedUs) {
    last.shares += lot.shares;
    last.feeMicros += lot.feeMicros;
    return;
  }
  lots.push(lot);
}

/**
 * Closes `exit.quantity` shares from the front of the queue. The caller guarantees that the queue holds as many.
 * The fees of both sides are split by shares in integers, the remainder going to the piece that is closed last.
 */
export function closeLots(lots: Lot[], exit: Exit): ClosedLot[] {
  const closed: ClosedLot[] = [];
  let leftQuantity = exit.quantity;
  let leftFee = exit.feeMicros;
  let used = 0;
  while (leftQuantity > 0) {
    const lot = lots[used];
    const sign = Math.sign(lot.shares);
    const held = Math.abs(lot.shares);
    const quantity = Math.min(held, leftQuantity);
    const entryFee = proRataMicros(lot.feeMicros, quantity, held);
    const exitFee = proRataMicros(leftFee, quantity, leftQuantity);
    closed.push({
      direction: sign > 0 ? 'long' : 'short',
      quantity,
      entryPriceE4: lot.priceE4,
      exitPriceE4: exit.priceE4,
      openedUs: lot.openedUs,
      closedUs: exit.timeUs,
      grossMicros: notionalMicros(exit.priceE4 - lot.priceE4, sign * quantity),
      feesMicros: exactMicros(entryFee + exitFee),
    });
    lot.shares -= sign * quantity;
    lot.feeMicros -= entryFee;
    leftQuantity -= quantity;
    leftFee -= exitFee;
    if (lot.shares === 0) used += 1;
  }
  lots.splice(0, used);
  return closed;
}

export function openTrip(direction: 'long' | 'short', openedUs: TimeUs): OpenTrip {
  return {
    direction,
    openedUs,
    closedShares: 0,
    entryNotionalMicros: 0,
    exitNotionalMicros: 0,
    grossMicros: 0,
    feesMicros: 0,
    dividendsMicros: 0,
    shareUs: 0,
  };
}

export function addToTrip(trip: OpenTrip, closed: readonly ClosedLot[]): void {
  for (const lot of closed) {
    trip.closedShares += lot.quantity;
    trip.entryNotionalMicros = exactMicros(
      trip.entryNotionalMicros + notionalMicros(lot.entryPriceE4, lot.quantity),
    );
    trip.exitNotionalMicros = exactMicros(
      trip.exitNotionalMicros + notionalMicros(lot.exitPriceE4, lot.quantity),
    );
    trip.grossMicros = exactMicros(trip.grossMicros + lot.grossMicros);
    trip.feesMicros = exactMicros(trip.feesMicros + lot.feesMicros);
    trip.shareUs += lot.quantity * (lot.closedUs - lot.openedUs);
  }
}

/** The finished trip of a position that is flat again. */
export function closeTrip(trip: OpenTrip, symbol: string, closedUs: TimeUs): RoundTrip {
  return {
    symbol,
    direction: trip.direction,
    quantity: Math.max(1, Math.round(trip.closedShares)),
    entryPriceE4: trip.entryNotionalMicros / trip.closedShares / 100,
    exitPriceE4: trip.exitNotionalMicros / trip.closedShares / 100,
    entryNotionalMicros: trip.entryNotionalMicros,
    grossMicros: trip.grossMicros,
    feesMicros: trip.feesMicros,
    dividendsMicros: trip.dividendsMicros,
    netMicros: exactMicros(trip.grossMicros + trip.dividendsMicros - trip.feesMicros),
    openedUs: trip.openedUs,
    closedUs,
    holdingUs: Math.round(trip.shareUs / trip.closedShares),
  };
}
