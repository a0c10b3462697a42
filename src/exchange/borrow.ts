import { chargeBorrowFee, markedMicros } from '../domain/ledger.ts';
import type { Session } from '../domain/market-table.ts';
import { exactMicros } from '../domain/money.ts';
import type { MoneyMicros } from '../domain/units.ts';
import { US_PER_DAY } from '../domain/units.ts';
import type { BorrowFeeCharged } from '../events/inputs.ts';
import type { ExchangeState } from './state.ts';

/** Lenders count a year of 360 days: the money-market convention of stock loan fees. */
const DAYS_PER_YEAR = 360;

/** From basis points a year to shares of the value a night. */
const DIVISOR = 10_000 * DAYS_PER_YEAR;

/** Residue of double arithmetic that must not round a fee up by another micro-dollar. */
const ROUNDING_NOISE = 1e-6;

/** Fee for shares worth `valueMicros` over some nights, rounded up to a micro-dollar as every fee is. */
export function borrowFeeMicros(loan: {
  readonly valueMicros: MoneyMicros;
  readonly annualBps: number;
  readonly nights: number;
}): MoneyMicros {
  const product = loan.valueMicros * (loan.annualBps * loan.nights);
  if (Number.isSafeInteger(product)) {
    // exact, so that the smallest remainder counts
    const remainder = product % DIVISOR;
    return exactMicros((product - remainder) / DIVISOR + (remainder > 0 ? 1 : 0));
  }
  return exactMicros(Math.max(0, Math.ceil(product / DIVISOR - ROUNDING_NOISE)));
}

/**
 * Charges every short position for the nights since the session before, weekends and holidays included, at the marks
 * it closed with: facts of the last close, so the fee is known before anything trades.
 */
export function chargeBorrowFees(state: ExchangeState, session: Session): BorrowFeeCharged[] {
  const charged: BorrowFeeCharged[] = [];
  // daylight saving moves openings by an hour, never by half a day
  const nights = Math.round((session.openUs - state.openedUs) / US_PER_DAY);
  for (let i = 0; i < state.symbols.length; i += 1) {
    const shares = state.ledger.shares[i];
    if (shares >= 0) continue;
    const valueMicros = -markedMicros(state.ledger, state.marks.priceE4, i);
    const feeMicros = borrowFeeMicros({ valueMicros, annualBps: state.lending.annualBps[i], nights });
    if (feeMicros === 0) continue;
    chargeBorrowFee(state.ledger, feeMicros);
    const symbol = state.symbols[i];
    charged.push({
      type: 'BorrowFeeCharged',
      tUs: session.openUs,
      symbol,
      shares: -shares,
      nights,
      feeMicros,
    });
  }
  return charged;
}
