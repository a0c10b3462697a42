import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromArrowTable, toArrowTable } from '../../src/data/arrow.ts';
import { openDataset } from '../../src/data/dataset.ts';
import { createDatasetWriter, writeDataset } from '../../src/data/dataset-writer.ts';
import { contentSha256, type DatasetManifest, parseManifest } from '../../src/data/manifest.ts';
import { writeSessionParquet } from '../../src/data/parquet-write.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { duckdb, folderBytes, inputErrorOf, plain, useTempDir } from './support.ts';
import { randomTable } from './support-tables.ts';

const temp = useTempDir();
const facts = { provenance: { source: 'tables', files: [], options: {} } } as const;
const write = (name: string, ...tables: MarketTable[]) =>
  writeDataset({ dir: temp.path(name), tables, facts });

const friday = randomTable({ date: '2024-07-05', symbols: ['BBB', 'AAA', 'CCC'], minutes: 40, seed: 1 });
const monday = randomTable({ date: '2024-07-08', symbols: ['DDD', 'AAA'], minutes: 30, seed: 2 });

describe('a dataset', () => {
  it('gives back the tables it was written from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(),
          minutes: fc.integer({ min: 1, max: 60 }),
          density: fc.double({ min: 0.05, max: 1, noNaN: true }),
          symbols: fc.uniqueArray(fc.constantFrom('AA', 'B', 'Z.A', 'a', 'ZZZ'), { minLength: 1 }),
        }),
        async (spec) => {
          const table = randomTable({ date: '2024-07-05', ...spec });
          fc.pre(table.rowCount > 0);
          await write('round-trip', table);
          const dataset = await openDataset(temp.path('round-trip'));
          const loaded = await dataset.loadSession('2024-07-05');
          expect(symbolsOfRows(loaded)).toEqual(symbolsOfRows(table));
          expect({ ...plain(loaded), symbols: 0, symbolIx: 0 }).toEqual({
            ...plain(table),
            symbols: 0,
            symbolIx: 0,
          });
        },
      ),
      { numRuns: 25 },
    );
  });

  it('keeps volumes and prices beyond 32 bits', async () => {
    const table = randomTable({ date: '2024-07-05', symbols: ['BRK.A'], minutes: 5, seed: 3, density: 1 });
    for (const column of ['openE4', 'highE4', 'lowE4', 'closeE4'] as const) table[column].fill(7_412_345_600);
    table.volume[2] = 9_007_199_254_740_991;
    await write('wide', table);
    const loaded = await (await openDataset(temp.path('wide'))).loadSession('2024-07-05');
    expect(plain(loaded)).toEqual(plain(table));
  });

  it('holds all symbols of all sessions in code-unit order, and the calendar of each session', async () => {
    const manifest = await write('two', friday, monday);
    const dataset = await openDataset(temp.path('two'));
    expect(dataset.symbols).toEqual(['AAA', 'BBB', 'CCC', 'DDD']);
    expect(dataset.sessions.map(({ date }) => date)).toEqual(['2024-07-05', '2024-07-08']);
    expect(dataset.sha256).toBe(manifest.sha256);
    const loaded = await dataset.loadSession('2024-07-08');
    expect(loaded.symbols).toEqual(dataset.symbols);
    expect(symbolsOfRows(loaded)).toEqual(symbolsOfRows(monday));
  });

  it('has the same bytes every time, and a hash that only data moves', async () => {
    await write('once', friday, monday);
    const other = await writeDataset({
      dir: temp.path('again'),
      tables: [friday, monday],
      facts: { provenance: { source: 'csv', files: [], options: { note: 'elsewhere' } } },
    });
    const once = folderBytes(temp.path('once'));
    const again = folderBytes(temp.path('again'));
    expect(again['/data/2024-07-05.parquet']).toBe(once['/data/2024-07-05.parquet']);
    expect(other.sha256).toBe((await openDataset(temp.path('once'))).sha256);
    const moved = { ...friday, closeE4: friday.closeE4.map((price, i) => (i === 7 ? price + 1 : price)) };
    expect((await write('moved', moved, monday)).sha256).not.toBe(other.sha256);
  });

  it('pins the bytes of a file, so that a new writer version is noticed', async () => {
    const bytes = writeSessionParquet(friday);
    const { createHash } = await import('node:crypto');
    expect(createHash('sha256').update(bytes).digest('hex')).toMatchInlineSnapshot(
      `"bd4f34dd92535c17e7577980ee3e7f0352c25b265d147f179d85b039afaad842"`,
    );
  });

  it('reads the same in chunks of any size', async () => {
    await write('chunks', friday);
    const whole = plain(await (await openDataset(temp.path('chunks'))).loadSession('2024-07-05'));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (readChunkRows) => {
        const dataset = await openDataset(temp.path('chunks'), { readChunkRows });
        expect(plain(await dataset.loadSession('2024-07-05'))).toEqual(whole);
      }),
      { numRuns: 25 },
    );
  });

  it('is readable by DuckDB, values and types', async () => {
    await write('duck', friday);
    const rows = await duckdb(
      `select * from read_parquet('${temp.path('duck')}/data/*.parquet') order by end_us, symbol`,
    );
    expect(rows).toHaveLength(friday.rowCount);
    expect(rows.map((row) => Number(row.end_us))).toEqual(Array.from(friday.endUs));
    expect(rows.map((row) => row.symbol)).toEqual(symbolsOfRows(friday));
    expect(rows.map((row) => Number(row.bid_close_e4))).toEqual(Array.from(friday.bidCloseE4));
    expect(rows.map((row) => Number(row.volume))).toEqual(Array.from(friday.volume));
  });

  it('is Arrow in memory: the vectors share the buffers of the table', async () => {
    await write('arrow', friday);
    const loaded = await (await openDataset(temp.path('arrow'))).loadSession('2024-07-05');
    const arrow = toArrowTable(loaded);
    expect(arrow.numRows).toBe(loaded.rowCount);
    expect(arrow.getChild('bid_open_e4')?.toArray().buffer).toBe(loaded.bidOpenE4.buffer);
    expect(arrow.getChild('symbol')?.get(5)).toBe(loaded.symbols[loaded.symbolIx[5]]);
    const back = fromArrowTable(arrow, loaded);
    expect(plain(back)).toEqual(plain(loaded));
    expect(back.volume.buffer).toBe(loaded.volume.buffer);
  });
});

describe('a changed dataset', () => {
  const rewrite = async (dir: string, select: string) => {
    const file = temp.path(dir, 'data/2024-07-05.parquet');
    await duckdb(
      `create table t as select * from read_parquet('${file}')`,
      `copy (${select}) to '${file}' (format parquet, compression zstd)`,
    );
  };

  it('is refused by default, with a stable code', async () => {
    await write('changed', friday);
    await rewrite('changed', 'select * replace (close_e4 + 1 as close_e4) from t');
    const dataset = await openDataset(temp.path('changed'));
    const error = await inputErrorOf(dataset.loadSession('2024-07-05'));
    expect(error.code).toBe('DATASET_MISMATCH');
    expect(error.message).toContain('data/2024-07-05.parquet changed');
    expect(dataset.mismatches).toEqual([]);
  });

  it('is read and reported with collect: a price another tool changed, rows in any order', async () => {
    await write('collected', friday);
    await rewrite(
      'collected',
      'select * replace (case when close_e4 = 0 then 0 else close_e4 + 1 end as close_e4, flags::bigint as flags) from t order by hash(symbol, end_us)',
    );
    const dataset = await openDataset(temp.path('collected'), { onMismatch: 'collect' });
    const loaded = await dataset.loadSession('2024-07-05');
    expect(plain(loaded)).toEqual({
      ...plain(friday),
      closeE4: Array.from(friday.closeE4, (p) => (p === 0 ? 0 : p + 1)),
    });
    expect(dataset.mismatches.map(({ file }) => file)).toEqual(['data/2024-07-05.parquet']);
    expect(dataset.mismatches[0].expectedSha256).not.toBe(dataset.mismatches[0].foundSha256);
  });

  it('counts as changed when only its manifest was edited', async () => {
    const manifest = await write('edited', friday);
    const file = temp.path('edited', 'manifest.json');
    writeFileSync(file, JSON.stringify({ ...manifest, barSeconds: 1 }));
    expect((await inputErrorOf(openDataset(temp.path('edited')))).code).toBe('DATASET_MISMATCH');
    const dataset = await openDataset(temp.path('edited'), { onMismatch: 'collect' });
    expect(dataset.mismatches).toHaveLength(1);
  });

  it('never crashes on a flipped byte: the hash finds it, and so does the decoder or nothing did', async () => {
    await write('flipped', friday);
    const file = temp.path('flipped', 'data/2024-07-05.parquet');
    const bytes = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const flipped = Buffer.from(bytes);
          flipped[at] ^= mask;
          writeFileSync(file, flipped);
          const strict = await openDataset(temp.path('flipped'));
          expect((await inputErrorOf(strict.loadSession('2024-07-05'))).code).toBe('DATASET_MISMATCH');
          const lenient = await openDataset(temp.path('flipped'), { onMismatch: 'collect' });
          await lenient
            .loadSession('2024-07-05')
            .catch((error: unknown) => inputErrorOf(Promise.reject(error)));
          expect(lenient.mismatches).toHaveLength(1);
        },
      ),
      { numRuns: 80 },
    );
  });

  it.each([0, 3, 11, 400, 5_000])('cut off after %i bytes is a one-line input error', async (bytes) => {
    await write('cut', friday);
    truncateSync(temp.path('cut', 'data/2024-07-05.parquet'), bytes);
    const dataset = await openDataset(temp.path('cut'), { onMismatch: 'collect' });
    const error = await inputErrorOf(dataset.loadSession('2024-07-05'));
    expect(error.code).toBe('PARQUET_UNREADABLE');
  });

  it.each([
    ['a missing column', 'select * exclude (ask_size) from t', 'COLUMN_MISSING'],
    ['a negative price', 'select * replace (-5 as close_e4) from t', 'DATASET_DAMAGED'],
    ['a fraction', 'select * replace (0.5 as close_e4) from t', 'DATASET_DAMAGED'],
    ['NaN', "select * replace ('nan'::double as close_e4) from t", 'DATASET_DAMAGED'],
    ['null', 'select * replace (null::integer as close_e4) from t', 'DATASET_DAMAGED'],
    ['unknown flags', 'select * replace (16 as flags) from t', 'DATASET_DAMAGED'],
    ['an unknown symbol', "select * replace ('QQQ' as symbol) from t", 'DATASET_DAMAGED'],
    ['a duplicate row', 'select * from t union all select * from t', 'DATASET_DAMAGED'],
    ['rows of another day', 'select * replace (end_us + 86400000000 as end_us) from t', 'DATASET_DAMAGED'],
    ['text where numbers are', "select * replace ('x' as volume) from t", 'PARQUET_UNREADABLE'],
  ])('with %s is an input error', async (_, select, code) => {
    await write('bad', friday);
    await rewrite('bad', select);
    const dataset = await openDataset(temp.path('bad'), { onMismatch: 'collect' });
    expect((await inputErrorOf(dataset.loadSession('2024-07-05'))).code).toBe(code);
  });
});

describe('a manifest', () => {
  const refused = async (change: (manifest: DatasetManifest) => unknown) => {
    const manifest = await write('manifest', friday, monday);
    const text = JSON.stringify(change(structuredClone(manifest)));
    return inputErrorOf((async () => parseManifest(text, 'manifest.json'))());
  };

  it.each([
    [
      'a path out of the folder',
      (m: DatasetManifest) => ({ ...m, sessions: [{ ...m.sessions[0], file: '../../etc/passwd' }] }),
    ],
    [
      'a file of another session',
      (m: DatasetManifest) => ({ ...m, sessions: [{ ...m.sessions[0], file: m.sessions[1].file }] }),
    ],
    ['another format version', (m: DatasetManifest) => ({ ...m, formatVersion: 2 })],
    ['unsorted symbols', (m: DatasetManifest) => ({ ...m, symbols: ['B', 'A'] })],
    ['a session twice', (m: DatasetManifest) => ({ ...m, sessions: [m.sessions[0], m.sessions[0]] })],
    [
      'a session that ends before it opens',
      (m: DatasetManifest) => ({ ...m, sessions: [{ ...m.sessions[0], closeUs: 1 }] }),
    ],
    ['an unknown key', (m: DatasetManifest) => ({ ...m, extra: 1 })],
    ['no sessions', (m: DatasetManifest) => ({ ...m, sessions: [] })],
    ['something else', () => [1, 2]],
  ])('with %s is refused', async (_, change) => {
    const error = await refused(change);
    expect(error.code).toBe('DATASET_MANIFEST');
    expect(error.message).toMatch(/^manifest\.json: /);
  });

  it('holds the hash of its own content', async () => {
    const manifest = await write('self', friday);
    expect(manifest.sha256).toBe(contentSha256(manifest));
    expect(parseManifest(readFileSync(temp.path('self', 'manifest.json'), 'utf8'), 'm')).toEqual(manifest);
  });

  it('missing or unreadable is an input error', async () => {
    expect((await inputErrorOf(openDataset(temp.path('nowhere')))).code).toBe('DATASET_MISSING');
    const dataset = await openDataset(temp.path('self'));
    expect((await inputErrorOf(dataset.loadSession('2024-07-09'))).code).toBe('SESSION_MISSING');
  });

  it('a pipe in the place of a session is not waited for', async () => {
    await write('pipe', friday);
    const file = temp.path('pipe', 'data/2024-07-05.parquet');
    rmSync(file);
    execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', file]);
    const dataset = await openDataset(temp.path('pipe'));
    const error = await inputErrorOf(dataset.loadSession('2024-07-05'));
    expect(error.code).toBe('DATASET_DAMAGED');
    expect(error.message).toContain('is a pipe or device, expected a file');
  });
});

describe('writing', () => {
  it('refuses a folder that holds anything else, and leaves it alone', async () => {
    mkdirSync(temp.path('mine'));
    writeFileSync(temp.path('mine', 'thesis.txt'), 'precious');
    expect((await inputErrorOf(write('mine', friday))).code).toBe('OUTPUT_EXISTS');
    writeFileSync(temp.path('file'), 'precious');
    expect((await inputErrorOf(write('file', friday))).code).toBe('OUTPUT_EXISTS');
    expect(await readdir(temp.path('mine'))).toEqual(['thesis.txt']);
  });

  it('refuses a dataset folder to which something was added', async () => {
    await write('annotated', friday);
    writeFileSync(temp.path('annotated', 'notes.md'), 'precious');
    expect((await inputErrorOf(write('annotated', monday))).code).toBe('OUTPUT_EXISTS');
    expect(existsSync(temp.path('annotated', 'notes.md'))).toBe(true);
  });

  it('replaces an earlier dataset as a whole', async () => {
    await write('replaced', friday);
    await write('replaced', monday);
    expect(await readdir(temp.path('replaced', 'data'))).toEqual(['2024-07-08.parquet']);
  });

  it('shows nothing before it is done, and leaves nothing when it is given up', async () => {
    mkdirSync(temp.path('parent'));
    const writer = await createDatasetWriter(temp.path('parent', 'set'));
    await writer.add(friday);
    expect(existsSync(temp.path('parent', 'set'))).toBe(false);
    await writer.abort();
    expect(await readdir(temp.path('parent'))).toEqual([]);
    const failing = (function* () {
      yield friday;
      throw new Error('source broke');
    })();
    await expect(writeDataset({ dir: temp.path('parent', 'set'), tables: failing, facts })).rejects.toThrow(
      'source broke',
    );
    expect(await readdir(temp.path('parent'))).toEqual([]);
  });

  it('an empty dataset is an input error', async () => {
    const none = randomTable({ date: '2024-07-05', symbols: ['AAA'], minutes: 1, seed: 1, density: 0 });
    expect((await inputErrorOf(write('none', none))).code).toBe('DATASET_EMPTY');
    expect(existsSync(temp.path('none'))).toBe(false);
  });

  it('an output below a file is an input error', async () => {
    writeFileSync(temp.path('plain-file'), '');
    const error = await inputErrorOf(
      writeDataset({ dir: temp.path('plain-file', 'x'), tables: [friday], facts }),
    );
    expect(error.code).toBe('OUTPUT_UNWRITABLE');
  });
});

function symbolsOfRows(table: MarketTable): string[] {
  return Array.from(table.symbolIx, (s) => table.symbols[s]);
}
