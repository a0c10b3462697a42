import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createActionPricer, type SourcedAction } from '../../src/data/actions.ts';
import { parseActionsCsv } from '../../src/data/actions-csv.ts';
import { openDataset } from '../../src/data/dataset.ts';
import { actionsOfFactorFile } from '../../src/data/factor-file.ts';
import { importDataset } from '../../src/data/import.ts';
import type { ImportOptions } from '../../src/data/import-types.ts';
import { simplestRatio } from '../../src/data/simple-ratio.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE } from '../../src/domain/market-table.ts';
import { folderBytes, inputErrorOf, useTempDir } from './support.ts';

const temp = useTempDir();
const shared = new URL('../../../shared/market/lean/', import.meta.url);
const hasShared = existsSync(shared);
if (!hasShared) console.log(`skipped: ${shared.pathname} does not exist`);

const factors = (text: string) => actionsOfFactorFile({ text, label: 'aapl.csv', symbol: 'AAPL' });
const actionsIn = (found: readonly SourcedAction[]) => found.map(({ action }) => action);

describe('a factor file', () => {
  it('says what happened on the session after a row: old shares by new, and the dividend to a tenth of a cent', () => {
    const found = factors(
      '20140507,0.8961764,0.0357143,592.33\n20140606,0.9011818,0.0357143,645.57\n20140806,0.9011818,0.25,94.97\n20501231,1,1,0\n',
    );
    expect(found).toEqual([
      {
        at: 'aapl.csv:1',
        action: { kind: 'dividend', symbol: 'AAPL', exDate: '2014-05-08', cashMicros: 3_290_000 },
      },
      {
        at: 'aapl.csv:2',
        action: { kind: 'split', symbol: 'AAPL', exDate: '2014-06-09', oldShares: 1, newShares: 7 },
      },
      expect.objectContaining({
        action: expect.objectContaining({ exDate: '2014-08-07', kind: 'dividend' }),
      }),
      expect.objectContaining({
        action: { kind: 'split', symbol: 'AAPL', exDate: '2014-08-07', oldShares: 1, newShares: 4 },
      }),
    ]);
  });

  it('names both actions of one day, and a ratio that its digits only come near', () => {
    const found = factors(
      '19980731,0.6586269,7.11111022,150.69\n19980901,0.6601624,10.66670000,80.44\n20501231,1,1,0',
    );
    expect(actionsIn(found.slice(0, 2)).map(({ kind, exDate }) => [kind, exDate])).toEqual([
      ['dividend', '1998-08-03'],
      ['split', '1998-08-03'],
    ]);
    expect(found[1]?.action).toMatchObject({ oldShares: 2, newShares: 3 });
  });

  it('passes over what is before the calendar, and rows that change nothing', () => {
    expect(factors('19950103,0.5,0.25,10\n19970103,0.5,0.5,1\n20140507,1,1,3\n20501231,1,1,0')).toEqual([]);
  });

  it.each([
    ['0.1428', 1, 7],
    ['0.1429', 1, 7],
    ['0.33', 1, 3],
    ['0.25', 1, 4],
    ['0.05', 1, 20],
    ['0.9', 9, 10],
    ['0.95238095', 20, 21],
    ['1.5', 3, 2],
    ['1500', 1500, 1],
    ['0.00066667', 1, 1500],
    ['0.0357143', 1, 28],
  ])('split factor %s carries %d for %d', (printed, oldShares, newShares) => {
    const found = factors(`20140507,1,${printed},5\n20501231,1,1,0`);
    expect(actionsIn(found)).toMatchObject([{ kind: 'split', oldShares, newShares }]);
  });

  it('is read back from its end, where every factor is exact', () => {
    const found = factors('20050225,1,0.0714,88.97\n20140606,1,0.1428,645.57\n20501231,1,1,0');
    expect(actionsIn(found)).toMatchObject([
      { exDate: '2005-02-28', oldShares: 1, newShares: 2 },
      { exDate: '2014-06-09', oldShares: 1, newShares: 7 },
    ]);
  });

  it.each([
    ['20140507,0.9,1,1\n20140506,1,1,1', 'aapl.csv:2: 2014-05-06 is not after 2014-05-07'],
    ['20140507,0.9,1,1\n\nx,1,1,1', 'aapl.csv:3: "x" is not a date yyyymmdd'],
    ['20141307,0.9,1,1', 'aapl.csv:1: "20141307" is not a date yyyymmdd'],
    ['20140507,0.9', 'aapl.csv:1: 2 columns, expected 4'],
    ['20140507,0.9,1e+07,1', 'aapl.csv:1: split factor "1e+07" is not a plain decimal number'],
    ['20140507,inf,1,1', 'aapl.csv:1: price factor "inf" is not a plain decimal number'],
    ['20140507,-0.5,1,1', 'aapl.csv:1: price factor "-0.5" is not a plain decimal number'],
    ['20140507,0,1,1', 'aapl.csv:1: a factor is 0'],
    ['20140507,0.9,1,0\n20501231,1,1,0', 'aapl.csv:1: a dividend needs the reference price'],
    [
      '20140507,1,1,5\n20150507,0.9,1,1\n20501231,1,1,0',
      'aapl.csv:1: the price factor falls to 0.9 on the next row',
    ],
    [
      '20140507,1,0.000001,5\n20150507,1,1,1',
      'aapl.csv:1: split ratio 0.000001 is no ratio of whole numbers',
    ],
    [
      '20140507,1,0.14281234,5\n20501231,1,1,0',
      'aapl.csv:1: split ratio 0.14281234 is no ratio of whole numbers that the digits',
    ],
    [
      '20140507,0.9,0.25,5\n20150507,0.95,0.5,1\n',
      'aapl.csv:2: the last row has factors 0.95 and 0.5, so the row that closes the file, such as 20501231,1,1,0, is missing',
    ],
    ['20140507,0.9,1,5', 'aapl.csv:1: the last row has factors 0.9 and 1, so the row that closes'],
    ['\n', 'aapl.csv:1: no rows'],
  ])('%j is refused in one line that names file and line', (text, message) => {
    expect(() => factors(text)).toThrow(message);
    expect(() => factors(text)).toThrow(expect.objectContaining({ code: 'FACTOR_FILE', exitCode: 2 }));
  });

  it('finds the ratio it was made from, whatever the rounding of its factors', () => {
    const term = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(term, term, fc.integer({ min: -4, max: 4 }), (a, b, error) => {
        const found = simplestRatio((a / b) * (1 + error * 1e-6), 1e-5)!;
        expect(found.numerator * b).toBe(found.denominator * a);
      }),
    );
    expect(simplestRatio(1e-7, 1e-5)).toBeUndefined();
    expect(simplestRatio(Number.NaN, 1e-5)).toBeUndefined();
  });
});

describe('a CSV of actions', () => {
  const csv = (text: string) => actionsIn(parseActionsCsv({ text, label: 'actions.csv' }));

  it('takes splits as ratios or decimals and dividends in dollars, its value in one column or two', () => {
    const rows = [
      { kind: 'split', symbol: 'AAPL', exDate: '2014-06-09', newShares: 7, oldShares: 1 },
      { kind: 'dividend', symbol: 'AAPL', exDate: '2014-05-08', cashMicros: 3_290_000 },
    ];
    expect(
      csv('date,symbol,kind,value\n2014-06-09,AAPL,split,7:1\r\n2014-05-08,AAPL,dividend,3.29\n\n'),
    ).toEqual(rows);
    expect(
      csv('symbol,date,kind,ratio,cash\nAAPL,2014-06-09,split,7,\nAAPL,2014-05-08,dividend,,3.29'),
    ).toEqual(rows);
    expect(csv('date,symbol,kind,ratio|cash\n2014-06-09,A,split,1.5\n2014-06-09,B,split,1:20')).toMatchObject(
      [
        { newShares: 3, oldShares: 2 },
        { newShares: 1, oldShares: 20 },
      ],
    );
    expect(
      csv('"date","symbol",kind,"value"\n"2014-06-09","AAPL","split","7:1"\n2014-05-08,AAPL,dividend,"3.29"'),
    ).toEqual(rows);
  });

  it.each([
    ['ticker,what', 'actions.csv:1: header "ticker,what"'],
    ['date,symbol,kind,value\n2014-06-09,AAPL,split', 'actions.csv:2: 3 columns, the header has 4'],
    ['date,symbol,kind,value\n2014-06-09,AAPL,merger,1', 'actions.csv:2: kind "merger" is neither'],
    ['date,symbol,kind,value\n2014-06-31,AAPL,split,2', 'actions.csv:2: "2014-06-31" is not a date'],
    ['date,symbol,kind,value\n1901-06-03,AAPL,split,2', 'actions.csv:2: "1901-06-03" is not a date'],
    ['date,symbol,kind,value\n2014-06-08,AAPL,split,2', 'actions.csv:2: 2014-06-08 is no trading day'],
    ['date,symbol,kind,value\n2014-06-09,,split,2', 'actions.csv:2: no symbol'],
    ['date,symbol,kind,value\n2014-06-09,AAPL,split,1:1', 'actions.csv:2: split "1:1"'],
    ['date,symbol,kind,value\n2014-06-09,AAPL,split,0:1', 'actions.csv:2: split "0:1"'],
    ['date,symbol,kind,value\n2014-06-09,AAPL,split,-2', 'actions.csv:2: split "-2"'],
    ['date,symbol,kind,value\n2014-06-09,AAPL,dividend,0', 'actions.csv:2: dividend "0"'],
    ['date,symbol,kind,value\n2014-06-09,AAPL,dividend,1e3', 'actions.csv:2: dividend "1e3"'],
    ['date,symbol,kind,value\n2014-06-09,"AAPL,split,2', 'actions.csv:2: a quote inside "\\"AAPL"'],
    ['date,symbol,kind,value\n2014-06-09,AA"PL,split,2', 'actions.csv:2: a quote inside'],
    ['date,symbol,kind,value,value\n', 'actions.csv:1: columns value and value say the same; keep one'],
    ['date,symbol,kind,ratio,value\n', 'actions.csv:1: columns ratio and value say the same; keep one'],
    ['date,symbol,Symbol,kind,value\n', 'actions.csv:1: columns symbol and symbol say the same'],
    ['date,symbol,kind,cash\n2014-06-09,AAPL,split,2', 'actions.csv:2: no column for the value of a split'],
  ])('%j is refused in one line that names file and line', (text, message) => {
    expect(() => csv(text)).toThrow(message);
    expect(() => csv(text)).toThrow(expect.objectContaining({ code: 'ACTIONS_FILE', exitCode: 2 }));
  });
});

/** Bars of two symbols over two days: AAA trades, BBB is only quoted. */
const BARS = [
  'end,symbol,price,volume,bid,ask',
  '2024-01-02 09:31,AAA,100,10,99.9,100.1',
  '2024-01-02 09:32,AAA,101,10,100.9,101.1',
  '2024-01-02 09:31,BBB,,,50.0001,50.0002',
  '2024-01-03 09:31,AAA,50,10,49.9,50.1',
  '2024-01-03 09:31,BBB,,,50,50.02',
].join('\n');

function importBars(name: string, actions: string | undefined, options: Partial<ImportOptions> = {}) {
  mkdirSync(temp.path(name), { recursive: true });
  writeFileSync(temp.path(name, 'bars.csv'), BARS);
  if (actions !== undefined) writeFileSync(temp.path(name, 'actions.csv'), actions);
  return importDataset({
    format: 'csv',
    sources: [temp.path(name)],
    out: temp.path(`${name}-out`),
    timeZone: 'new_york',
    ...(actions === undefined ? {} : { actions: temp.path(name, 'actions.csv') }),
    ...options,
  });
}

describe('a dataset with corporate actions', () => {
  const SPLIT = 'date,symbol,kind,value\n2024-01-03,AAA,split,2:1\n2024-01-03,BBB,dividend,0.25\n';

  it('holds them with the price before them, in the order they apply, as part of its identity', async () => {
    const { manifest } = await importBars('with', SPLIT);
    expect(manifest.actions).toEqual([
      {
        kind: 'split',
        symbol: 'AAA',
        exDate: '2024-01-03',
        oldShares: 1,
        newShares: 2,
        referencePriceE4: 1_010_000,
      },
      {
        kind: 'dividend',
        symbol: 'BBB',
        exDate: '2024-01-03',
        cashMicros: 250_000,
        referencePriceE4: 500_001,
      },
    ]);
    expect((await openDataset(temp.path('with-out'))).actions).toEqual(manifest.actions);
    expect(manifest.provenance.files.map(({ file }) => file)).toEqual(['bars.csv', 'actions.csv']);
    const { manifest: without } = await importBars('without', undefined);
    const { manifest: other } = await importBars('other', SPLIT.replace('2:1', '3:1'));
    expect(new Set([manifest.sha256, without.sha256, other.sha256]).size).toBe(3);
    expect(without).not.toHaveProperty('actions');
    expect((await openDataset(temp.path('without-out'))).actions).toEqual([]);
  });

  it('keeps only those of its symbols that have a past in it, up to its last session', async () => {
    const rows = [
      '2024-01-02,AAA,split,2:1',
      '2023-12-29,AAA,split,2:1',
      '2024-01-04,AAA,split,2:1',
      '2024-01-03,BBB,split,2:1',
    ];
    const { manifest, actionsLeftOut } = await importBars(
      'kept',
      `date,symbol,kind,value\n${rows.join('\n')}`,
    );
    expect(actionsLeftOut).toBe(3);
    expect(manifest.actions).toMatchObject([{ symbol: 'BBB', exDate: '2024-01-03' }]);
    const { manifest: chosen } = await importBars('chosen', SPLIT, { symbols: ['AAA'] });
    expect(chosen.actions).toMatchObject([{ symbol: 'AAA' }]);
  });

  it.each([
    ['AAB', 'split of "AAB", which has no bar in any session; did you mean AAA?'],
    ['aaa', 'split of "aaa", which has no bar in any session; did you mean AAA?'],
    ['MSFT', 'split of "MSFT", which has no bar in any session; correct the symbol'],
  ])('refuses an action of %s, of which there are no bars', async (symbol, message) => {
    const name = `strange-${symbol}`;
    for (const day of ['2023-12-29', '2024-01-03', '2024-01-04']) {
      const made = importBars(name, `${SPLIT}${day},${symbol},split,3:1\n`);
      const error = await inputErrorOf(made);
      expect(error).toMatchObject({ code: 'ACTIONS_SYMBOL', exitCode: 2 });
      expect(error.message).toMatch(/actions\.csv:4: /);
      expect(error.message).toContain(message);
    }
    expect(existsSync(temp.path(`${name}-out`))).toBe(false);
    const asked = await importBars(name, `${SPLIT}2024-01-03,${symbol},split,3:1\n`, {
      symbols: ['AAA', 'BBB'],
    });
    expect(asked).toMatchObject({ actionsLeftOut: 1 });
  });

  it('refuses a dividend that is not below the price, and two actions that are one', async () => {
    const dear = await inputErrorOf(importBars('dear', SPLIT.replace('0.25', '50.0001')));
    expect(dear).toMatchObject({ code: 'ACTIONS_DIVIDEND', exitCode: 2 });
    expect(dear.message).toMatch(/actions\.csv:3: dividend of 50\.0001 dollars on BBB/);
    const twice = await inputErrorOf(importBars('twice', `${SPLIT}2024-01-03,AAA,split,3:1\n`));
    expect(twice.message).toMatch(
      /actions\.csv:4: a second split of AAA on 2024-01-03, the first is at .*:2/,
    );
    const gone = await inputErrorOf(importBars('gone', SPLIT, { actions: temp.path('nowhere.csv') }));
    expect(gone.message).toMatch(/^nowhere\.csv: corporate actions cannot be read/);
    expect(existsSync(temp.path('dear-out'))).toBe(false);
  });

  it('changed by hand is noticed', async () => {
    await importBars('forged', SPLIT);
    const path = temp.path('forged-out', 'manifest.json');
    const text = readFileSync(path, 'utf8');
    for (const [from, to, message] of [
      ['"newShares": 2', '"newShares": 3', 'manifest.json changed since it was imported'],
      [
        '"cashMicros": 250000',
        '"cashMicros": 50000100',
        'dividend of BBB on 2024-01-03 is not below the price',
      ],
      ['"symbol": "AAA"', '"symbol": "CCC"', 'the dataset has no such symbol'],
      ['"exDate": "2024-01-03"', '"exDate": "2024-01-04"', 'is out of order|is after the last session'],
      ['"oldShares": 1', '"oldShares": 0', 'actions'],
    ] as const) {
      expect(text).toContain(from);
      writeFileSync(path, text.replace(from, to));
      expect((await inputErrorOf(openDataset(temp.path('forged-out')))).message).toMatch(new RegExp(message));
    }
  });
});

describe('the price before an action', () => {
  it('is the last trade, or else the mid, and after another action its price on the terms of that', () => {
    const row = (symbolIx: number, flags: number, closeE4: number, bidE4 = 0) => ({
      symbolIx,
      flags,
      closeE4,
      bidE4,
    });
    const rows = [
      row(0, HAS_TRADE, 700),
      row(0, HAS_BID | HAS_ASK, 0, 900),
      row(1, HAS_BID | HAS_ASK, 0, 55),
    ];
    const table = {
      session: '2024-01-02',
      symbols: ['AAA', 'BBB'],
      rowCount: rows.length,
      symbolIx: Int32Array.from(rows, (each) => each.symbolIx),
      flags: Uint8Array.from(rows, (each) => each.flags),
      closeE4: Float64Array.from(rows, (each) => each.closeE4),
      bidCloseE4: Float64Array.from(rows, (each) => each.bidE4),
      askCloseE4: Float64Array.from(rows, (each) => each.bidE4 + 1),
    } as never;
    const next = { ...(table as object), session: '2024-01-03', rowCount: 0 } as never;
    const on = { symbol: 'AAA', exDate: '2024-01-03' } as const;
    const pricer = createActionPricer([
      { at: '1', action: { kind: 'split', ...on, oldShares: 1, newShares: 7 } },
      { at: '2', action: { kind: 'dividend', ...on, cashMicros: 7_000 } },
      { at: '3', action: { kind: 'split', ...on, symbol: 'BBB', oldShares: 1, newShares: 2 } },
    ]);
    pricer.add(table);
    pricer.add(next);
    expect(
      pricer.finish(['AAA', 'BBB']).map(({ kind, referencePriceE4 }) => [kind, referencePriceE4]),
    ).toEqual([
      ['dividend', 700],
      ['split', 630],
      ['split', 55],
    ]);
  });
});

describe('a synthetic universe with actions', () => {
  const options = { symbols: ['AAA', 'BBB'], sessions: 2, seed: 3, signal: 0 } as const;
  const actions = [
    { kind: 'split', symbol: 'AAA', exDate: '2024-01-03', oldShares: 1, newShares: 4 },
    { kind: 'dividend', symbol: 'BBB', exDate: '2024-01-03', cashMicros: 2_000_000 },
  ] as const;

  it('has the same bars up to the ex-date, then prices and volumes on the new terms', async () => {
    const plain = await synthDataset({ dir: temp.path('synth'), options });
    const split = await synthDataset({ dir: temp.path('synth-split'), options: { ...options, actions } });
    expect(split.sessions[0]?.sha256).toBe(plain.sessions[0]?.sha256);
    expect(split.actions).toHaveLength(2);
    const [before, after] = await Promise.all(
      ['synth', 'synth-split'].map(async (dir) =>
        (await openDataset(temp.path(dir))).loadSession('2024-01-03'),
      ),
    );
    const mid = (table: typeof before, row: number) =>
      (table!.bidCloseE4[row]! + table!.askCloseE4[row]!) / 2;
    expect(mid(after, 0) / mid(before, 0)).toBeCloseTo(1 / 4, 3);
    expect((mid(before, 1) - mid(after, 1)) / 10_000).toBeCloseTo(2, 1);
    expect(after!.volume[0]! / before!.volume[0]!).toBeCloseTo(4, 1);
    expect(split.provenance.options.actions).toEqual([
      'split AAA=4:1@2024-01-03',
      'dividend BBB=2@2024-01-03',
    ]);
  });

  it('refuses actions of symbols and days it does not have, and dividends beyond the price', async () => {
    for (const change of [{ symbol: 'ZZZ' }, { exDate: '2024-01-02' }, { exDate: '2024-01-06' }]) {
      const made = synthDataset({
        dir: temp.path('bad'),
        options: { ...options, actions: [{ ...actions[0], ...change }] },
      });
      expect(await inputErrorOf(made)).toMatchObject({ code: 'SYNTH_OPTION' });
    }
    const dear = { ...actions[1], cashMicros: 900_000_000 };
    const made = synthDataset({ dir: temp.path('bad'), options: { ...options, actions: [dear] } });
    expect((await inputErrorOf(made)).message).toMatch(/900 dollars are more than its price/);
  });
});

describe.skipIf(!hasShared)('real factor files', () => {
  const importDaily = (out: string, options: Partial<ImportOptions> = {}) =>
    importDataset({
      format: 'lean',
      sources: [fileURLToPath(shared)],
      out: temp.path(out),
      resolution: 'daily',
      symbols: ['AAPL', 'AIG'],
      from: '2005-01-03',
      to: '2014-12-31',
      ...options,
    });

  it('are read beside the data: the splits and dividends of AAPL and AIG as history has them', async () => {
    const { manifest } = await importDaily('real');
    const actions = manifest.actions ?? [];
    const splits = actions.filter(({ kind }) => kind === 'split');
    expect(splits).toEqual([
      {
        kind: 'split',
        symbol: 'AAPL',
        exDate: '2005-02-28',
        oldShares: 1,
        newShares: 2,
        referencePriceE4: 889_700,
      },
      {
        kind: 'split',
        symbol: 'AIG',
        exDate: '2009-07-01',
        oldShares: 20,
        newShares: 1,
        referencePriceE4: 11_300,
      },
      {
        kind: 'split',
        symbol: 'AAPL',
        exDate: '2014-06-09',
        oldShares: 1,
        newShares: 7,
        referencePriceE4: 6_455_700,
      },
    ]);
    const apple = actions.flatMap((action) =>
      action.kind === 'dividend' && action.symbol === 'AAPL'
        ? [[action.exDate, action.cashMicros / 1e6]]
        : [],
    );
    expect(apple).toEqual([
      ['2012-08-09', 2.65],
      ['2012-11-07', 2.65],
      ['2013-02-07', 2.65],
      ['2013-05-09', 3.05],
      ['2013-08-08', 3.05],
      ['2013-11-06', 3.05],
      ['2014-02-06', 3.05],
      ['2014-05-08', 3.29],
      ['2014-08-07', 0.47],
      ['2014-11-06', 0.47],
    ]);
    expect(manifest.provenance.files.map(({ file }) => file)).toContain('equity/usa/factor_files/aapl.csv');
  });

  it('are left out on request, and the bars are the same', async () => {
    const range = { from: '2014-06-02', to: '2014-06-13' };
    const { manifest } = await importDaily('real-short', range);
    const { manifest: plain } = await importDaily('real-plain', { ...range, actions: 'none' });
    expect(manifest.actions).toHaveLength(2);
    expect(plain).not.toHaveProperty('actions');
    expect(plain.sessions).toEqual(manifest.sessions);
    expect(Object.keys(folderBytes(temp.path('real-plain')))).toEqual(
      Object.keys(folderBytes(temp.path('real-short'))),
    );
  });
});
