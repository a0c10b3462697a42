import { InputError } from '../domain/errors.ts';
import type { SourcedAction } from './actions.ts';
import { CALENDAR_FIRST_DATE, CALENDAR_LAST_DATE, isDate, nextSession } from './calendar.ts';
import { type Ratio, simplestRatio } from './simple-ratio.ts';

/** Split factors are written with 8 decimals, and small ones carry an error of some 1e-6. */
const RATIO_TOLERANCE = 1e-5;
/** A factor may be cut off after its last digit as well as rounded; a whole unit away is another number. */
const LAST_DIGIT = 0.99;
/** Terms of a split; greater ones only where no ratio of the same size is as near, by a factor of ten. */
const USUAL_TERM = 100;
/** A ratio of such terms that a factor equals is meant, however few digits there are: 0.9 is 9 for 10, not 8 for 9. */
const SMALL_TERM = 20;
const DISTINCT_SHARE = 0.1;
/** Price factors have 7 decimals: times a price of hundreds of dollars that carries a dividend to a tenth of a cent. */
const DIVIDEND_STEPS_PER_DOLLAR = 1_000;

interface FactorRow {
  readonly at: string;
  /** `YYYY-MM-DD`, the last session the factors hold for. */
  readonly date: string;
  readonly priceFactor: number;
  readonly splitFactor: number;
  /** One unit of the last decimal that the split factor is printed with; 0 for a whole number, which is exact. */
  readonly splitUnit: number;
  /** Close of that session, unadjusted dollars; 0 where the file has none. */
  readonly referencePrice: number;
}

/**
 * The splits and dividends behind a LEAN factor file, rows `yyyymmdd, price factor, split factor, reference price`. A
 * row's factors hold up to and including its date and are cumulative: they turn prices of then into prices of the end of
 * the file. So from one row to the next, on the session after the first one's date, split factor over next split factor
 * is old shares by new ones, and the reference price times (1 - price factor over next price factor) is the dividend.
 * The last row closes the file with factors 1 and 1. From there back each split is the simplest ratio that the digits of
 * its row carry, over what the splits after it come to exactly.
 * @param label names the file in messages
 * @throws InputError FACTOR_FILE, naming file and line
 */
export function actionsOfFactorFile(input: {
  readonly text: string;
  readonly label: string;
  readonly symbol: string;
}): SourcedAction[] {
  const rows = parseRows(input);
  const found: SourcedAction[] = [];
  let splitsAfter = 1;
  for (let k = rows.length - 2; k >= 0; k -= 1) {
    const [row, next] = [rows[k], rows[k + 1]];
    if (row.date < CALENDAR_FIRST_DATE) break;
    const { numerator, denominator } = splitBetween(row, next, splitsAfter);
    splitsAfter = (splitsAfter * numerator) / denominator;
    if (row.date >= CALENDAR_LAST_DATE) continue;
    const cashMicros = dividendBetween(row, next);
    if (numerator === denominator && cashMicros === 0) continue;
    const facts = { symbol: input.symbol, exDate: nextSession(row.date).date };
    if (numerator !== denominator) {
      found.push({
        action: { kind: 'split', ...facts, oldShares: numerator, newShares: denominator },
        at: row.at,
      });
    }
    if (cashMicros > 0) found.push({ action: { kind: 'dividend', ...facts, cashMicros }, at: row.at });
  }
  return found.reverse();
}

function parseRows({ text, label }: { readonly text: string; readonly label: string }): FactorRow[] {
  const rows: FactorRow[] = [];
  for (const [k, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const row = parseRow(line, `${label}:${k + 1}`);
    const last = rows.at(-1);
    if (last !== undefined && row.date <= last.date) fail(row.at, `${row.date} is not after ${last.date}`);
    rows.push(row);
  }
  const closing = rows.at(-1);
  if (closing === undefined) return fail(`${label}:1`, 'no rows');
  if (closing.priceFactor !== 1 || closing.splitFactor !== 1) {
    fail(
      closing.at,
      `the last row has factors ${closing.priceFactor} and ${closing.splitFactor}, so the row that closes the file, such as 20501231,1,1,0, is missing`,
    );
  }
  return rows;
}

function parseRow(line: string, at: string): FactorRow {
  const cells = line.split(',').map((cell) => cell.trim());
  if (cells.length < 3 || cells.length > 5) fail(at, `${cells.length} columns, expected 4`);
  const [day, priceFactor, splitFactor, referencePrice = '0'] = cells;
  const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
  if (!/^[0-9]{8}$/.test(day) || !isDate(date)) fail(at, `${JSON.stringify(day)} is not a date yyyymmdd`);
  const row = {
    at,
    date,
    priceFactor: decimal(priceFactor, { at, name: 'price factor' }),
    splitFactor: decimal(splitFactor, { at, name: 'split factor' }),
    splitUnit: unitOf(splitFactor),
    referencePrice: decimal(referencePrice, { at, name: 'reference price' }),
  };
  if (!(row.priceFactor > 0 && row.splitFactor > 0)) fail(at, 'a factor is 0');
  return row;
}

/** Plain digits only: a factor in exponents, such as 1e+07, has lost the digits that a ratio needs. */
function decimal(text: string, { at, name }: { readonly at: string; readonly name: string }): number {
  if (!/^[0-9]{1,12}(?:\.[0-9]{0,15})?$/.test(text)) {
    fail(at, `${name} ${JSON.stringify(text.slice(0, 40))} is not a plain decimal number`);
  }
  return Number(text);
}

function unitOf(printed: string): number {
  const decimals = printed.split('.')[1] ?? '';
  return decimals === '' ? 0 : 1 / Number(`1e${decimals.length}`);
}

/** Micro-dollars a share, 0 for none. */
function dividendBetween(row: FactorRow, next: FactorRow): number {
  const paid = 1 - row.priceFactor / next.priceFactor;
  if (paid < 0) fail(row.at, `the price factor falls to ${next.priceFactor} on the next row`);
  if (paid > 0 && row.referencePrice === 0) fail(row.at, 'a dividend needs the reference price');
  return (
    Math.round(row.referencePrice * paid * DIVIDEND_STEPS_PER_DOLLAR) * (1e6 / DIVIDEND_STEPS_PER_DOLLAR)
  );
}

/**
 * Old shares by new ones from a row to the next, 1 by 1 for no split.
 * @param splitsAfter what the next row's split factor is exactly
 */
function splitBetween(row: FactorRow, next: FactorRow, splitsAfter: number): Ratio {
  if (row.splitFactor === next.splitFactor) return { numerator: 1, denominator: 1 };
  const change = row.splitFactor / splitsAfter;
  const tolerance = Math.max(RATIO_TOLERANCE, (LAST_DIGIT * row.splitUnit) / row.splitFactor);
  const equal = simplestRatio(change, RATIO_TOLERANCE);
  if (equal !== undefined && hasTerms(equal, SMALL_TERM)) return equal;
  const ratio = simplestRatio(change, tolerance);
  if (ratio !== undefined && isCarried(ratio, tolerance)) return ratio;
  return fail(
    row.at,
    `split ratio ${change} is no ratio of whole numbers that the digits of split factor ${row.splitFactor} carry`,
  );
}

/** Ratios n/d and n'/d' differ by 1 part in n*d' or more: that is what a tolerance has to be small beside. */
function isCarried(ratio: Ratio, tolerance: number): boolean {
  return hasTerms(ratio, USUAL_TERM) || ratio.numerator * ratio.denominator * tolerance <= DISTINCT_SHARE;
}

function hasTerms({ numerator, denominator }: Ratio, most: number): boolean {
  return numerator <= most && denominator <= most;
}

function fail(at: string, problem: string): never {
  throw new InputError(
    'FACTOR_FILE',
    `${at}: ${problem}; expected rows yyyymmdd,price factor,split factor,reference price by date; correct the file, or import with --actions none`,
  );
}
