import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNewYork } from '../../src/data/calendar.ts';
import { parseColumnOption } from '../../src/data/column-map.ts';
import { openDataset } from '../../src/data/dataset.ts';
import { importDataset } from '../../src/data/import.ts';
import type { ImportOptions } from '../../src/data/import-types.ts';
import { parseDailyDate, parseTimeUs, type TimeUnit } from '../../src/data/time-text.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED } from '../../src/domain/market-table.ts';
import { folderBytes, inputErrorOf, useTempDir } from './support.ts';

const temp = useTempDir();
let made = 0;

/** Writes files, imports them, and gives back the report and the session of 5 July 2024. */
async function importText(
  files: string | Readonly<Record<string, string>>,
  options: Partial<ImportOptions> = {},
) {
  const dir = `in-${made++}`;
  mkdirSync(temp.path(dir));
  for (const [name, text] of Object.entries(typeof files === 'string' ? { 'bars.csv': files } : files)) {
    writeFileSync(temp.path(dir, name), text);
  }
  const out = temp.path(`out-${dir}`);
  const report = await importDataset({ format: 'csv', sources: [temp.path(dir)], out, ...options });
  const table = await (await openDataset(out)).loadSession('2024-07-05');
  return { report, table, out };
}

const FULL =
  'end,symbol,bid_open,bid_high,bid_low,bid_close,bid_size,ask_open,ask_high,ask_low,ask_close,ask_size,open,high,low,close,volume';
const row = (time: string, symbol: string, shift = 0) => {
  const p = (cents: number) => (100 + shift + cents / 100).toFixed(4);
  return `2024-07-05T${time}Z,${symbol},${p(1)},${p(3)},${p(0)},${p(2)},300,${p(4)},${p(6)},${p(3)},${p(5)},200,${p(2)},${p(5)},${p(2)},${p(4)},1234`;
};

describe('CSV', () => {
  it('with the names of the fields needs no map', async () => {
    const { table, report } = await importText(
      [FULL, row('13:31:00', 'ZZ'), row('13:31:00', 'AA', 7)].join('\n'),
    );
    expect(table.symbols).toEqual(['AA', 'ZZ']);
    expect([table.bidOpenE4[0], table.askCloseE4[1], table.closeE4[1], table.volume[0]]).toEqual([
      1_070_100, 1_000_500, 1_000_400, 1234,
    ]);
    expect(formatNewYork(table.endUs[0])).toBe('2024-07-05 09:31:00');
    expect(report).toMatchObject({ rowsRead: 2, rowsRejected: 0 });
  });

  it('with other names, one price a side, the bar start and New York time', async () => {
    const text = 'when;sym;b;a;px\n2024-07-05 09:30;SPY;1.23;1.24;1.235\n2024-07-05 09:31;SPY;;1.24;\n';
    const { table } = await importText(text, {
      columns: parseColumnOption('start=when,symbol=sym,bid=b,ask=a,price=px'),
      timeZone: 'new_york',
      delimiter: ';',
    });
    expect(Array.from(table.endUs, formatNewYork)).toEqual(['2024-07-05 09:31:00', '2024-07-05 09:32:00']);
    expect(Array.from(table.flags)).toEqual([HAS_BID | HAS_ASK | HAS_TRADE, HAS_ASK]);
    expect([table.bidOpenE4[0], table.bidHighE4[0], table.bidLowE4[0], table.bidCloseE4[0]]).toEqual(
      new Array(4).fill(12_300),
    );
    expect([table.openE4[0], table.volume[0], table.closeE4[1]]).toEqual([12_350, 0, 0]);
  });

  it('with prices in 1e-4 dollars, quotes and a byte order mark', async () => {
    const text = '\ufeff"end_us","close_e4","open"\r\n1720186260000000,1000100,"1000200"\r\n';
    const { table } = await importText(text, { symbol: 'IBM', priceUnit: 'e4' });
    expect(table.symbols).toEqual(['IBM']);
    expect([table.openE4[0], table.highE4[0], table.lowE4[0], table.closeE4[0]]).toEqual([
      1_000_200, 1_000_200, 1_000_100, 1_000_100,
    ]);
  });

  it('quotes in one file and trades in another become one row; zeros are no quote', async () => {
    const { table } = await importText({
      'q.csv': 'end,symbol,bid,ask\n2024-07-05T13:31:00Z,A,1.00,1.02\n2024-07-05T13:32:00Z,A,0,1.02\n',
      't.csv': 'end,symbol,price,volume\n2024-07-05T13:31:00Z,A,1.01,5\n',
    });
    expect(Array.from(table.flags)).toEqual([HAS_BID | HAS_ASK | HAS_TRADE, HAS_ASK]);
  });

  it('a halted bar needs no prices', async () => {
    const { table } = await importText(
      'end,symbol,price,halted\n2024-07-05T13:31:00Z,A,,yes\n2024-07-05T13:32:00Z,A,1,0\n',
    );
    expect(Array.from(table.flags)).toEqual([IS_HALTED, HAS_TRADE]);
  });

  it('daily bars end at the close', async () => {
    const { table, report } = await importText('start,symbol,close\n2024-07-03,A,9\n2024-07-05,A,10\n', {
      barSeconds: 86_400,
    });
    expect(Array.from(table.endUs, formatNewYork)).toEqual(['2024-07-05 16:00:00']);
    expect(report.manifest.sessions[0]).toMatchObject({ date: '2024-07-03', isHalfDay: true });
  });

  it('names the columns that it read nothing from', async () => {
    const text = [`${FULL},vwap,note`, `${row('13:31:00', 'A')},1,x`].join('\n');
    expect((await importText(text)).report.columnsLeftOut).toEqual(['vwap', 'note']);
    expect((await importText([FULL, row('13:31:00', 'A')].join('\n'))).report.columnsLeftOut).toEqual([]);
  });

  it('rounds finer prices, so that no market gets narrower, and counts them', async () => {
    const at = (minute: number, cells: string) => `2024-07-05T13:3${minute}:00Z,A,${cells}`;
    const text = [
      'end,symbol,bid_open,bid_high,bid_low,bid_close,ask,close',
      at(1, '1.00001,1.00009,1.00001,1.00001,1.00003,1.23456'),
      at(2, '100.1,100.3,100.1,100.3,100.7,100.5'),
      at(0, '1.00001,1.00001,1.00001,1.00001,2,2'), // outside the session: its prices do not count
    ].join('\n');
    const { report, table } = await importText(text, { outsideSession: 'drop' });
    expect([table.bidOpenE4, table.bidHighE4, table.bidLowE4, table.bidCloseE4].map(([e4]) => e4)).toEqual(
      new Array(4).fill(10_000),
    );
    expect([table.askCloseE4[0], table.closeE4[0]]).toEqual([10_001, 12_346]);
    expect([table.bidOpenE4[1], table.bidCloseE4[1], table.askCloseE4[1]]).toEqual([
      1_001_000, 1_003_000, 1_007_000,
    ]);
    expect(report).toMatchObject({
      pricesRounded: 6,
      manifest: { pricesRounded: 6, badRows: { crossed: 0 } },
    });
  });

  it('takes a decimal of four places as it is, whatever its double, and adds no count to the manifest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 1e11 }), fc.integer({ min: 1, max: 9 })), {
          minLength: 1,
          maxLength: 9,
        }),
        async (prices) => {
          const rows = prices.map(([e4, tenths], i) => {
            const dollars = `${Math.floor(e4 / 1e4)}.${String(e4 % 1e4).padStart(4, '0')}`;
            return { e4, text: `2024-07-05T13:3${i + 1}:00Z,A,${dollars},${dollars}${tenths}` };
          });
          for (const header of ['end,symbol,bid,x', 'end,symbol,x,bid']) {
            const { report, table } = await importText([header, ...rows.map(({ text }) => text)].join('\n'));
            const count = header.endsWith('bid') ? rows.length : 0;
            expect(Array.from(table.bidCloseE4)).toEqual(rows.map(({ e4 }) => e4));
            expect(report.pricesRounded).toBe(count);
            expect(report.manifest.pricesRounded).toBe(count === 0 ? undefined : count);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('takes only the symbols and dates asked for, and says how many rows it left', async () => {
    const text = [
      FULL,
      row('13:31:00', 'A'),
      row('13:31:00', 'B'),
      row('13:31:00', 'B').replace('-05T', '-08T'),
    ].join('\n');
    const { report } = await importText(text, { symbols: ['B'], to: '2024-07-05' });
    expect(report).toMatchObject({ rowsRead: 3, rowsFiltered: 2, rowsRejected: 0 });
    expect(report.manifest).toMatchObject({ rows: 1, symbols: ['B'] });
  });

  it.each([
    [
      { symbols: ['A', 'ZZZ'] },
      'SYMBOL_MISSING',
      '--symbols: no row of ZZZ in this source and range, rows of A only',
    ],
    [
      { symbols: ['ZZZ'] },
      'DATASET_EMPTY',
      'no row is left, and nothing was written: 1 read, 1 of other symbols',
    ],
    [{ from: '2024-07-08', to: '2024-07-05' }, 'IMPORT_OPTION', '--from 2024-07-08 is after --to 2024-07-05'],
    [
      { symbol: 'ZZZ' },
      'COLUMN_FIELD',
      'bars.csv: has a symbol column, "symbol", and --symbol ZZZ is for files',
    ],
    [{ delimiter: 'ab' }, 'IMPORT_OPTION', '--delimiter "ab": expected one character'],
    [{ resolution: 'daily' }, 'IMPORT_OPTION', '--resolution: is for lean, and this import reads csv'],
  ] as const)('does what was asked for or nothing: %j', async (options, code, message) => {
    const failure = await inputErrorOf(importText([FULL, row('13:31:00', 'A')].join('\n'), options));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(message);
  });

  it('one symbol after the other, interleaved, and split over files in any order give the same bytes', async () => {
    const minutes = ['13:31:00', '13:32:00', '13:33:00', '13:34:00'];
    const all = ['A', 'B', 'C'].flatMap((symbol, s) => minutes.map((time, m) => row(time, symbol, s + m)));
    const expected = folderBytes((await importText([FULL, ...all].join('\n'))).out)[
      '/data/2024-07-05.parquet'
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(['w.csv', 'x.csv', 'y.csv'], { minLength: 3 }),
        fc.infiniteStream(fc.nat({ max: 2 })),
        fc.boolean(),
        async (names, parts, isInterleaved) => {
          const rows = isInterleaved
            ? [...all].sort((a, b) => (a.slice(11, 19) < b.slice(11, 19) ? -1 : 1))
            : all;
          const files: Record<string, string[]> = Object.fromEntries(names.map((name) => [name, [FULL]]));
          for (const line of rows) files[names[parts.next().value ?? 0]].push(line);
          const texts = Object.entries(files).map(([name, lines]) => [name, lines.join('\n')]);
          const { out } = await importText(Object.fromEntries(texts));
          expect(folderBytes(out)['/data/2024-07-05.parquet']).toBe(expected);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('the order in which files are named changes nothing, not even the manifest', async () => {
    writeFileSync(temp.path('one.csv'), [FULL, row('13:31:00', 'A')].join('\n'));
    writeFileSync(temp.path('two.csv'), [FULL, row('13:31:00', 'B')].join('\n'));
    const sources = [temp.path('two.csv'), temp.path('one.csv')];
    await importDataset({ format: 'csv', sources, out: temp.path('order-1') });
    await importDataset({ format: 'csv', sources: sources.reverse(), out: temp.path('order-2') });
    expect(folderBytes(temp.path('order-1'))).toEqual(folderBytes(temp.path('order-2')));
    expect(folderBytes(temp.path('order-1'))['/manifest.json']).not.toContain(temp.path());
  });
});

describe('bad rows', () => {
  const lines = [
    FULL,
    row('13:31:00', 'A'), // line 2, good
    row('13:32:00', 'A').replace('100.0100', 'NaN'), // 3 nan
    row('13:33:00', 'A').replace('100.0100', '-1'), // 4 negative
    row('13:34:00', 'A').replace(',100.0100,', ',100.0900,').replace('100.0300', '100.1000'), // 5 crossed at the open
    row('13:31:00', 'A').replace('1234', '4321'), // 6 duplicate of line 2
    row('13:36:00', 'A'), // 7 good
    row('13:35:00', 'A'), // 8 out of order
    row('13:30:00', 'A'), // 9 ends at the open: outside
    row('20:01:00', 'A'), // 10 after the close: outside
    row('13:37:00', 'A').replace('100.0600', '99.0000'), // 11 ask high below low
    `${row('13:38:00', 'A')},extra`, // 12 malformed
    row('13:39:00', 'A').replace('100.0200', 'abc'), // 13 malformed
    row('13:40:30', 'A'), // 14 off the grid: malformed
    row('13:41:00', '../A'), // 15 malformed
    `2024-07-05T13:42:00Z,A${','.repeat(15)}`, // 16 nothing in it: malformed
    row('13:43:00', 'A').replace('2024', '1931'), // 17 beyond the calendar: malformed
    row('20:00:00', 'A'), // 18 good, ends at the close
  ];

  it('are counted by kind, listed with file and line, and left out on request', async () => {
    const { report, table, out } = await importText(lines.join('\n'), {
      onBad: 'drop',
      outsideSession: 'drop',
    });
    expect(report.manifest.badRows).toEqual({
      malformed: 6,
      outside_session: 2,
      nan: 1,
      negative: 1,
      high_below_low: 1,
      crossed: 1,
      out_of_order: 1,
      duplicate: 1,
    });
    expect(table.rowCount).toBe(3);
    expect(report.rowsRead).toBe(17);
    // Five of a kind are shown; the sixth malformed row, line 17, is in the file only.
    expect(report.rejected.map(({ kind, line }) => `${line} ${kind}`)).toEqual([
      '3 nan',
      '4 negative',
      '5 crossed',
      '8 out_of_order',
      '9 outside_session',
      '10 outside_session',
      '11 high_below_low',
      '12 malformed',
      '13 malformed',
      '14 malformed',
      '15 malformed',
      '16 malformed',
      '6 duplicate', // found when the session is put together
    ]);
    const listed = readFileSync(`${out}/rejected.csv`, 'utf8').trim().split('\n');
    expect(listed).toHaveLength(1 + 14);
    expect(listed[1]).toBe('nan,bars.csv,3,A: bid open is not finite');
  });

  it('duplicates across files: the first by name and line stays', async () => {
    const { report, table } = await importText(
      {
        'b.csv': [FULL, row('13:31:00', 'A', 5)].join('\n'),
        'a.csv': [FULL, row('13:31:00', 'A', 1), row('13:32:00', 'A', 2)].join('\n'),
      },
      { onBad: 'drop' },
    );
    expect(report.rejected).toEqual([
      { kind: 'duplicate', file: 'b.csv', line: 2, detail: 'A: a second row for this bar' },
    ]);
    expect(Array.from(table.closeE4)).toEqual([1_010_400, 1_020_400]);
  });

  it('refuse the import by default, in one line that names the first and the way out', async () => {
    const dir = `in-${made}`;
    const error = await inputErrorOf(importText(lines.join('\n')));
    expect(error).toMatchObject({ code: 'IMPORT_REFUSED', exitCode: 2 });
    expect(error.message).toMatch(
      /^import refused, no dataset written: bad rows 6 malformed, 2 outside_session, 1 nan, .*; first nan at bars\.csv:3: .*--on-bad drop and --outside-session drop$/,
    );
    expect(await readdir(temp.path(`out-${dir}`))).toEqual(['rejected.csv']);
    expect(existsSync(temp.path(`out-${dir}`, 'manifest.json'))).toBe(false);
  });

  it('do not touch an earlier dataset at the output', async () => {
    const { out } = await importText([FULL, row('13:31:00', 'A')].join('\n'));
    const before = folderBytes(out);
    const error = await inputErrorOf(importText(lines.join('\n'), { out }));
    expect(error.code).toBe('IMPORT_REFUSED');
    expect(folderBytes(out)).toEqual(before);
  });
});

describe('what cannot be imported', () => {
  it.each([
    ['an unknown field', 'end,symbol,close\n', { columns: { clsoe: 'close' } }, /did you mean "close"/],
    ['an unknown column', 'end,symbol,close\n', { columns: { volume: 'closse' } }, /did you mean "close"/],
    ['no time', 'symbol,close\n', {}, /needs a time column .*--columns end=time/],
    ['no symbol', 'end,close\n', {}, /needs a symbol column/],
    ['no price', 'end,symbol,volume\n', {}, /needs a price column/],
    ['both times', 'a,b,symbol,close\n', { columns: { end: 'a', start: 'b' } }, /end or start, not both/],
    ['a column twice', 'end,symbol,close,close\n', {}, /two columns are named "close"/],
    ['nothing', '', {}, /empty/],
    ['an open quote', 'end,symbol,close\n2024-07-05T13:31:00Z,"A,1\n', {}, /cannot be read as CSV/],
    ['an endless line', `end,symbol,close\n${'x'.repeat(100_000)}`, {}, /cannot be read as CSV/],
    ['binary', Buffer.from([0, 255, 1, 2, 10, 3]).toString('latin1'), {}, /needs a time column|price column/],
    ['another delimiter', 'end;symbol;close\n', {}, /^bars\.csv: has one column, .*--delimiter ";"$/],
    ['tabs', 'end\tsymbol\tclose\n', {}, /--delimiter \$'\\t'$/],
    [
      'a night that is morning in New York',
      'end,symbol,close\n2024-07-05 09:31,A,1\n',
      {},
      /outside_session .*2024-07-05 05:31:00; times here are New York, .*--time-zone new_york/,
    ],
    ['only a header', 'end,symbol,close\n', {}, /no row is left, and nothing was written: 0 read/],
  ])('%s is a one-line input error', async (_, text, options, message) => {
    const error = await inputErrorOf(importText(text, options));
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
  });

  it('times that were said to be UTC are not asked about', async () => {
    const text = 'end,symbol,close\n2024-07-05 09:31,A,1\n';
    const error = await inputErrorOf(importText(text, { timeZone: 'utc' }));
    expect(error.message).not.toContain('--time-zone');
  });

  it('a missing file or an empty folder', async () => {
    const run = (source: string) => importDataset({ format: 'csv', sources: [source], out: temp.path('x') });
    expect((await inputErrorOf(run(temp.path('nope.csv')))).code).toBe('FILE_UNREADABLE');
    mkdirSync(temp.path('empty'));
    expect((await inputErrorOf(run(temp.path('empty')))).code).toBe('IMPORT_EMPTY');
    writeFileSync(temp.path('empty/bars.csv.gz'), '');
    const refused = await inputErrorOf(run(temp.path('empty')));
    expect(refused.message).toMatch(/no .csv or .txt or .tsv files, only .*bars.csv.gz$/);
  });
});

describe('time text', () => {
  const at = (text: string, unit: TimeUnit = 'auto', zone: 'utc' | 'new_york' = 'utc') => {
    const us = parseTimeUs(text, { unit, zone });
    return Number.isNaN(us) ? 'unreadable' : new Date(us / 1000).toISOString();
  };

  it.each([
    ['2024-07-05T13:31:00Z', '2024-07-05T13:31:00.000Z'],
    ['2024-07-05 13:31', '2024-07-05T13:31:00.000Z'],
    ['2024-07-05 09:31:00-04:00', '2024-07-05T13:31:00.000Z'],
    ['2024-07-05T15:31:00.250+0200', '2024-07-05T13:31:00.250Z'],
    ['20240705 13:31', '2024-07-05T13:31:00.000Z'],
    ['1720186260', '2024-07-05T13:31:00.000Z'],
    ['1720186260.5', '2024-07-05T13:31:00.500Z'],
    ['1720186260000', '2024-07-05T13:31:00.000Z'],
    ['1720186260000000', '2024-07-05T13:31:00.000Z'],
    ['1720186260000000000', '2024-07-05T13:31:00.000Z'],
    ['2024-02-30T00:00:00Z', 'unreadable'],
    ['2024-07-05T25:00:00Z', 'unreadable'],
    ['yesterday', 'unreadable'],
    ['12', 'unreadable'],
    ['', 'unreadable'],
  ])('%s is %s', (text, expected) => {
    expect(at(text)).toBe(expected);
  });

  it('without an offset may be New York time', () => {
    expect(at('2024-07-05 09:31', 'iso', 'new_york')).toBe('2024-07-05T13:31:00.000Z');
    expect(at('2024-01-05 09:31', 'iso', 'new_york')).toBe('2024-01-05T14:31:00.000Z');
    expect(at('2024-07-05 09:31Z', 'iso', 'new_york')).toBe('2024-07-05T09:31:00.000Z');
  });

  it('nanoseconds keep their microseconds', () => {
    expect(parseTimeUs('1720186260123456789', { unit: 'ns', zone: 'utc' })).toBe(1720186260123456);
  });

  it('daily rows are for the date as written', () => {
    const reading = { unit: 'auto', zone: 'new_york' } as const;
    expect(parseDailyDate('2024-07-05', reading)).toBe('2024-07-05');
    expect(parseDailyDate('2024-07-05T00:00:00-04:00', reading)).toBe('2024-07-05');
    expect(parseDailyDate('20240705', reading)).toBe('2024-07-05');
    expect(parseDailyDate('1720137600', reading)).toBe('2024-07-05');
    expect(parseDailyDate('soon', reading)).toBeUndefined();
  });
});
