import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { formatNewYork } from '../../src/data/calendar.ts';
import { openDataset } from '../../src/data/dataset.ts';
import { importDataset } from '../../src/data/import.ts';
import type { ImportOptions } from '../../src/data/import-types.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketTable } from '../../src/domain/market-table.ts';
import { readZipCsv } from './lean-witness.ts';
import { inputErrorOf, useTempDir } from './support.ts';

const temp = useTempDir();
const shared = new URL('../../../shared/market/lean/', import.meta.url);
const hasShared = existsSync(shared);
if (!hasShared) console.log(`skipped: ${shared.pathname} does not exist`);

const importLean = (root: string, out: string, options: Partial<ImportOptions> = {}) =>
  importDataset({ format: 'lean', sources: [root], out: temp.path(out), ...options });

const bar = (ms: number, prices: readonly (number | string)[]) => [ms, ...prices].join(',');
const OPEN_MS = 34_200_000;
const TRADE = [1_000_100, 1_000_300, 1_000_000, 1_000_200, 500];
const QUOTE = [1_000_000, 1_000_100, 999_900, 1_000_000, 3, 1_000_200, 1_000_400, 1_000_100, 1_000_200, 4];

interface ZipEntry {
  readonly name: string;
  readonly text: string;
  readonly mode?: number;
}

async function writeZip(
  path: string,
  entries: readonly ZipEntry[],
  patch?: (zip: Buffer) => Buffer,
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const zip = new ZipFile();
  for (const { name, text, mode } of entries) {
    zip.addBuffer(Buffer.from(text), name, mode === undefined ? {} : { mode });
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  if (patch !== undefined) writeFileSync(path, patch(readFileSync(path)));
}

/** A LEAN folder of one symbol and day. */
async function leanFolder(name: string, files: Readonly<Record<string, readonly string[]>>): Promise<string> {
  for (const [file, lines] of Object.entries(files)) {
    await writeZip(temp.path(name, 'equity/usa/minute/spy', file), [
      { name: 'bars.csv', text: lines.join('\n') },
    ]);
  }
  return temp.path(name);
}

describe('LEAN folders', () => {
  it('join trades and quotes into one row per bar, placed at the end of the bar', async () => {
    const root = await leanFolder('joined', {
      '20240705_trade.zip': [bar(OPEN_MS, TRADE), bar(OPEN_MS + 120_000, TRADE)],
      '20240705_quote.zip': [bar(OPEN_MS, QUOTE), bar(OPEN_MS + 60_000, QUOTE)],
    });
    const { manifest } = await importLean(root, 'joined-out');
    const table = await (await openDataset(temp.path('joined-out'))).loadSession('2024-07-05');
    expect(Array.from(table.endUs, formatNewYork)).toEqual([
      '2024-07-05 09:31:00',
      '2024-07-05 09:32:00',
      '2024-07-05 09:33:00',
    ]);
    expect(Array.from(table.flags)).toEqual([HAS_BID | HAS_ASK | HAS_TRADE, HAS_BID | HAS_ASK, HAS_TRADE]);
    expect([table.bidOpenE4[0], table.askCloseE4[0], table.closeE4[0], table.volume[0]]).toEqual([
      1_000_000, 1_000_200, 1_000_200, 500,
    ]);
    expect([table.closeE4[1], table.bidOpenE4[2], table.askSize[2]]).toEqual([0, 0, 0]);
    expect(manifest.symbols).toEqual(['SPY']);
    expect(manifest.provenance.files.map(({ file }) => file)).toEqual([
      'equity/usa/minute/spy/20240705_quote.zip',
      'equity/usa/minute/spy/20240705_trade.zip',
    ]);
  });

  it('a side with empty fields has no quote', async () => {
    const root = await leanFolder('one-sided', {
      '20240705_quote.zip': [bar(OPEN_MS, ['', '', '', '', '', 2000, 2000, 2000, 2000, 7])],
    });
    await importLean(root, 'one-sided-out');
    const table = await (await openDataset(temp.path('one-sided-out'))).loadSession('2024-07-05');
    expect(table.flags[0]).toBe(HAS_ASK);
    expect([table.bidOpenE4[0], table.askSize[0]]).toEqual([0, 7]);
  });

  it('extended hours are dropped and counted, by half days too', async () => {
    const root = await leanFolder('hours', {
      '20240703_trade.zip': [OPEN_MS - 60_000, OPEN_MS, 46_740_000, 46_800_000, 57_540_000].map((ms) =>
        bar(ms, TRADE),
      ),
      '20240704_trade.zip': [bar(OPEN_MS, TRADE)],
    });
    const report = await importLean(root, 'hours-out');
    expect(report.manifest.badRows.outside_session).toBe(4);
    expect(report.manifest.rows).toBe(2);
    expect(report.rejected.map(({ line, detail }) => [line, detail])).toContainEqual([
      4,
      'SPY 2024-07-03 13:01:00',
    ]);
    const refused = await inputErrorOf(importLean(root, 'hours-refused', { outsideSession: 'refuse' }));
    expect(refused.code).toBe('IMPORT_REFUSED');
    expect(refused.message).toContain('4 outside_session');
    expect(refused.message).toContain('--outside-session drop');
  });

  it('lists the files that it does not understand', async () => {
    const root = await leanFolder('misnamed', {
      '20240705_trade.zip': [bar(OPEN_MS, TRADE)],
      '2024070_trade.zip': [bar(OPEN_MS, TRADE)],
      '20240703_trades.zip': [bar(OPEN_MS, TRADE)],
    });
    mkdirSync(join(root, 'equity/usa/minute/qqq'));
    writeFileSync(join(root, 'equity/usa/minute/qqq/notes.txt'), '');
    writeFileSync(join(root, 'equity/usa/minute/read.me'), '');
    const folder = 'equity/usa/minute';
    const ofSpy = [
      `${folder}/read.me`,
      `${folder}/spy/20240703_trades.zip`,
      `${folder}/spy/2024070_trade.zip`,
    ];
    const left = async (options: Partial<ImportOptions>) =>
      (await importLean(root, 'misnamed-out', options)).filesLeftOut;
    expect(await left({ symbols: ['SPY'] })).toEqual(ofSpy);
    expect(await left({})).toEqual([`${folder}/qqq/notes.txt`, ...ofSpy]);
    expect((await inputErrorOf(importLean(root, 'x', { to: '2024-07-01' }))).message).toMatch(
      /no minute files for these symbols and dates; not understood: equity\/usa\/minute\/qqq\/notes\.txt, /,
    );
  });

  it('of days: lists what is no zip', async () => {
    const folder = temp.path('misnamed-days/equity/usa/daily');
    await writeZip(join(folder, 'spy.zip'), [{ name: 'spy.csv', text: `20240705 00:00,${TRADE.join(',')}` }]);
    writeFileSync(join(folder, 'qqq.zi'), '');
    const report = await importLean(temp.path('misnamed-days'), 'misnamed-days-out', { resolution: 'daily' });
    expect(report.filesLeftOut).toEqual(['equity/usa/daily/qqq.zi']);
    expect(report.manifest.rows).toBe(1);
  });

  it('finds the data at equity/usa, at usa and at the folder itself', async () => {
    const root = await leanFolder('roots', { '20240705_trade.zip': [bar(OPEN_MS, TRADE)] });
    const hashes = new Set<string>();
    for (const folder of ['', 'equity', 'equity/usa']) {
      hashes.add((await importLean(join(root, folder), 'roots-out')).manifest.sha256);
    }
    expect(hashes.size).toBe(1);
    expect((await inputErrorOf(importLean(root, 'x', { resolution: 'second' }))).code).toBe('LEAN_FOLDER');
    expect((await inputErrorOf(importLean(root, 'x', { symbols: ['QQQ'] }))).code).toBe('LEAN_EMPTY');
    expect((await inputErrorOf(importLean(root, 'x', { to: '2024-07-03' }))).code).toBe('LEAN_EMPTY');
  });

  it.each([
    [{ symbols: ['SPY', 'QQQ'] }, '--symbols: no row of QQQ in this source and range, rows of SPY only'],
    [
      { symbol: 'SPY' },
      '--symbol: is for csv and parquet, and this import reads lean; to take only some symbols',
    ],
    [
      { barSeconds: 300 },
      '--bar-seconds: is for csv and parquet, and this import reads lean; LEAN has --resolution',
    ],
    [{ columns: { end: 'time' } }, '--columns: is for csv and parquet'],
  ])('does what was asked for or nothing: %j', async (options, message) => {
    const root = await leanFolder('asked', { '20240705_trade.zip': [bar(OPEN_MS, TRADE)] });
    expect((await inputErrorOf(importLean(root, 'asked-out', options))).message).toContain(message);
    expect(existsSync(temp.path('asked-out'))).toBe(false);
  });

  it.each([
    ['malformed', [bar(OPEN_MS, [1, 2, 3])], '4 columns, expected 6'],
    ['malformed', [bar(OPEN_MS, ['x', ...TRADE.slice(1)])], 'trade open is not a number'],
    [
      'malformed',
      [bar(OPEN_MS, [...TRADE.slice(0, 3), '1000200.5', 500])],
      'trade close is not a whole number of 1e-4 dollars',
    ],
    ['malformed', [bar(86_400_000, TRADE)], 'time cannot be read'],
    ['malformed', [bar(OPEN_MS + 1, TRADE)], 'not on the grid of 60 s'],
    ['nan', [bar(OPEN_MS, ['NaN', ...TRADE.slice(1)])], 'trade open is not finite'],
    ['negative', [bar(OPEN_MS, [-5, 3, -5, 2, 1])], 'trade open -5'],
    ['high_below_low', [bar(OPEN_MS, [5, 4, 6, 5, 1])], 'high 4 below low 6'],
    ['out_of_order', [bar(OPEN_MS + 60_000, TRADE), bar(OPEN_MS, TRADE)], 'after 2024-07-05 09:32:00'],
    ['duplicate', [bar(OPEN_MS, TRADE), bar(OPEN_MS, TRADE)], 'a second row'],
  ] as const)('a %s row refuses the import in one line: %s', async (kind, lines, detail) => {
    const root = await leanFolder(`bad-${kind}`, { '20240705_trade.zip': lines });
    const error = await inputErrorOf(importLean(root, 'bad-out'));
    expect(error.code).toBe('IMPORT_REFUSED');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(`1 ${kind}`);
    expect(error.message).toContain(`equity/usa/minute/spy/20240705_trade.zip:${lines.length}`);
    expect(error.message).toContain(detail);
    expect(await readdir(temp.path('bad-out'))).toEqual(['rejected.csv']);
  });

  it('crossed quotes can be dropped, and are listed', async () => {
    const crossed = [...QUOTE.slice(0, 5), 999_950, 999_950, 999_950, 999_950, 4];
    const root = await leanFolder('crossed', {
      '20240705_quote.zip': [bar(OPEN_MS, QUOTE), bar(OPEN_MS + 60_000, crossed)],
    });
    const report = await importLean(root, 'crossed-out', { onBad: 'drop' });
    expect(report.manifest.rows).toBe(1);
    expect(report.manifest.badRows.crossed).toBe(1);
    expect(report.manifest.policy).toEqual({ onBad: 'drop', outsideSession: 'drop' });
    expect(readFileSync(temp.path('crossed-out', 'rejected.csv'), 'utf8')).toBe(
      'kind,file,line,detail\ncrossed,equity/usa/minute/spy/20240705_quote.zip,2,SPY: bid 1000000 above ask 999950 (1e-4 dollars)\n',
    );
  });
});

describe('hostile archives', () => {
  const refusedZip = async (entries: readonly ZipEntry[], patch?: (zip: Buffer) => Buffer) => {
    await writeZip(temp.path('hostile/equity/usa/minute/spy/20240705_trade.zip'), entries, patch);
    mkdirSync(temp.path('hostile-out'), { recursive: true });
    const before = await readdir(temp.path());
    const error = await inputErrorOf(importLean(temp.path('hostile'), 'hostile-out/set'));
    expect(await readdir(temp.path())).toEqual(before);
    expect(await readdir(temp.path('hostile-out'))).toEqual([]);
    expect(error.message).toContain('20240705_trade.zip');
    return error;
  };
  const good = { name: 'bars.csv', text: bar(OPEN_MS, TRADE) };
  const rename = (from: string, to: string) => (zip: Buffer) =>
    Buffer.from(zip.toString('latin1').replaceAll(from, to), 'latin1');

  it('with a name that climbs out is refused', async () => {
    const error = await refusedZip(
      [{ name: 'xx/bars.csv', text: good.text }],
      rename('xx/bars.csv', '../bars.csv'),
    );
    expect(error.code).toBe('ZIP_UNSAFE');
  });

  it('with an absolute name is refused', async () => {
    const error = await refusedZip(
      [{ name: 'x/bars.csv', text: good.text }],
      rename('x/bars.csv', '//bars.csv'),
    );
    expect(error.code).toBe('ZIP_UNSAFE');
  });

  it('with a link is refused', async () => {
    const error = await refusedZip([{ name: 'bars.csv', text: '/etc/passwd', mode: 0o120777 }]);
    expect(error.code).toBe('ZIP_UNSAFE');
    expect(error.message).toContain('link');
  });

  it('that unpacks a thousandfold is refused before it is unpacked', async () => {
    const error = await refusedZip([{ name: 'bars.csv', text: '0'.repeat(64 * 1024 * 1024) }]);
    expect(error.code).toBe('ZIP_UNSAFE');
    expect(error.message).toMatch(/unpacks \d+-fold/);
  });

  it('that understates its size is stopped', async () => {
    const text = '0'.repeat(4 * 1024 * 1024);
    const error = await refusedZip([{ name: 'bars.csv', text }], (zip) => {
      const at = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
      zip.writeUInt32LE(1000, at + 24);
      return zip;
    });
    expect(error.code).toBe('ZIP_UNREADABLE');
  });

  it('with too many entries is refused', async () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ name: `bars${i}.csv`, text: good.text }));
    expect((await refusedZip(many)).code).toBe('ZIP_UNSAFE');
  });

  it.each([
    ['two files', [good, { name: 'more.csv', text: good.text }], undefined],
    ['no file', [{ name: 'readme.md', text: 'x' }], undefined],
    [
      'a line without end',
      [{ name: 'bars.csv', text: Array.from({ length: 30_000 }, (_, i) => i).join(' ') }],
      undefined,
    ],
    ['a cut', [good], (zip: Buffer) => zip.subarray(0, zip.length - 30)],
    ['no zip at all', [good], () => Buffer.from('MZ this is something else')],
    ['a flipped byte', [{ name: 'bars.csv', text: `${good.text}\n`.repeat(1) }], flipFirstDataByte],
  ])('with %s cannot be read', async (_, entries, patch) => {
    expect((await refusedZip(entries, patch)).code).toBe('ZIP_UNREADABLE');
  });
});

/** Turns the first digit of the stored or compressed data into something else, leaving the headers alone. */
function flipFirstDataByte(zip: Buffer): Buffer {
  const at = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28);
  const changed = Buffer.from(zip);
  changed[at + 4] ^= 0x10;
  return changed;
}

describe.skipIf(!hasShared)('the real LEAN sample', () => {
  const DAYS = ['2013-10-04', '2013-10-07', '2013-10-08', '2013-10-09'];
  const SYMBOLS = ['AIG', 'BAC', 'IBM', 'SPY'];
  const root = hasShared ? fileURLToPath(shared) : '';
  const lines = (symbol: string, day: string, kind: string) =>
    readZipCsv(
      new URL(`equity/usa/minute/${symbol.toLowerCase()}/${day.replaceAll('-', '')}_${kind}.zip`, shared),
    );
  const inSession = (row: readonly string[]) => Number(row[0]) >= OPEN_MS && Number(row[0]) < 57_600_000;

  it('minute bars: every row and value is what a naive reader finds', async () => {
    const report = await importLean(root, 'real');
    const dataset = await openDataset(temp.path('real'));
    expect(dataset.symbols).toEqual(SYMBOLS);
    expect(dataset.sessions.map(({ date }) => date)).toEqual(DAYS);
    let dropped = 0;
    for (const day of DAYS) {
      const table = await dataset.loadSession(day);
      let rows = 0;
      for (const symbol of SYMBOLS) {
        const quotes = lines(symbol, day, 'quote');
        const trades = lines(symbol, day, 'trade');
        dropped += [...quotes, ...trades].filter((row) => !inSession(row)).length;
        const expected = naiveBars(quotes.filter(inSession), trades.filter(inSession));
        expect(barsOf(table, symbol)).toEqual(expected);
        rows += expected.size;
      }
      expect(table.rowCount).toBe(rows);
    }
    expect(report.manifest.badRows).toMatchObject({
      outside_session: dropped,
      crossed: 0,
      duplicate: 0,
      nan: 0,
    });
    expect(JSON.stringify(report.manifest)).not.toContain(root);
  });

  it('second bars', async () => {
    const { manifest } = await importLean(root, 'seconds', { resolution: 'second', from: '2013-10-08' });
    const file = (kind: string) => readZipCsv(new URL(`equity/usa/second/spy/20131008_${kind}.zip`, shared));
    const seconds = new Set([...file('quote'), ...file('trade')].filter(inSession).map((row) => row[0]));
    expect(manifest).toMatchObject({ barSeconds: 1, rows: seconds.size, firstSession: '2013-10-08' });
  });

  it('daily bars end at the close of their session, on half days too', async () => {
    const options = {
      resolution: 'daily',
      symbols: ['spy', 'AAPL'],
      from: '2019-11-27',
      to: '2019-12-02',
    } as const;
    const report = await importLean(root, 'daily', options);
    expect(report.manifest).toMatchObject({ barSeconds: 86_400, rows: 6, symbols: ['AAPL', 'SPY'] });
    const table = await (await openDataset(temp.path('daily'))).loadSession('2019-11-29');
    expect(formatNewYork(table.endUs[1])).toBe('2019-11-29 13:00:00');
    const day = readZipCsv(new URL('equity/usa/daily/spy.zip', shared)).find((row) =>
      row[0].startsWith('20191129'),
    );
    expect(
      [table.openE4[1], table.highE4[1], table.lowE4[1], table.closeE4[1], table.volume[1]].map(String),
    ).toEqual(day?.slice(1));
  });
});

type Bars = Map<number, string>;

function naiveBars(quotes: readonly (readonly string[])[], trades: readonly (readonly string[])[]): Bars {
  const quoteAt = new Map(quotes.map((row) => [row[0], row.slice(1)]));
  const tradeAt = new Map(trades.map((row) => [row[0], row.slice(1)]));
  const times = [...new Set([...quoteAt.keys(), ...tradeAt.keys()])].sort((a, b) => Number(a) - Number(b));
  const none = (n: number) => new Array(n).fill('0');
  return new Map(
    times.map((ms) => [
      Number(ms) + 60_000,
      [...(quoteAt.get(ms) ?? none(10)), ...(tradeAt.get(ms) ?? none(5))]
        .map((cell) => cell || '0')
        .join(','),
    ]),
  );
}

function barsOf(table: MarketTable, symbol: string): Bars {
  const midnightUs = Date.parse(`${table.session}T04:00:00Z`) * 1000;
  const bars: Bars = new Map();
  for (let i = 0; i < table.rowCount; i++) {
    if (table.symbols[table.symbolIx[i]] !== symbol) continue;
    const cells = [
      [table.bidOpenE4, table.bidHighE4, table.bidLowE4, table.bidCloseE4, table.bidSize],
      [table.askOpenE4, table.askHighE4, table.askLowE4, table.askCloseE4, table.askSize],
      [table.openE4, table.highE4, table.lowE4, table.closeE4, table.volume],
    ].flat();
    bars.set((table.endUs[i] - midnightUs) / 1000, cells.map((column) => column[i]).join(','));
  }
  return bars;
}
