import { US_PER_SECOND } from '../domain/units.ts';

/** Most bars a row for which rows are counted bar by bar. */
const SPARSEST_GRID = 4;

/** Keys of unsorted rows; `symbolIx` is the rank of the symbol in code-unit order. */
export interface RowKeys {
  readonly endUs: Float64Array;
  readonly symbolIx: Int32Array;
  readonly rowCount: number;
  readonly symbolCount: number;
  /** How far apart ends mostly are. */
  readonly barSeconds: number;
}

/**
 * Rows by (end, symbol), earlier rows first among equals: `order[k]` is the row that comes k-th. Two stable counting
 * passes, O(rows + symbols + distinct ends).
 * @returns undefined when the rows are in that order already
 */
export function orderByEndThenSymbol(keys: RowKeys): Int32Array | undefined {
  if (isOrdered(keys)) return undefined;
  return orderByEnd(keys, orderBySymbol(keys));
}

/** Rows by symbol, keeping their present order within a symbol. */
export function orderBySymbol({ symbolIx, rowCount, symbolCount }: RowKeys): Int32Array {
  const next = new Int32Array(symbolCount + 1);
  for (let i = 0; i < rowCount; i++) next[symbolIx[i] + 1]++;
  for (let s = 0; s < symbolCount; s++) next[s + 1] += next[s];
  const order = new Int32Array(rowCount);
  for (let i = 0; i < rowCount; i++) order[next[symbolIx[i]]++] = i;
  return order;
}

function isOrdered({ endUs, symbolIx, rowCount }: RowKeys): boolean {
  for (let i = 1; i < rowCount; i++) {
    if (endUs[i] < endUs[i - 1]) return false;
    if (endUs[i] === endUs[i - 1] && symbolIx[i] < symbolIx[i - 1]) return false;
  }
  return true;
}

function orderByEnd(keys: RowKeys, first: Int32Array): Int32Array {
  const { ranks, count } = ranksOnGrid(keys) ?? ranksOf(keys.endUs);
  const next = new Int32Array(count + 1);
  for (let i = 0; i < first.length; i++) next[ranks[i] + 1]++;
  for (let r = 0; r < count; r++) next[r + 1] += next[r];
  const order = new Int32Array(first.length);
  for (let k = 0; k < first.length; k++) order[next[ranks[first[k]]]++] = first[k];
  return order;
}

/** Ranks of the rows' ends, below `count`; not every rank need occur. */
interface EndRanks {
  readonly ranks: Int32Array;
  readonly count: number;
}

/** @returns undefined unless the ends are whole bars apart, and about as many bars as rows */
function ranksOnGrid({ endUs, rowCount, barSeconds }: RowKeys): EndRanks | undefined {
  const barUs = barSeconds * US_PER_SECOND;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < rowCount; i++) {
    least = Math.min(least, endUs[i]);
    most = Math.max(most, endUs[i]);
  }
  const count = (most - least) / barUs + 1;
  if (!(count <= SPARSEST_GRID * rowCount)) return undefined;
  const ranks = new Int32Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    ranks[i] = (endUs[i] - least) / barUs;
    if (least + ranks[i] * barUs !== endUs[i]) return undefined;
  }
  return { ranks, count };
}

function ranksOf(endUs: Float64Array): EndRanks {
  const ends = Float64Array.from(new Set(endUs)).sort();
  const rankOf = new Map(Array.from(ends, (end, rank) => [end, rank]));
  return { ranks: Int32Array.from(endUs, (end) => rankOf.get(end) ?? 0), count: ends.length };
}
