import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED } from '../domain/market-table.ts';
import type { BadRowKind } from './manifest.ts';

/**
 * One input row before it enters a session, reused for every row of an import. `cells` are the 15 values in the order
 * of MARKET_VALUE_COLUMNS: bid open, high, low, close, size; ask the same; trade open, high, low, close, volume.
 */
export interface BarRow {
  endUs: number;
  symbol: string;
  isHalted: boolean;
  readonly cells: Float64Array;
  readonly states: Uint8Array;
  /** How many of its prices were finer than 1e-4 dollars, and rounded. */
  roundedPrices: number;
  /** Set by `checkRow`. */
  flags: number;
  /** Set by `checkRow` when it finds a fault. */
  detail: string;
}

/** States of a cell. An unmapped cell takes a default from its side's close; a mapped one does not. */
export const CELL_UNMAPPED = 0;
export const CELL_MISSING = 1;
export const CELL_VALUE = 2;
export const CELL_NAN = 3;
export const CELL_MALFORMED = 4;
export const CELL_NOT_WHOLE = 5;

export const CELLS = 15;
export const CELLS_PER_SIDE = 5;
/** 10 million dollars, in 1e-4: nothing listed comes near. */
const MAX_PRICE_E4 = 1e11;
const MAX_SHARES = 1e15;

/** Where the cells of each side begin: open, high, low, close, size. */
export const SIDES = [
  { name: 'bid', flag: HAS_BID, at: 0 },
  { name: 'ask', flag: HAS_ASK, at: 5 },
  { name: 'trade', flag: HAS_TRADE, at: 10 },
] as const;
type Side = (typeof SIDES)[number];
const PARTS = ['open', 'high', 'low', 'close', 'size'] as const;
const BID_OPEN = 0;
const BID_CLOSE = 3;
export const ASK_OPEN = 5;
const ASK_CLOSE = 8;
export const TRADE_OPEN = 10;

export function createBarRow(): BarRow {
  return {
    endUs: 0,
    symbol: '',
    isHalted: false,
    cells: new Float64Array(CELLS),
    states: new Uint8Array(CELLS),
    roundedPrices: 0,
    flags: 0,
    detail: '',
  };
}

/**
 * Checks the values of a row, in 1e-4 dollars and shares, and completes it: sets `flags`, zeros the slots of missing
 * sides, fills unmapped open, high and low from the close, turns -0 into 0.
 * @returns the kind of fault, with `row.detail` set, or undefined
 */
export function checkRow(row: BarRow): BadRowKind | undefined {
  const unreadable = findUnreadable(row);
  if (unreadable !== undefined) return unreadable;
  row.flags = row.isHalted ? IS_HALTED : 0;
  for (const side of SIDES) {
    const fault = checkSide(row, side);
    if (fault !== undefined) return fault;
  }
  if (row.flags === 0) return fault(row, 'malformed', 'neither a quote nor a trade');
  const { cells, flags } = row;
  if ((flags & HAS_BID) !== 0 && (flags & HAS_ASK) !== 0) {
    for (const [bid, ask] of CROSSING_PAIRS) {
      if (cells[bid] > cells[ask])
        return fault(row, 'crossed', `bid ${cells[bid]} above ask ${cells[ask]} (1e-4 dollars)`);
    }
  }
  return undefined;
}

const CROSSING_PAIRS = [
  [BID_OPEN, ASK_OPEN],
  [BID_CLOSE, ASK_CLOSE],
] as const;

function fault(row: BarRow, kind: BadRowKind, detail: string): BadRowKind {
  row.detail = detail;
  return kind;
}

function cellName(cell: number): string {
  return `${SIDES[Math.floor(cell / 5)].name} ${PARTS[cell % 5]}`;
}

function findUnreadable(row: BarRow): BadRowKind | undefined {
  const { states } = row;
  let nan = -1;
  for (let c = 0; c < CELLS; c++) {
    if (states[c] === CELL_MALFORMED)
      return fault(row, 'malformed', `${cellName(c)} is not a number in range`);
    if (states[c] === CELL_NOT_WHOLE)
      return fault(row, 'malformed', `${cellName(c)} is not a whole number of 1e-4 dollars`);
    if (states[c] === CELL_NAN && nan < 0) nan = c;
  }
  return nan < 0 ? undefined : fault(row, 'nan', `${cellName(nan)} is not finite`);
}

function checkSide(row: BarRow, side: Side): BadRowKind | undefined {
  const { cells, states } = row;
  const { at } = side;
  let present = 0;
  for (let c = at; c < at + 4; c++) {
    if (states[c] === CELL_VALUE && cells[c] !== 0) present++;
  }
  if (present === 0) {
    cells.fill(0, at, at + 5);
    return undefined;
  }
  const fromInput = completePrices(row, side);
  if (fromInput !== undefined) return fromInput;
  // The close first: a price the input does not have takes after it, and a fault should name what the input has.
  for (let k = 3; k < 7; k++) {
    const c = at + (k % 4);
    if (cells[c] < 0) return fault(row, 'negative', `${cellName(c)} ${cells[c]}`);
    if (cells[c] === 0) return fault(row, 'negative', `${cellName(c)} is 0 beside prices that are not`);
    if (cells[c] > MAX_PRICE_E4)
      return fault(row, 'malformed', `${cellName(c)} ${cells[c]} is beyond ${MAX_PRICE_E4}`);
  }
  const high = cells[at + 1];
  const low = cells[at + 2];
  if (high < low) return fault(row, 'high_below_low', `${side.name} high ${high} below low ${low}`);
  for (const c of [at, at + 3]) {
    if (cells[c] > high || cells[c] < low) {
      return fault(
        row,
        'high_below_low',
        `${cellName(c)} ${cells[c]} is not within low ${low} and high ${high}`,
      );
    }
  }
  const size = at + 4;
  if (states[size] !== CELL_VALUE) cells[size] = 0;
  if (cells[size] < 0) return fault(row, 'negative', `${cellName(size)} ${cells[size]}`);
  if (cells[size] > MAX_SHARES)
    return fault(row, 'malformed', `${cellName(size)} ${cells[size]} is beyond ${MAX_SHARES}`);
  cells[size] += 0;
  row.flags |= side.flag;
  return undefined;
}

/** Unmapped open = close, unmapped high and low = the extremes of what is there. */
function completePrices(row: BarRow, { at }: Side): BadRowKind | undefined {
  const { cells, states } = row;
  const close = at + 3;
  for (let c = at; c <= close; c++) {
    const isGap = states[c] === CELL_MISSING || (c === close && states[c] === CELL_UNMAPPED);
    if (isGap) return fault(row, 'malformed', `${cellName(c)} is missing beside prices that are there`);
  }
  if (states[at] === CELL_UNMAPPED) cells[at] = cells[close];
  if (states[at + 1] === CELL_UNMAPPED) cells[at + 1] = Math.max(cells[at], cells[close]);
  if (states[at + 2] === CELL_UNMAPPED) cells[at + 2] = Math.min(cells[at], cells[close]);
  return undefined;
}
