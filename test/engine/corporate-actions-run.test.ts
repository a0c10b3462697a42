import { beforeAll, describe, expect, it } from 'vitest';
import type { CorporateAction } from '../../src/domain/corporate-actions.ts';
import { checkBalance, equityMicros } from '../../src/domain/ledger.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import type { JsonObject, TapeRecord } from '../../src/events/record.ts';
import { exchangeEquityMicros } from '../../src/exchange/exchange.ts';
import { runSessions, type SessionRunResult } from '../../src/modes/run-sessions.ts';
import {
  collectDerived,
  collectInput,
  createRunCollector,
  currentEquityMicros,
  type RunCollector,
} from '../../src/report/collect.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { datasetOf, linesOf, replay } from '../research/tapes.ts';
import { lastTradeE4, type Run, scaled } from './split-worlds.ts';
import { syntheticRun } from './synthetic-run.ts';

const OPTIONS = {
  synth: { sessions: 3, symbols: 4, seed: 5 },
  scenario: { arbitration: { entryThresholdBps: 0 } },
};

/** Three days of trading: 3-for-2 on the second and 1-for-7 on the third, and a dividend on everything on both. */
async function eventfulRun(): Promise<Run> {
  const run = syntheticRun(OPTIONS);
  const { symbols } = run.identity.layout;
  const [first, second, third] = run.sessions.map(({ date }) => date) as [string, string, string];
  const [splits, , consolidates] = symbols as [string, string, string];
  // prices of the first days stand on old terms
  const early = (by: number) => (value: number, isPrice: boolean) =>
    Math.round(isPrice ? value * by : value / by);
  const tables = new Map<string, MarketTable>();
  for (const date of [first, second, third]) {
    let table = await run.loadSession(date);
    if (date === first) table = scaled(table, splits, early(3 / 2));
    if (date !== third) table = scaled(table, consolidates, early(1 / 7));
    tables.set(date, table);
  }
  const split = (symbol: string, exDate: string, before: string) => ({
    kind: 'split' as const,
    symbol,
    exDate,
    referencePriceE4: lastTradeE4(tables.get(before)!, symbol),
  });
  const dividends = (exDate: string, before: string) =>
    symbols.map((symbol, i) => ({
      ...split(symbol, exDate, before),
      kind: 'dividend' as const,
      cashMicros: 50_001 + 7_000 * i,
    }));
  const actions: CorporateAction[] = [
    { ...split(splits, second, first), oldShares: 2, newShares: 3 },
    { ...split(consolidates, third, second), oldShares: 7, newShares: 1 },
    ...dividends(second, first),
    ...dividends(third, second),
  ];
  return { ...run, actions, loadSession: (date) => Promise.resolve(tables.get(date)!) };
}

function ofType(records: readonly TapeRecord[], type: string): readonly JsonObject[] {
  return records.flatMap((record) => (record.type === type ? [record.payload] : []));
}

describe('a run that trades over splits and dividends', () => {
  let run: Run;
  let result: SessionRunResult;
  let collector: RunCollector;
  /** Equity by the report's books after each input. */
  const equities: { readonly type: string; readonly equityMicros: number }[] = [];
  beforeAll(async () => {
    run = await eventfulRun();
    const { symbols } = run.identity.layout;
    const { initialCashMicros } = run.identity.settings;
    collector = createRunCollector({ symbols, initialCashMicros });
    result = await runSessions({
      ...run,
      attach: (loop) => {
        loop.inputs$.subscribe(({ event }) => {
          collectInput(collector, event);
          equities.push({ type: event.type, equityMicros: currentEquityMicros(collector) });
        });
        loop.derived$.subscribe(({ event, tUs }) => collectDerived(collector, event, tUs));
      },
    });
  });

  it('keeps engine, exchange and report on the same books, to the micro-dollar', () => {
    const { engine, exchange } = result;
    const { records } = run.tape;
    expect(ofType(records, 'CorporateActionApplied')).toHaveLength(10);
    const adjusted = ofType(records, 'PositionAdjusted');
    expect(adjusted.map(({ cause }) => cause)).toEqual(expect.arrayContaining(['split', 'dividend']));
    expect(ofType(records, 'ErrorRaised')).toEqual([]);
    expect(ofType(records, 'KillSwitchTripped')).toEqual([]);
    for (const ledger of [engine.ledger, exchange.ledger, collector.ledger]) {
      checkBalance(ledger);
      expect(ledger.lots).toEqual(engine.ledger.lots);
      expect(ledger.cashMicros).toBe(engine.ledger.cashMicros);
      expect(ledger.dividendsMicros).toBe(engine.ledger.dividendsMicros);
    }
    const equity = equityMicros(engine.ledger, engine.pipeline.marksE4);
    expect(exchangeEquityMicros(exchange)).toBe(equity);
    expect(collector.sessions.at(-1)?.equityMicros).toBe(equity);
    const paid = adjusted.filter(({ cause }) => cause === 'dividend');
    expect(paid.reduce((sum, { cashMicros }) => sum + (cashMicros as number), 0)).toBe(
      engine.ledger.dividendsMicros,
    );
  });

  it('puts every action right after the opening, and equity does not move by them', () => {
    const moves = equities.flatMap(({ type, equityMicros: equity }, k) => {
      if (type !== 'CorporateActionApplied') return [];
      const before = equities[k - 1]!;
      expect(['SessionOpened', 'CorporateActionApplied']).toContain(before.type);
      return [Math.abs(equity - before.equityMicros)];
    });
    expect(moves).toHaveLength(10);
    // what is left is the fraction of a share, paid at the last trade rather than at the mid: cents
    for (const move of moves) expect(move).toBeLessThan(1_000_000);
  });

  it('replays byte for byte from its tape, and not from one whose action was changed', async () => {
    const { records } = run.tape;
    const same = await replay(records, datasetOf(run));
    expect(same.divergence).toBeUndefined();
    expect(same.chainHead).toBe(run.tape.head);
    expect(same.decisionHead).toBe(run.tape.decisionHead);
    const at = records.findIndex(
      ({ type, payload }) => type === 'PositionAdjusted' && payload.cause === 'dividend',
    );
    const forged = records.map((record, k) => {
      if (k !== at - 1) return record;
      const action = record.payload.action as JsonObject;
      return { ...record, payload: { action: { ...action, cashMicros: (action.cashMicros as number) + 1 } } };
    });
    expect((await replay(forged, datasetOf(run))).divergence?.seq).toBe(at);
  });

  it('follows again where the tape was cut off behind an action', async () => {
    const { records } = run.tape;
    const at = records.findIndex(({ type }) => type === 'PositionAdjusted');
    const { divergence } = await replay(records.slice(0, at), datasetOf(run));
    expect(divergence).toMatchObject({ seq: at, expected: 'nothing', found: linesOf(records)[at]!.body });
    expect((await replay(records.slice(0, at + 1), datasetOf(run))).divergence).toBeUndefined();
  });

  it('sees no action before the open of its ex-date', async () => {
    const blind = { ...run, actions: [], tape: memoryTape({ keepRecords: true }) };
    await runSessions(blind);
    const exUs = run.sessions[1]!.openUs;
    const upTo = (records: readonly TapeRecord[]) =>
      records.slice(0, records.findIndex(({ t, type }) => t === exUs && type === 'SessionOpened') + 1);
    expect(upTo(run.tape.records).length).toBeGreaterThan(1000);
    expect(upTo(run.tape.records)).toEqual(upTo(blind.tape.records));
    expect(run.tape.decisionHead).not.toBe(blind.tape.decisionHead);
  });

  it('applies an action of a day without a session at the next opening, and none of before the run', async () => {
    const [, , third] = run.sessions;
    const action = run.actions![0]!;
    const early = { ...action, exDate: '2000-01-03' };
    const sessions = [run.sessions[0]!, third!];
    const partial = { ...run, sessions, actions: [action, early], tape: memoryTape({ keepRecords: true }) };
    await runSessions(partial);
    const applied = partial.tape.records.filter(({ type }) => type === 'CorporateActionApplied');
    expect(applied.map(({ t }) => t)).toEqual([third!.openUs]);
    expect(applied[0]?.payload).toMatchObject({ action: { exDate: action.exDate } });
  });
});
