import { InputError } from '../domain/errors.ts';
import type { AnnouncedAction, SourcedAction } from './actions.ts';
import { CALENDAR_FIRST_DATE, CALENDAR_LAST_DATE, isDate, sessionOn } from './calendar.ts';
import { simplestRatio } from './simple-ratio.ts';

/** A ratio given as a decimal, such as 1.5: digits enough to name it exactly. */
const DECIMAL_TOLERANCE = 1e-9;
const MAX_TERM = 10_000;

/**
 * Corporate actions from CSV with a header: `date,symbol,kind,value`, or the value in columns of its own, `ratio` and
 * `cash`. The date is the ex-date; `split` has new shares by old ones (`7:1`, `1:20`, or 1.5), `dividend` dollars a share.
 * @param label names the file in messages
 * @throws InputError ACTIONS_FILE, naming file and line
 */
export function parseActionsCsv({
  text,
  label,
}: {
  readonly text: string;
  readonly label: string;
}): SourcedAction[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  const header = cellsOf(lines[0], `${label}:1`).map((name) => name.toLowerCase());
  const column = (...names: readonly string[]): number => {
    const found = header.filter((name) => names.includes(name));
    if (found.length > 1) fail(`${label}:1`, `columns ${found.join(' and ')} say the same; keep one`);
    return header.indexOf(found[0]);
  };
  const at = {
    date: column('date'),
    symbol: column('symbol'),
    kind: column('kind'),
    split: column('value', 'ratio', 'ratio|cash'),
    dividend: column('value', 'cash', 'ratio|cash'),
  };
  if (at.date < 0 || at.symbol < 0 || at.kind < 0 || (at.split < 0 && at.dividend < 0)) {
    fail(`${label}:1`, `header ${JSON.stringify(lines[0].trim().slice(0, 60))}`);
  }
  return lines.slice(1).flatMap((line, k) => {
    if (line.trim() === '') return [];
    const place = `${label}:${k + 2}`;
    const cells = cellsOf(line, place);
    if (cells.length !== header.length)
      fail(place, `${cells.length} columns, the header has ${header.length}`);
    const kind = cells[at.kind];
    if (kind !== 'split' && kind !== 'dividend')
      fail(place, `kind ${JSON.stringify(kind)} is neither split nor dividend`);
    if (at[kind] < 0) fail(place, `no column for the value of a ${kind}`);
    const facts = { symbol: symbolOf(cells[at.symbol], place), exDate: exDateOf(cells[at.date], place) };
    return [{ action: actionOf(kind, facts, { text: cells[at[kind]], at: place }), at: place }];
  });
}

/** Cells without the quotes around them; none holds a comma, so quotes are never needed. */
function cellsOf(line: string, at: string): string[] {
  return line.split(',').map((raw) => {
    const cell = raw.trim();
    const text = /^"([^"]*)"$/.exec(cell)?.[1].trim() ?? cell;
    if (text.includes('"')) fail(at, `a quote inside ${JSON.stringify(cell.slice(0, 40))}`);
    return text;
  });
}

interface Cell {
  readonly text: string;
  readonly at: string;
}

function symbolOf(text: string, at: string): string {
  if (text === '') fail(at, 'no symbol');
  return text;
}

function exDateOf(text: string, at: string): string {
  const isKnown = isDate(text) && text >= CALENDAR_FIRST_DATE && text <= CALENDAR_LAST_DATE;
  if (!isKnown) fail(at, `${JSON.stringify(text.slice(0, 40))} is not a date YYYY-MM-DD of the calendar`);
  if (sessionOn(text) === undefined) fail(at, `${text} is no trading day, an ex-date is one`);
  return text;
}

function actionOf(
  kind: 'split' | 'dividend',
  facts: { readonly symbol: string; readonly exDate: string },
  cell: Cell,
): AnnouncedAction {
  if (kind === 'dividend') return { kind, ...facts, cashMicros: cashMicrosOf(cell) };
  return { kind, ...facts, ...sharesOf(cell) };
}

function cashMicrosOf({ text, at }: Cell): number {
  const isDollars = /^[0-9]{1,9}(?:\.[0-9]{1,6})?$/.test(text) && Number(text) > 0;
  if (!isDollars) fail(at, `dividend ${JSON.stringify(text)} is not dollars a share, above 0, to 6 decimals`);
  return Math.round(Number(text) * 1e6);
}

function sharesOf({ text, at }: Cell): { readonly oldShares: number; readonly newShares: number } {
  const pair = /^([0-9]{1,5}):([0-9]{1,5})$/.exec(text);
  const decimal = /^[0-9]{1,5}(?:\.[0-9]{1,12})?$/.test(text) ? Number(text) : 0;
  const ratio =
    pair === null
      ? simplestRatio(decimal, DECIMAL_TOLERANCE)
      : { numerator: Number(pair[1]), denominator: Number(pair[2]) };
  if (ratio !== undefined && isTerm(ratio.numerator) && isTerm(ratio.denominator)) {
    if (ratio.numerator !== ratio.denominator)
      return { newShares: ratio.numerator, oldShares: ratio.denominator };
  }
  return fail(at, `split ${JSON.stringify(text)} is not new shares by old ones, such as 7:1, 1:20 or 1.5`);
}

function isTerm(shares: number): boolean {
  return shares >= 1 && shares <= MAX_TERM;
}

function fail(at: string, problem: string): never {
  throw new InputError(
    'ACTIONS_FILE',
    `${at}: ${problem}; expected a header and rows date,symbol,kind,value, such as 2014-06-09,AAPL,split,7:1 or 2014-05-08,AAPL,dividend,3.29`,
  );
}
