import { InputError } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import { US_PER_DAY, US_PER_SECOND } from '../domain/units.ts';
import type { BadRowLog } from './bad-rows.ts';
import { type BarRow, checkRow } from './bar-row.ts';
import { formatNewYork, newYorkDateOf, newYorkMidnightUs, sessionOn } from './calendar.ts';
import type { BadRowKind } from './manifest.ts';
import { DAILY_BAR_SECONDS } from './market-columns.ts';
import type { SessionRows } from './session-rows.ts';

/** Which rows are asked for. Rows outside it are not bad, they are not wanted. */
export interface RowFilter {
  /** Undefined: all. */
  readonly symbols?: ReadonlySet<string>;
  /** `YYYY-MM-DD`, included. */
  readonly from?: string;
  readonly to?: string;
}

/** The gate every imported row passes: filter, session, values, order. */
export interface RowIntake {
  /** Starts a file: order is checked within one. */
  startFile(name: string): void;
  /** Takes or rejects the row; the caller may reuse it at once. `endUs` is the end of the bar; NaN: unreadable. */
  offer(row: BarRow, line: number): void;
  /** For a line that could not even be split into a row. */
  reject(kind: BadRowKind, line: number, detail: string): void;
  readonly files: readonly string[];
  readonly rowsRead: number;
  readonly rowsFiltered: number;
  /** Prices finer than 1e-4 dollars in the rows that were taken. */
  readonly pricesRounded: number;
  /** Symbols of the rows that were taken. */
  readonly taken: ReadonlySet<string>;
}

export interface RowIntakeOptions {
  readonly barSeconds: number;
  readonly filter: RowFilter;
  readonly log: BadRowLog;
  readonly rows: SessionRows;
}

const SYMBOL = /^[A-Za-z0-9][A-Za-z0-9.\-_/=^:]{0,31}$/;

export function createRowIntake(options: RowIntakeOptions): RowIntake {
  const { barSeconds, filter, log, rows } = options;
  const locate = sessionLocator(barSeconds);
  const files: string[] = [];
  const lastEnd = new Map<string, number>();
  const taken = new Set<string>();
  const origin = { file: 0, line: 0 };
  const state = { rowsRead: 0, rowsFiltered: 0, pricesRounded: 0 };

  const reject = (kind: BadRowKind, line: number, detail: string): void =>
    log.add({ kind, file: files[files.length - 1] ?? '', line, detail });

  return {
    files,
    taken,
    get rowsRead() {
      return state.rowsRead;
    },
    get rowsFiltered() {
      return state.rowsFiltered;
    },
    get pricesRounded() {
      return state.pricesRounded;
    },
    startFile: (name) => {
      files.push(name);
      lastEnd.clear();
    },
    reject: (kind, line, detail) => {
      state.rowsRead += 1;
      reject(kind, line, detail);
    },
    offer: (row, line) => {
      state.rowsRead += 1;
      if (!SYMBOL.test(row.symbol)) {
        return reject('malformed', line, `symbol ${JSON.stringify(row.symbol.slice(0, 40))} is not a ticker`);
      }
      if (filter.symbols !== undefined && !filter.symbols.has(row.symbol)) {
        state.rowsFiltered += 1;
        return;
      }
      const place = locate(row.endUs);
      if ('fault' in place) return reject(place.kind, line, place.fault);
      if (
        (filter.from !== undefined && place.date < filter.from) ||
        (filter.to !== undefined && place.date > filter.to)
      ) {
        state.rowsFiltered += 1;
        return;
      }
      const { session } = place;
      if (session === undefined)
        return reject('outside_session', line, `${row.symbol} ${formatNewYork(row.endUs)}`);
      const kind = checkRow(row);
      if (kind !== undefined) return reject(kind, line, `${row.symbol}: ${row.detail}`);
      const last = lastEnd.get(row.symbol);
      if (last !== undefined && row.endUs < last) {
        return reject(
          'out_of_order',
          line,
          `${row.symbol} ${formatNewYork(row.endUs)} after ${formatNewYork(last)}`,
        );
      }
      if (last === undefined) taken.add(row.symbol);
      lastEnd.set(row.symbol, row.endUs);
      state.pricesRounded += row.roundedPrices;
      origin.file = files.length - 1;
      origin.line = line;
      rows.add(session.date, row, origin);
    },
  };
}

interface Place {
  readonly date: string;
  readonly session: Session | undefined;
}
interface Fault {
  readonly kind: BadRowKind;
  readonly fault: string;
}

/** Finds the session a bar's end falls into; remembers the last one, since rows come in runs. */
function sessionLocator(barSeconds: number): (endUs: number) => Place | Fault {
  const barUs = barSeconds * US_PER_SECOND;
  const isDaily = barSeconds === DAILY_BAR_SECONDS;
  const byDate = new Map<string, Session | undefined>();
  let last: { date: string; session: Session } | undefined;
  return (endUs) => {
    if (!Number.isSafeInteger(endUs)) return { kind: 'malformed', fault: 'time cannot be read' };
    if (last === undefined || endUs <= last.session.openUs || endUs > last.session.closeUs) {
      const date = newYorkDateOf(endUs);
      let session = byDate.get(date);
      if (session === undefined && !byDate.has(date)) {
        const found = calendarSession(date);
        if (found !== undefined && 'fault' in found) return found;
        session = found;
        byDate.set(date, session);
      }
      if (session === undefined || endUs <= session.openUs || endUs > session.closeUs)
        return { date, session: undefined };
      last = { date, session };
    }
    const { session } = last;
    if (!isDaily && (endUs - session.openUs) % barUs !== 0) {
      return {
        kind: 'malformed',
        fault: `bar end ${formatNewYork(endUs)} is not on the grid of ${barSeconds} s`,
      };
    }
    return last;
  };
}

function calendarSession(date: string): Session | undefined | Fault {
  try {
    return sessionOn(date);
  } catch (error) {
    if (error instanceof InputError) return { kind: 'malformed', fault: error.message };
    throw error;
  }
}

/**
 * End of a daily bar: the close of that date's session. On a day without a session the end of the day, which lies
 * outside every session, so that the row is reported as such.
 */
export function dailyEndUs(date: string): number {
  const session = calendarSession(date);
  if (session !== undefined && !('fault' in session)) return session.closeUs;
  return newYorkMidnightUs(date) + US_PER_DAY - US_PER_SECOND;
}
