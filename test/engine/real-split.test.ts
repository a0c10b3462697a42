import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sessionOn } from '../../src/data/calendar.ts';
import { type FileDataset, openDataset } from '../../src/data/dataset.ts';
import { importDataset } from '../../src/data/import.ts';
import { createMarketTable } from '../../src/data/market-columns.ts';
import { checkBalance } from '../../src/domain/ledger.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketTable } from '../../src/domain/market-table.ts';
import type { InferenceRequest } from '../../src/events/inference.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { collectInput, createRunCollector, currentEquityMicros } from '../../src/report/collect.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { useTempDir } from '../data/support.ts';
import { datasetOf, replay } from '../research/tapes.ts';
import { expectClose } from './close.ts';
import type { Run } from './split-worlds.ts';
import { syntheticRun, thumbInference } from './synthetic-run.ts';

const temp = useTempDir();
const shared = new URL('../../../shared/market/lean/', import.meta.url);
const hasShared = existsSync(shared);
if (!hasShared) console.log(`skipped: ${shared.pathname} does not exist`);

const BARS = 78;
const BAR_US = 300_000_000;

/** Real days of AAPL with their splits and dividends, as LEAN has them. */
async function importApple(from: string, to: string): Promise<FileDataset> {
  const out = temp.path(from);
  await importDataset({
    format: 'lean',
    sources: [fileURLToPath(shared)],
    out,
    resolution: 'daily',
    symbols: ['AAPL'],
    from,
    to,
  });
  return openDataset(out);
}

/**
 * A daily bar told as five-minute bars with quotes, since a day that is known at its close cannot be traded in: from open
 * to close by way of low and high, with a swing of some bps that gives five-minute returns. Prices are multiples of
 * `unit` / 1e4 dollars, which moves a real price by three hundredths of a cent at most.
 */
function intraday(daily: MarketTable, unit: number): MarketTable {
  const { openUs } = sessionOn(daily.session)!;
  const [open, high, low, close] = [daily.openE4, daily.highE4, daily.lowE4, daily.closeE4].map(
    (column) => column[0]!,
  ) as [number, number, number, number];
  const corners = close >= open ? [open, low, high, close] : [open, high, low, close];
  const table = createMarketTable({
    session: daily.session,
    barSeconds: 300,
    symbols: daily.symbols,
    rowCount: BARS,
  });
  const snapped = (priceE4: number) => Math.round(priceE4 / unit) * unit;
  const at = (step: number) => {
    const leg = Math.min(2, Math.floor((step * 3) / BARS));
    const part = (step * 3) / BARS - leg;
    const swing = step === 0 || step === BARS ? 0 : ((step * 7) % 11) - 5;
    return snapped((corners[leg]! + (corners[leg + 1]! - corners[leg]!) * part) * (1 + swing * 1e-4));
  };
  const half = snapped(Math.max(unit, open * 2e-5));
  for (let k = 0; k < BARS; k += 1) {
    const [from, to] = [at(k), at(k + 1)];
    const [top, bottom] = [Math.max(from, to), Math.min(from, to)];
    table.endUs[k] = openUs + (k + 1) * BAR_US;
    table.flags[k] = HAS_BID | HAS_ASK | HAS_TRADE;
    const prices = { Open: from, High: top, Low: bottom, Close: to } as const;
    for (const [part, priceE4] of Object.entries(prices) as [keyof typeof prices, number][]) {
      table[`bid${part}E4`][k] = priceE4 - half;
      table[`ask${part}E4`][k] = priceE4 + half;
      table[`${part.toLowerCase() as 'open'}E4`][k] = priceE4;
    }
    table.volume[k] = Math.round(daily.volume[0]! / BARS);
  }
  return table;
}

interface Telling {
  /** Prices are multiples of this up to the split, in 1e-4 dollars. */
  readonly unit: number;
  readonly splitDate: string;
  /** Prices and volumes before the split on its terms, and no action. */
  readonly isAdjusted: boolean;
  readonly scenario: object;
}

async function appleRun(dataset: FileDataset, telling: Telling): Promise<Run> {
  const { unit, splitDate, isAdjusted } = telling;
  const base = syntheticRun({
    synth: { symbols: ['AAPL'], sessions: 1 },
    horizons: ['5m', '1d'],
    barriers: false,
  });
  const settings = syntheticRun({
    synth: { symbols: ['AAPL'], sessions: 1 },
    horizons: ['5m', '1d'],
    scenario: { cycle: { minutes: 5 }, risk: { maxDataAgeSeconds: 600 }, ...telling.scenario },
  }).identity.settings;
  const layout = {
    symbols: ['AAPL'],
    columns: base.identity.layout.columns.map((column) => ({ ...column, intervalMinutes: 5 })),
  };
  const tables = new Map<string, MarketTable>();
  for (const { date } of dataset.sessions) {
    const table = intraday(await dataset.loadSession(date), date < splitDate ? unit : 1);
    if (isAdjusted && date < splitDate) adjust(table, unit);
    tables.set(date, table);
  }
  return {
    ...base,
    identity: { ...base.identity, layout, settings, barSeconds: 300 },
    inference: thumbInference(layout),
    sessions: dataset.sessions,
    actions: isAdjusted ? [] : dataset.actions,
    loadSession: (date) => Promise.resolve(tables.get(date)!),
    tape: memoryTape({ keepRecords: true }),
  };
}

function adjust(table: MarketTable, ratio: number): void {
  for (const [name, column] of Object.entries(table)) {
    if (!(column instanceof Float64Array) || name === 'endUs') continue;
    for (let k = 0; k < column.length; k += 1)
      column[k] = name.endsWith('E4') ? column[k]! / ratio : column[k]! * ratio;
  }
}

/** Forecasts count in full from the start. */
const BELIEVED = { confidenceFloor: 1, stabilityDefault: 1, icMinPairs: 2000, icWindowPairs: 2000 };

/** Forecasts that rise over the day, so that every night is spent long. */
function risingByDay({ cycle, usable }: InferenceRequest): Predictions {
  const values = new Float32Array(usable.length).fill((cycle - 1) % (BARS - 1));
  return { cycle, values, valid: new Uint8Array(usable.length).fill(1) };
}

describe.skipIf(!hasShared)('AAPL over its real splits', () => {
  it.each([
    ['2005-02-22', '2005-03-04', '2005-02-28', 2],
    ['2014-06-02', '2014-06-13', '2014-06-09', 7],
  ])(
    'from %s to %s: raw prices with the split on %s give the features of adjusted ones',
    async (from, to, splitDate, unit) => {
      const dataset = await importApple(from, to);
      expect(dataset.actions).toMatchObject([
        { kind: 'split', exDate: splitDate, oldShares: 1, newShares: unit },
      ]);
      const watching = { unit, splitDate, scenario: { arbitration: { entryThresholdBps: 10_000 } } };
      const raw = await appleRun(dataset, { ...watching, isAdjusted: false });
      const adjusted = await appleRun(dataset, { ...watching, isAdjusted: true });
      const found = (await runSessions(raw)).engine.pipeline;
      const expected = (await runSessions(adjusted)).engine.pipeline;
      expectClose(found.features.intervals, expected.features.intervals, 1e-9);
      expectClose(found.volatility, expected.volatility, 1e-9);
      expectClose(found.prediction.pairs, expected.prediction.pairs, 1e-9);
      expectClose(found.adv, expected.adv, 1e-9);
      expect(
        Math.sqrt(found.volatility.overnightSquares[0]! / found.volatility.overnightWeight[0]!),
      ).toBeLessThan(0.03);
      const blind = (await runSessions({ ...raw, actions: [], tape: memoryTape({ keepRecords: false }) }))
        .engine.pipeline;
      expect(
        Math.sqrt(blind.volatility.overnightSquares[0]! / blind.volatility.overnightWeight[0]!),
      ).toBeGreaterThan(0.1);
    },
  );

  it('a position held over dividend and split keeps its worth: each paid once, equity continuous, books equal', async () => {
    const dataset = await importApple('2014-04-28', '2014-06-13');
    const run = await appleRun(dataset, {
      unit: 1,
      splitDate: '2014-06-09',
      isAdjusted: false,
      scenario: {
        arbitration: { entryThresholdBps: 0 },
        prediction: { ...BELIEVED, standardizeMinSamples: 30, standardizeWindowCycles: 390 },
      },
    });
    const equities: { readonly type: string; readonly equity: number; readonly shares: number }[] = [];
    const inference = { ...run.inference!, infer: risingByDay };
    const { initialCashMicros } = run.identity.settings;
    const books = createRunCollector({ symbols: ['AAPL'], initialCashMicros });
    const { engine, exchange } = await runSessions({
      ...run,
      inference,
      attach: (loop) =>
        loop.inputs$.subscribe(({ event }) => {
          collectInput(books, event);
          const equity = currentEquityMicros(books);
          equities.push({ type: event.type, equity, shares: books.ledger.shares[0]! });
        }),
    });
    const actions = equities.flatMap(({ type }, k) => (type === 'CorporateActionApplied' ? [k] : []));
    expect(actions).toHaveLength(2);
    const [dividend, split] = actions as [number, number];
    const heldAtDividend = equities[dividend - 1]!.shares;
    const heldAtSplit = equities[split - 1]!.shares;
    expect(Math.abs(heldAtDividend)).toBeGreaterThan(0);
    expect(Math.abs(heldAtSplit)).toBeGreaterThan(0);
    expect(equities[split]!.shares).toBe(heldAtSplit * 7);
    for (const k of actions) expect(equities[k]!.equity).toBe(equities[k - 1]!.equity);
    expect(engine.ledger.dividendsMicros).toBe(heldAtDividend * 3_290_000);
    checkBalance(engine.ledger);
    expect(exchange.ledger.lots).toEqual(engine.ledger.lots);
    expect(exchange.ledger.cashMicros).toBe(engine.ledger.cashMicros);
    const { records } = run.tape;
    expect(records.filter(({ type }) => type === 'ErrorRaised' || type === 'KillSwitchTripped')).toEqual([]);
    expect((await replay(records, datasetOf(run))).divergence).toBeUndefined();
  });
});
