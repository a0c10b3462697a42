/** Keys of unsorted rows; `symbolIx` is the rank of the symbol in code-unit order. */
export interface RowKeys {
  readonly endUs: Float64Array;
  readonly symbolIx: Int32Array;
  readonly rowCount: number;
  readonly symbolCount: number;
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

function orderByEnd({ endUs, rowCount }: RowKeys, first: Int32Array): Int32Array {
  const counts = new Map<number, number>();
  for (let i = 0; i < rowCount; i++) counts.set(endUs[i], (counts.get(endUs[i]) ?? 0) + 1);
  const ends = Float64Array.from(counts.keys()).sort();
  let start = 0;
  for (const end of ends) {
    const count = counts.get(end) ?? 0;
    counts.set(end, start);
    start += count;
  }
  const order = new Int32Array(rowCount);
  for (let k = 0; k < rowCount; k++) {
    const row = first[k];
    const place = counts.get(endUs[row]) ?? 0;
    counts.set(endUs[row], place + 1);
    order[place] = row;
  }
  return order;
}
