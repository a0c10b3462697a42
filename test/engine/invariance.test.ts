import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { openDataset } from '../../src/data/dataset.ts';
import { createMarketTable } from '../../src/data/market-columns.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import type { SynthOptions } from '../../src/data/synth-options.ts';
import { MARKET_VALUE_COLUMNS, type MarketTable } from '../../src/domain/market-table.ts';
import type { JsonObject, TapeRecord } from '../../src/events/record.ts';
import { prepareRun } from '../../src/modes/prepare.ts';
import { type RunIdentity, runIdOf } from '../../src/modes/run-identity.ts';
import { runSessions, type SessionRun } from '../../src/modes/run-sessions.ts';
import type { MarketDataset } from '../../src/ports/market-data.ts';
import { type MemoryTape, memoryTape } from '../../src/tape/memory-tape.ts';
import { duckdb, useTempDir } from '../data/support.ts';
import { syntheticRun, thumbInference, thumbLayout } from './synthetic-run.ts';

const SYNTH: SynthOptions = {
  ...{ symbols: ['AAA', 'B.B', 'CCC', 'DDD'], sessions: 2, from: '2024-07-03' },
  ...{ signal: 0.5, seed: 5, spreadBps: 0.8 },
};
const SCENARIO = {
  prediction: { standardizeMinSamples: 20, confidenceFloor: 0.1 },
  cycle: { minutes: 2 },
} as const;

const temp = useTempDir();
let base: SessionRun & { readonly tape: MemoryTape };

beforeAll(async () => {
  await synthDataset({ dir: temp.path('dataset'), options: SYNTH });
  base = syntheticRun({ synth: SYNTH, scenario: SCENARIO });
  await runSessions(base);
});

function count(records: readonly TapeRecord[], type: string): number {
  return records.filter((record) => record.type === type).length;
}

/** The base run over the sessions of another source of the same data. */
async function headsOver(dataset: Pick<MarketDataset, 'loadSession'>): Promise<[string, string]> {
  const tape = memoryTape();
  await runSessions({ ...base, tape, loadSession: (date) => dataset.loadSession(date) });
  return [tape.head, tape.decisionHead];
}

it('is about a run that trades', () => {
  expect(count(base.tape.records, 'OrderFilled')).toBeGreaterThan(20);
});

describe('the tape does not change with', () => {
  it('the order of symbols and keys in the scenario file', async () => {
    const symbols = ['DDD', 'AAA', 'CCC', 'B.B'];
    const identityOf = async (name: string, text: string): Promise<RunIdentity> => {
      writeFileSync(temp.path(name), text);
      return (await prepareRun(loadScenario({ file: temp.path(name) }))).identity;
    };
    const plain = await identityOf('plain.yaml', 'name: order\ndata:\n  dataset: ./dataset\n');
    for (const rotation of [0, 1, 3]) {
      const rotated = [...symbols.slice(rotation), ...symbols.slice(0, rotation)];
      const text = `data:\n  symbols: [${rotated.join(', ')}]\n  dataset: ./dataset\nname: order\n`;
      const identity = await identityOf(`rotated-${rotation}.yaml`, text);
      expect(identity.layout.symbols).toEqual(['AAA', 'B.B', 'CCC', 'DDD']);
      expect(runIdOf(identity)).toBe(runIdOf(plain));
    }
    const [first, second] = await Promise.all(
      ['DDD, AAA', 'AAA, DDD'].map((list, k) =>
        identityOf(`some-${k}.yaml`, `name: order\ndata: { dataset: ./dataset, symbols: [${list}] }\n`),
      ),
    );
    expect(runIdOf(first!)).toBe(runIdOf(second!));
    expect(runIdOf(first!)).not.toBe(runIdOf(plain));
  });

  it.each([7, 100, 1000])('reading the dataset in chunks of %s rows', async (readChunkRows) => {
    const dataset = await openDataset(temp.path('dataset'), { readChunkRows });
    expect(await headsOver(dataset)).toEqual([base.tape.head, base.tape.decisionHead]);
  });

  it('the order of rows on disk, and the tool that wrote them', async () => {
    for (const order of ['hash(symbol, end_us)', 'end_us desc, symbol desc', 'close_e4, symbol']) {
      const dir = temp.path(`shuffled-${order.length}`);
      mkdirSync(dir);
      cpSync(temp.path('dataset'), dir, { recursive: true });
      for (const { date } of base.sessions) {
        const file = `${dir}/data/${date}.parquet`;
        await duckdb(
          `create table t as select * from read_parquet('${file}')`,
          `copy (select * from t order by ${order}) to '${file}' (format parquet, row_group_size 2048)`,
        );
      }
      const dataset = await openDataset(dir, { onMismatch: 'collect' });
      expect(await headsOver(dataset)).toEqual([base.tape.head, base.tape.decisionHead]);
      expect(dataset.mismatches).toHaveLength(base.sessions.length);
    }
  });

  it('does change with one price: these checks can fail', async () => {
    const tables = await openDataset(temp.path('dataset'));
    const loadSession = async (date: string): Promise<MarketTable> => {
      const table = structuredClone(await tables.loadSession(date));
      table.closeE4[400]! += 1;
      return table;
    };
    const [head, decisionHead] = await headsOver({ loadSession });
    expect(head).not.toBe(base.tape.head);
    expect(decisionHead).not.toBe(base.tape.decisionHead);
  });
});

describe('a universe that is part of the dataset', () => {
  /** The base run with another universe, over tables made from its own. */
  async function headOf(symbols: readonly string[], change = (table: MarketTable) => table): Promise<string> {
    const { identity } = base;
    const layout = thumbLayout({
      symbols,
      horizons: identity.horizons,
      families: ['Fast', 'Slow'],
      barriers: true,
    });
    const tape = memoryTape({ keepRecords: true });
    await runSessions({
      ...base,
      tape,
      identity: { ...identity, layout },
      inference: thumbInference(layout),
      loadSession: async (date) => change(await base.loadSession(date)),
    });
    expect(count(tape.records, 'OrderFilled')).toBeGreaterThan(3);
    return tape.decisionHead;
  }

  it('decides as if the dataset held nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(['AAA', 'DDD'], ['B.B'], ['AAA', 'CCC', 'DDD']), async (symbols) => {
        expect(await headOf(symbols)).toBe(await headOf(symbols, (table) => onlySymbols(table, symbols)));
      }),
      { numRuns: 3 },
    );
  });

  function onlySymbols(table: MarketTable, symbols: readonly string[]): MarketTable {
    const kept: number[] = [];
    for (let row = 0; row < table.rowCount; row += 1) {
      if (symbols.includes(table.symbols[table.symbolIx[row]!]!)) kept.push(row);
    }
    const { session, barSeconds } = table;
    const out = createMarketTable({ session, barSeconds, symbols, rowCount: kept.length });
    kept.forEach((row, k) => {
      out.endUs[k] = table.endUs[row]!;
      out.symbolIx[k] = symbols.indexOf(table.symbols[table.symbolIx[row]!]!);
      out.flags[k] = table.flags[row]!;
      for (const column of MARKET_VALUE_COLUMNS) out[column][k] = table[column][row]!;
    });
    return out;
  }
});

describe('bars of one second', () => {
  const MINUTES = 100;

  /** Every minute as 20 bars, three seconds apart, that add up to it: prices stay at its opening until the last. */
  function inSeconds(table: MarketTable): MarketTable {
    const { session, symbols } = table;
    const endUs = table.endUs.slice(0, table.rowCount);
    const firstUs = endUs[0]!;
    const minutes = [...new Set(endUs)].filter((end) => end < firstUs + MINUTES * 60_000_000);
    const rowsOf = minutes.map((end) => range(table.rowCount).filter((row) => endUs[row] === end));
    const rowCount = 20 * rowsOf.reduce((sum, rows) => sum + rows.length, 0);
    const out = createMarketTable({ session, barSeconds: 1, symbols, rowCount });
    let k = 0;
    minutes.forEach((end, m) => {
      for (let part = 1; part <= 20; part += 1) {
        for (const row of rowsOf[m]!) {
          out.endUs[k] = end - (20 - part) * 3_000_000;
          out.symbolIx[k] = table.symbolIx[row]!;
          out.flags[k] = table.flags[row]!;
          fillPart(out, k, { table, row, part });
          k += 1;
        }
      }
    });
    return out;
  }

  function fillPart(
    out: MarketTable,
    k: number,
    from: { table: MarketTable; row: number; part: number },
  ): void {
    const { table, row, part } = from;
    for (const [open, high, low, close] of [
      ['bidOpenE4', 'bidHighE4', 'bidLowE4', 'bidCloseE4'],
      ['askOpenE4', 'askHighE4', 'askLowE4', 'askCloseE4'],
      ['openE4', 'highE4', 'lowE4', 'closeE4'],
    ] as const) {
      const [start, end] = [table[open][row]!, table[close][row]!];
      out[open][k] = start;
      out[close][k] = part === 20 ? end : start;
      out[high][k] = part === 10 ? table[high][row]! : Math.max(out[open][k]!, out[close][k]!);
      out[low][k] = part === 11 ? table[low][row]! : Math.min(out[open][k]!, out[close][k]!);
    }
    out.bidSize[k] = table.bidSize[row]!;
    out.askSize[k] = table.askSize[row]!;
    const volume = table.volume[row]!;
    out.volume[k] = Math.floor((volume * part) / 20) - Math.floor((volume * (part - 1)) / 20);
  }

  function range(n: number): number[] {
    return Array.from({ length: n }, (_, k) => k);
  }

  const withoutGaps = () => ({
    ...base.identity.settings,
    risk: { ...base.identity.settings.risk, maxDataGapMinutes: 0 },
  });

  async function recordsOver(
    barSeconds: number,
    change: (table: MarketTable) => MarketTable,
  ): Promise<readonly TapeRecord[]> {
    const session = base.sessions[0]!;
    const tape = memoryTape({ keepRecords: true });
    await runSessions({
      ...base,
      tape,
      sessions: [session],
      // the hundred minutes end long before the session does
      identity: { ...base.identity, barSeconds, sessions: [session.date], settings: withoutGaps() },
      loadSession: async (date) => change(await base.loadSession(date)),
    });
    return tape.records;
  }

  function short(table: MarketTable): MarketTable {
    const lastUs = table.endUs[0]! + MINUTES * 60_000_000;
    const rowCount = table.endUs.findIndex((end) => end >= lastUs);
    return { ...table, rowCount };
  }

  it('run through the loop: the features of every cycle are those of the minutes they add up to', async () => {
    const minutes = await recordsOver(60, short);
    const seconds = await recordsOver(1, inSeconds);
    const digests = (records: readonly TapeRecord[]) =>
      records
        .filter(({ type }) => type === 'InferenceRequested')
        .map(({ payload }) => payload.featuresDigest);
    expect(digests(seconds)).toEqual(digests(minutes));
    expect(new Set(digests(seconds)).size).toBeGreaterThan(40);
    expect(count(seconds, 'MarketSlice')).toBe(20 * count(minutes, 'MarketSlice'));
    // up to the first order the market looks the same from a cycle, second bars or not
    const first = minutes.find(({ type }) => type === 'OrderIntended')!;
    const decided = (records: readonly TapeRecord[]) =>
      records
        .filter(({ type, t }) => type === 'CycleCompleted' && t <= first.t)
        .map(({ payload }) => payload);
    expect(decided(seconds)).toEqual(decided(minutes));
    expect(decided(seconds).length).toBeGreaterThan(10);
  });

  it('fill an order at the opening of the first bar after it, seconds and not a minute later', async () => {
    const seconds = await recordsOver(1, inSeconds);
    const fills = seconds.filter(({ type }) => type === 'OrderFilled' || type === 'OrderPartiallyFilled');
    expect(fills.length).toBeGreaterThan(3);
    for (const { t, payload, seq } of fills) {
      const { clientOrderId, tradeTimeUs } = payload.execution as {
        clientOrderId: string;
        tradeTimeUs: number;
      };
      const intent = seconds
        .slice(0, seq)
        .find(
          ({ type, payload: { order } }) =>
            type === 'OrderIntended' && (order as JsonObject).clientOrderId === clientOrderId,
        )!;
      expect((t - intent.t) / 1_000_000).toBe(3);
      expect((tradeTimeUs - intent.t) / 1_000_000).toBe(2);
    }
  });
});
