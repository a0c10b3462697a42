import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.ts';
import { writeDataset } from '../../src/data/dataset-writer.ts';
import { importDataset } from '../../src/data/import.ts';
import type { ImportOptions } from '../../src/data/import-types.ts';
import { checkThrift } from '../../src/data/parquet-guard.ts';
import { openParquetBytes, openParquetFile } from '../../src/data/parquet-read.ts';
import { duckdb, inputErrorOf, plain, useTempDir } from './support.ts';
import { randomTable } from './support-tables.ts';

const temp = useTempDir();
const fixtures = new URL('./parquet-fixtures/', import.meta.url);
const fixture = (name: string) => fileURLToPath(new URL(name, fixtures));

async function importFile(source: string, options: Partial<ImportOptions> = {}) {
  const out = temp.path('out');
  const report = await importDataset({ format: 'parquet', sources: [source], out, ...options });
  return { report, sha256: report.manifest.sha256 };
}

/** The dataset hash every other form of the same bars must give. */
let expected = '';
beforeAll(async () => {
  const report = await importDataset({
    format: 'csv',
    sources: [fixture('bars.csv')],
    out: temp.path('csv'),
  });
  expect(report.manifest).toMatchObject({ rows: 300, symbols: ['ACME', 'BOLT'] });
  expected = report.manifest.sha256;
});

describe('Parquet of pandas, pyarrow and polars (made by parquet-fixtures/make.py)', () => {
  const files = readdirSync(fixtures).filter((name) => name.endsWith('.parquet'));

  it('all forms are there', () => {
    expect(files).toHaveLength(13);
  });

  it.each(files)('%s holds the bars of bars.csv', async (name) => {
    const options = name.includes('new-york') ? ({ timeZone: 'new_york' } as const) : {};
    expect((await importFile(fixture(name), options)).sha256).toBe(expected);
  });

  it('the chunk size of the reader changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          'pyarrow-lz4-small-pages.parquet',
          'polars-zstd-e4.parquet',
          'pyarrow-none-groups.parquet',
        ),
        fc.integer({ min: 1, max: 400 }),
        async (name, readChunkRows) => {
          expect((await importFile(fixture(name), { readChunkRows })).sha256).toBe(expected);
        },
      ),
      { numRuns: 10 },
    );
  });
});

it('names the columns that it read nothing from', async () => {
  const file = temp.path('more.parquet');
  await duckdb(
    `copy (select *, 1 as vwap from read_csv('${fixture('bars.csv')}', types = {'end': 'TIMESTAMPTZ'})) to '${file}'`,
  );
  const report = await importDataset({ format: 'parquet', sources: [file], out: temp.path('more') });
  expect(report.columnsLeftOut).toEqual(['vwap']);
  expect(report.manifest.sha256).toBe(expected);
});

it('takes a float of 32 bits for the decimal it is nearest to, and rounds finer doubles outwards', async () => {
  const file = temp.path('floats.parquet');
  const prices =
    '100.1::float as bid, 100.7::float as ask, 100.10001 as bid_open, 100.30001 as bid_high, 100.1 as bid_low';
  await duckdb(
    `copy (select '2024-07-05T13:31:00Z'::timestamptz as "end", 'A' as symbol, ${prices}) to '${file}'`,
  );
  const { report } = await importFile(file, {});
  expect(report.pricesRounded).toBe(2);
  const table = await (await openDataset(temp.path('out'))).loadSession('2024-07-05');
  const bids = [table.bidOpenE4, table.bidHighE4, table.bidLowE4, table.bidCloseE4].map(([e4]) => e4);
  expect(bids).toEqual([1_001_000, 1_003_000, 1_001_000, 1_001_000]);
  expect(table.askCloseE4[0]).toBe(1_007_000);
});

describe('Parquet of DuckDB', () => {
  const write = async (name: string, select: string, options: string) => {
    const file = temp.path(`${name}.parquet`);
    await duckdb(
      `create table bars as select * from read_csv('${fixture('bars.csv')}', types = {'end': 'TIMESTAMPTZ'})`,
      `copy (${select}) to '${file}' (format parquet, ${options})`,
    );
    return file;
  };

  it.each([
    ['snappy', 'compression snappy'],
    ['zstd', 'compression zstd'],
    ['gzip', 'compression gzip'],
    ['brotli', 'compression brotli'],
    ['lz4_raw', 'compression lz4_raw'],
    ['uncompressed', 'compression uncompressed'],
    ['zstd-v2', 'compression zstd, parquet_version v2'],
    ['snappy-v2', 'compression snappy, parquet_version v2'],
    ['small-groups', 'compression zstd, row_group_size 2048'],
    ['no-dictionary', 'compression snappy, dictionary_size_limit 1'],
  ])('%s', async (name, options) => {
    expect((await importFile(await write(name, 'select * from bars', options))).sha256).toBe(expected);
  });

  it.each([
    ['nanoseconds', 'select * replace ("end"::timestamp::timestamp_ns as "end") from bars', {}],
    ['milliseconds', 'select * replace ("end"::timestamp::timestamp_ms as "end") from bars', {}],
    [
      'text',
      `select * replace (strftime("end", '%Y-%m-%dT%H:%M:%S') as "end") from bars`,
      { timeZone: 'new_york' },
    ],
    ['epoch', 'select * replace (epoch("end")::integer as "end") from bars', { timeUnit: 's' }],
    ['floats', 'select * replace (close::float as close, volume::double as volume) from bars', {}],
    [
      'small integers',
      'select * replace (ask_size::usmallint as ask_size, volume::uinteger as volume) from bars',
      {},
    ],
    [
      'decimals',
      'select * replace (close::decimal(18,4) as close, high::decimal(9,4) as high) from bars',
      {},
    ],
    ['enums', "select * replace (symbol::enum('BOLT', 'ACME') as symbol) from bars", {}],
    ['1e-4 dollars', 'select * exclude (close), round(close * 10000)::bigint as close_e4 from bars', {}],
    ['rows by time', 'select * from bars order by "end", symbol desc', {}],
    ['columns in another order', 'select volume, symbol, * exclude (volume, symbol) from bars', {}],
  ] as const)('%s', async (_, select, options) => {
    const zone = `set timezone = 'America/New_York'`;
    const file = temp.path('types.parquet');
    await duckdb(
      zone,
      `create table bars as select * from read_csv('${fixture('bars.csv')}', types = {'end': 'TIMESTAMPTZ'})`,
      `set timezone = '${'timeZone' in options ? 'America/New_York' : 'UTC'}'`,
      `copy (${select}) to '${file}' (format parquet)`,
    );
    expect((await importFile(file, options)).sha256).toBe(expected);
  });

  it('with other column names', async () => {
    const file = await write(
      'named',
      'select "end" - interval 1 minute as t, symbol as s, * exclude ("end", symbol) from bars',
      'compression zstd',
    );
    expect((await importFile(file, { columns: { start: 't', symbol: 's' } })).sha256).toBe(expected);
    const error = await inputErrorOf(importFile(file, { columns: { start: 's', symbol: 't' } }));
    expect(error.code).toBe('COLUMN_TYPE');
  });

  it('nulls are missing, NaN is a bad row with its row number', async () => {
    const file = await write(
      'nan',
      `select * replace (case when symbol = 'ACME' and "end" = '2024-07-01T13:33:00Z' then 'nan'::double else open end as open) from bars`,
      'compression zstd',
    );
    const error = await inputErrorOf(importFile(file));
    expect(error.message).toContain('1 nan; first nan at nan.parquet:3: ACME: trade open is not finite');
    const { report } = await importFile(file, { onBad: 'drop' });
    expect(report.manifest).toMatchObject({ rows: 299, badRows: { nan: 1 } });
    const table = await (await openDataset(temp.path('out'))).loadSession('2024-07-01');
    expect(Array.from(table.flags).filter((flags) => (flags & 1) === 0).length).toBeGreaterThan(0);
  });

  it('nested columns are not offered, the rest is read', async () => {
    const file = await write(
      'nested',
      "select [1, 2] as list, {'a': close} as deep, * from bars",
      'compression zstd',
    );
    expect((await importFile(file)).sha256).toBe(expected);
    const parquet = await openParquetFile(file, 'nested');
    expect([...parquet.columns.keys()].slice(0, 3)).toEqual(['end', 'symbol', 'bid_open']);
    expect((await inputErrorOf(parquet.readNumbers('deep', { rowStart: 0, rowEnd: 1 }))).code).toBe(
      'COLUMN_MISSING',
    );
    parquet.close();
  });
});

it('our own session files import as the same dataset', async () => {
  const table = randomTable({ date: '2024-07-05', symbols: ['A', 'B'], minutes: 60, seed: 5 });
  const provenance = { source: 'tables', files: [], options: {} } as const;
  const ours = await writeDataset({ dir: temp.path('ours'), tables: [table], facts: { provenance } });
  const again = await importFile(temp.path('ours', 'data'), { onBad: 'drop' });
  expect(again.report.rejected.every(({ detail }) => detail.endsWith('neither a quote nor a trade'))).toBe(
    true,
  );
  const loaded = await (await openDataset(temp.path('out'))).loadSession('2024-07-05');
  if (again.report.rowsRejected === 0) expect(again.sha256).toBe(ours.sha256);
  expect(loaded.rowCount).toBe(table.rowCount - again.report.rowsRejected);
  expect(plain(loaded).closeE4).toEqual(Array.from(table.closeE4).filter((_, i) => table.flags[i] !== 0));
});

describe('hostile Parquet', () => {
  const good = () => readFileSync(fixture('pyarrow-zstd-v2.parquet'));
  const importBytes = async (bytes: Uint8Array) => {
    mkdirSync(temp.path('hostile'), { recursive: true });
    writeFileSync(temp.path('hostile', 'bars.parquet'), bytes);
    return importFile(temp.path('hostile', 'bars.parquet'));
  };

  it('truncated anywhere is a one-line input error', async () => {
    const bytes = good();
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), async (length) => {
        const error = await inputErrorOf(importBytes(bytes.subarray(0, length)));
        expect(error.code).toBe('PARQUET_UNREADABLE');
        expect(error.message).toMatch(/^bars\.parquet: cannot be read as Parquet: /);
      }),
      { numRuns: 20 },
    );
  });

  it('with any bytes changed is read or refused, never a crash', async () => {
    const names = [
      'pyarrow-zstd-v2.parquet',
      'polars-zstd-e4.parquet',
      'pandas-default.parquet',
      'pyarrow-gzip-plain.parquet',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(
          fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat({ max: 255 })),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        async (name, changes) => {
          const bytes = readFileSync(fixture(name));
          for (const [share, value] of changes) bytes[Math.floor(share * bytes.length)] = value;
          await importBytes(bytes).catch((error: unknown) => inputErrorOf(Promise.reject(error)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('something else with the name', async () => {
    expect((await inputErrorOf(importBytes(Buffer.from('PAR1, or so it says')))).code).toBe(
      'PARQUET_UNREADABLE',
    );
    expect((await inputErrorOf(importBytes(Buffer.alloc(0)))).code).toBe('PARQUET_UNREADABLE');
  });

  /** A well-formed file whose footer is rewritten by `edit`. */
  const forge = (edit: (footer: Buffer) => Buffer) => {
    const columnData: ColumnSource[] = [{ name: 'close', data: [1, 2, 3], type: 'INT32', nullable: false }];
    const bytes = Buffer.from(parquetWriteBuffer({ columnData, statistics: false }));
    const length = bytes.readUInt32LE(bytes.length - 8);
    const footer = edit(bytes.subarray(bytes.length - 8 - length, bytes.length - 8));
    const tail = Buffer.alloc(8);
    tail.writeUInt32LE(footer.length, 0);
    tail.write('PAR1', 4);
    return Buffer.concat([bytes.subarray(0, bytes.length - 8 - length), footer, tail]);
  };

  it('a footer that claims absurd row counts is refused without allocating them', async () => {
    // num_rows is a zigzag varint: 3 is 0x06. 2^40 takes six bytes.
    const huge = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x40]);
    const forged = forge((footer) =>
      Buffer.from(
        footer.toString('latin1').replaceAll('\x16\x06', `\x16${huge.toString('latin1')}`),
        'latin1',
      ),
    );
    const before = process.memoryUsage().rss;
    const error = await inputErrorOf(openParquetBytes(new Uint8Array(forged), 'forged'));
    expect(error.message).toMatch(/a row group claims 1099511627776 rows/);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('a footer full of nested lists is refused before it is parsed', () => {
    // Each level claims 33 million elements: a trusting parser allocates 256 MB for every six bytes.
    const level = [0x99, 0xf9, 0x80, 0x80, 0x80, 0x10];
    const bytes = new Uint8Array(Array.from({ length: 200 }, () => level).flat());
    expect(() => checkThrift(new DataView(bytes.buffer), 0)).toThrow(
      /longer than the file|unknown type|too deeply/,
    );
    const deep = new Uint8Array(1000).fill(0x1c);
    expect(() => checkThrift(new DataView(deep.buffer), 0)).toThrow(/too deeply/);
  });
});
