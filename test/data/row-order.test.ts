import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderByEndThenSymbol, orderBySymbol } from '../../src/data/row-order.ts';

const rows = fc.array(fc.record({ end: fc.integer({ min: -3, max: 12 }), symbol: fc.nat({ max: 4 }) }), {
  maxLength: 60,
});

/** One of the bar lengths has every end on its grid, one most, one hardly any. */
const barSeconds = fc.constantFrom(1, 2, 7);

const keysOf = (list: readonly { end: number; symbol: number }[], bar = 1) => ({
  endUs: Float64Array.from(list, (row) => row.end * 1e6),
  symbolIx: Int32Array.from(list, (row) => row.symbol),
  rowCount: list.length,
  symbolCount: 5,
  barSeconds: bar,
});

describe('row order', () => {
  it('is what a stable comparison sort gives', () => {
    fc.assert(
      fc.property(rows, barSeconds, (list, bar) => {
        const expected = list
          .map((row, i) => ({ ...row, i }))
          .sort((a, b) => a.end - b.end || a.symbol - b.symbol || a.i - b.i)
          .map(({ i }) => i);
        const order = orderByEndThenSymbol(keysOf(list, bar));
        expect(order === undefined ? list.map((_, i) => i) : Array.from(order)).toEqual(expected);
        const bySymbol = list
          .map((row, i) => ({ ...row, i }))
          .sort((a, b) => a.symbol - b.symbol || a.i - b.i)
          .map(({ i }) => i);
        expect(Array.from(orderBySymbol(keysOf(list)))).toEqual(bySymbol);
      }),
    );
  });

  it('says so when nothing has to move', () => {
    expect(
      orderByEndThenSymbol(
        keysOf([
          { end: 1, symbol: 0 },
          { end: 1, symbol: 3 },
          { end: 2, symbol: 0 },
        ]),
      ),
    ).toBeUndefined();
  });
});
