import { InputError } from '../domain/errors.ts';
import type { AnnouncedAction, SourcedAction } from './actions.ts';
import { CALENDAR_FIRST_DATE, CALENDAR_LAST_DATE, isDate, nextSession } from './calendar.ts';
import { simplestRatio } from './simple-ratio.ts';

/** Split factors are written with 8 decimals, and small ones carry an error of some 1e-6. */
const RATIO_TOLERANCE = 1e-5;
/** Price factors have 7 decimals: times a price of hundreds of dollars that carries a dividend to a tenth of a cent. */
const DIVIDEND_STEPS_PER_DOLLAR = 1_000;

interface FactorRow {
  readonly at: string;
  /** `YYYY-MM-DD`, the last session the factors hold for. */
  readonly date: string;
  readonly priceFactor: number;
  readonly splitFactor: number;
  /** Close of that session, unadjusted dollars; 0 where the file has none. */
  readonly referencePrice: number;
}

/**
 * The splits and dividends behind a LEAN factor file, rows `yyyymmdd, price factor, split factor, reference price`. A
 * row's factors hold up to and including its date and are cumulative: they turn prices of then into prices of the end of
 * the file. So from one row to the next, on the session after the first one's date, split factor over next split factor
 * is old shares by new ones, and the reference price times (1 - price factor over next price factor) is the dividend.
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
  for (let k = 0; k + 1 < rows.length; k += 1) {
    const [row, next] = [rows[k], rows[k + 1]];
    if (row.date < CALENDAR_FIRST_DATE || row.date >= CALENDAR_LAST_DATE) continue;
    if (row.priceFactor === next.priceFactor && row.splitFactor === next.splitFactor) continue;
    const facts = { symbol: input.symbol, exDate: nextSession(row.date).date };
    for (const action of actionsBetween(row, next, facts)) found.push({ action, at: row.at });
  }
  return found;
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
  if (rows.length === 0) fail(`${label}:1`, 'no rows');
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

function actionsBetween(
  row: FactorRow,
  next: FactorRow,
  facts: { readonly symbol: string; readonly exDate: string },
): AnnouncedAction[] {
  const actions: AnnouncedAction[] = [];
  const paid = 1 - row.priceFactor / next.priceFactor;
  if (paid < 0) fail(row.at, `the price factor falls to ${next.priceFactor} on the next row`);
  if (paid > 0 && row.referencePrice === 0) fail(row.at, 'a dividend needs the reference price');
  const cashMicros =
    Math.round(row.referencePrice * paid * DIVIDEND_STEPS_PER_DOLLAR) * (1e6 / DIVIDEND_STEPS_PER_DOLLAR);
  if (cashMicros > 0) actions.push({ kind: 'dividend', ...facts, cashMicros });
  const change = row.splitFactor / next.splitFactor;
  const ratio = simplestRatio(change, RATIO_TOLERANCE);
  if (ratio === undefined) return fail(row.at, `split ratio ${change} is no ratio of whole numbers to 10000`);
  const { numerator: oldShares, denominator: newShares } = ratio;
  if (oldShares !== newShares) actions.push({ kind: 'split', ...facts, oldShares, newShares });
  return actions;
}

function fail(at: string, problem: string): never {
  throw new InputError(
    'FACTOR_FILE',
    `${at}: ${problem}; expected rows yyyymmdd,price factor,split factor,reference price by date; correct the file, or import with --actions none`,
  );
}
