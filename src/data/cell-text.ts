import {
  ASK_OPEN,
  type BarRow,
  CELL_MALFORMED,
  CELL_MISSING,
  CELL_NAN,
  CELL_NOT_WHOLE,
  CELL_UNMAPPED,
  CELL_VALUE,
  CELLS,
  TRADE_OPEN,
} from './bar-row.ts';

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$/;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;
const SIZE_PART = 4;
/** A decimal that was stored as a double, or computed in a few steps, is off by no more than this part of itself. */
const DOUBLE_ERROR = 1e-13;
/** The same of a decimal stored as a float of 32 bits. */
export const SINGLE_ERROR = 2 ** -23;

export type PriceUnit = 'dollars' | 'e4';
/** `whole_e4`: 1e-4 dollars, of which a part is a fault. */
export type CellUnit = PriceUnit | 'whole_e4';

/** Price cells are in `unit`; size cells (every fifth) are always shares. */
export function isSizeCell(cell: number): boolean {
  return cell % 5 === SIZE_PART;
}

/** Forgets the previous row. */
export function clearRow(row: BarRow): void {
  row.cells.fill(0, 0, CELLS);
  row.states.fill(CELL_UNMAPPED, 0, CELLS);
  row.roundedPrices = 0;
  row.isHalted = false;
}

/** Reads a cell from text; empty text is a missing value. */
export function setTextCell(row: BarRow, cell: number, text: string, unit: CellUnit): void {
  const trimmed = text.trim();
  if (trimmed === '') {
    row.states[cell] = CELL_MISSING;
  } else if (DECIMAL.test(trimmed)) {
    setNumberCell(row, cell, Number(trimmed), unit);
  } else {
    row.states[cell] = NOT_FINITE.test(trimmed) ? CELL_NAN : CELL_MALFORMED;
  }
}

/**
 * Sets a cell to whole 1e-4 dollars or whole shares. Sizes and traded prices are rounded to the nearest, bids down and
 * asks up, so that no market gets narrower than it was quoted.
 * @param relativeError by how much a whole number of 1e-4 dollars may be missed and still be meant
 */
export function setNumberCell(
  row: BarRow,
  cell: number,
  value: number,
  unit: CellUnit,
  relativeError: number = DOUBLE_ERROR,
): void {
  if (!Number.isFinite(value)) {
    row.states[cell] = CELL_NAN;
    return;
  }
  const isSize = isSizeCell(cell);
  const exact = unit === 'dollars' && !isSize ? value * 10_000 : value;
  let whole = Math.round(exact);
  if (!isSize && Math.abs(exact - whole) > Math.abs(exact) * relativeError) {
    if (unit === 'whole_e4') {
      row.states[cell] = CELL_NOT_WHOLE;
      return;
    }
    row.roundedPrices += 1;
    if (cell < ASK_OPEN) whole = Math.floor(exact);
    else if (cell < TRADE_OPEN) whole = Math.ceil(exact);
  }
  if (!Number.isSafeInteger(whole) || (whole === 0 && value !== 0 && !isSize)) {
    row.states[cell] = CELL_MALFORMED;
    return;
  }
  row.cells[cell] = whole;
  row.states[cell] = CELL_VALUE;
}
