import {
  type BarRow,
  CELL_MALFORMED,
  CELL_MISSING,
  CELL_NAN,
  CELL_UNMAPPED,
  CELL_VALUE,
  CELLS,
} from './bar-row.ts';

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$/;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;
const SIZE_PART = 4;

export type PriceUnit = 'dollars' | 'e4';

/** Price cells are in `unit`; size cells (every fifth) are always shares. */
export function isSizeCell(cell: number): boolean {
  return cell % 5 === SIZE_PART;
}

/** Forgets the previous row. */
export function clearRow(row: BarRow): void {
  row.cells.fill(0, 0, CELLS);
  row.states.fill(CELL_UNMAPPED, 0, CELLS);
  row.isHalted = false;
}

/** Reads a cell from text; empty text is a missing value. */
export function setTextCell(row: BarRow, cell: number, text: string, unit: PriceUnit): void {
  const trimmed = text.trim();
  if (trimmed === '') {
    row.states[cell] = CELL_MISSING;
  } else if (DECIMAL.test(trimmed)) {
    setNumberCell(row, cell, Number(trimmed), unit);
  } else {
    row.states[cell] = NOT_FINITE.test(trimmed) ? CELL_NAN : CELL_MALFORMED;
  }
}

/** Prices become whole 1e-4 dollars and sizes whole shares, both rounded to the nearest. */
export function setNumberCell(row: BarRow, cell: number, value: number, unit: PriceUnit): void {
  if (!Number.isFinite(value)) {
    row.states[cell] = CELL_NAN;
    return;
  }
  const scaled = Math.round(unit === 'dollars' && !isSizeCell(cell) ? value * 10_000 : value);
  if (!Number.isSafeInteger(scaled) || (scaled === 0 && value !== 0 && !isSizeCell(cell))) {
    row.states[cell] = CELL_MALFORMED;
    return;
  }
  row.cells[cell] = scaled;
  row.states[cell] = CELL_VALUE;
}
