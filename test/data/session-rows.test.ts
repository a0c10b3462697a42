import { existsSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CELL_VALUE, checkRow, createBarRow } from '../../src/data/bar-row.ts';
import { checkZstd } from '../../src/data/parquet-guard.ts';
import { createSessionRows, type RowOrigin } from '../../src/data/session-rows.ts';
import { plain, useTempDir } from './support.ts';

const temp = useTempDir();

interface Input {
  readonly session: string;
  readonly symbol: string;
  readonly minute: number;
  readonly side: number;
}

const inputs = fc.array(
  fc.record<Input>({
    session: fc.constantFrom('2024-07-03', '2024-07-05'),
    symbol: fc.constantFrom('A', 'B', 'a'),
    minute: fc.nat({ max: 6 }),
    side: fc.nat({ max: 2 }),
  }),
  { minLength: 1, maxLength: 60 },
);

function collect(rows: readonly Input[], memoryRows: number) {
  const spillDir = temp.path(`spill-${memoryRows}`);
  const collected = createSessionRows({ barSeconds: 60, spillDir, memoryRows });
  const row = createBarRow();
  for (const [i, { session, symbol, minute, side }] of rows.entries()) {
    row.endUs = minute * 60_000_000;
    row.symbol = symbol;
    row.cells.fill(0);
    row.states.fill(0);
    for (let c = side * 5; c < side * 5 + 5; c++) {
      row.cells[c] = 1000 + i;
      row.states[c] = CELL_VALUE;
    }
    expect(checkRow(row)).toBeUndefined();
    collected.add(session, row, { file: i % 3, line: i });
  }
  const duplicates: RowOrigin[] = [];
  const tables = collected
    .sessions()
    .map((session) => plain(collected.take(session, (origin) => duplicates.push({ ...origin }))));
  const leftOver = existsSync(spillDir) ? readdirSync(spillDir) : [];
  return { tables, duplicates, leftOver };
}

describe('rows gathered by session', () => {
  it('are the same tables whether they fit in memory or not, and spill files are removed', () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 1, max: 20 }), (rows, memoryRows) => {
        const inMemory = collect(rows, 1_000_000);
        expect(collect(rows, memoryRows)).toEqual(inMemory);
        expect(inMemory.leftOver).toEqual([]);
      }),
    );
  });

  it('merge sides of one bar, first come first kept, and name every other row', () => {
    fc.assert(
      fc.property(inputs, (rows) => {
        const first = new Map<string, number>();
        const repeated: number[] = [];
        for (const [i, { session, symbol, minute, side }] of rows.entries()) {
          const key = `${session} ${symbol} ${minute} ${side}`;
          if (first.has(key)) repeated.push(i);
          else first.set(key, i);
        }
        const { tables, duplicates } = collect(rows, 1_000_000);
        expect(duplicates.map(({ line }) => line).sort((a, b) => a - b)).toEqual(repeated);
        const bars = new Set([...first.keys()].map((key) => key.slice(0, -2)));
        expect(tables.reduce((sum, table) => sum + (table.rowCount as number), 0)).toBe(bars.size);
      }),
    );
  });
});

describe('a Zstandard page', () => {
  /** One frame: a window descriptor, then run-length blocks of 128 KiB that take four bytes each. */
  const bomb = (blocks: number) => {
    const frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    const size = (128 * 1024) << 3;
    for (let b = 0; b < blocks; b++) {
      const header = size | (1 << 1) | (b === blocks - 1 ? 1 : 0);
      frame.push(header & 255, (header >> 8) & 255, header >> 16, 0);
    }
    return new Uint8Array(frame);
  };

  it('that would unpack to gigabytes is refused by its headers', () => {
    expect(() => checkZstd(bomb(5_000), 1_000)).toThrow(/unpacks to more/);
    expect(() => checkZstd(bomb(8), 1024 * 1024)).not.toThrow();
  });

  it('with a declared size beyond its page, or cut off, is refused', () => {
    const declares = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0x7f, 1, 0, 0]);
    expect(() => checkZstd(declares, 1_000)).toThrow(/unpacks to 2147483647 bytes/);
    expect(() => checkZstd(bomb(3).subarray(0, 11), 1_000)).toThrow(/damaged/);
    expect(() => checkZstd(new Uint8Array(20), 1_000)).toThrow(/damaged/);
  });
});
