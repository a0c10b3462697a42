import { beforeAll, describe, expect, it } from 'vitest';
import type { Shares } from '../../src/domain/units.ts';
import { US_PER_MINUTE } from '../../src/domain/units.ts';
import type { Decision } from '../../src/events/derived.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { datasetOf, replay } from '../research/tapes.ts';
import { syntheticRun } from './synthetic-run.ts';

/** A full day and the half day before Independence Day, with signals all day; shorts cost something overnight. */
const RUN = {
  synth: { symbols: 3, sessions: 3, from: '2024-07-02', signal: 0.5, seed: 3, spreadBps: 0.8 },
  scenario: {
    prediction: { standardizeMinSamples: 20, confidenceFloor: 0.15 },
    broker: { borrow: { annualBps: 500 } },
  },
} as const;
const FLATTEN_MINUTES = 10;

const runOf = (endOfDayFlattenMinutes: number, over: Readonly<Record<string, object>> = {}) =>
  syntheticRun({
    ...RUN,
    scenario: {
      ...RUN.scenario,
      gating: { endOfDayFlattenMinutes, opposingAlphaCostFraction: 100 },
      ...over,
    },
  });

function positionsAtClose(records: readonly TapeRecord[]): Readonly<Record<string, Shares>>[] {
  const closes = new Set(records.flatMap(({ type, t }) => (type === 'SessionClosed' ? [t] : [])));
  return records
    .filter(({ type, t }) => type === 'BrokerSnapshot' && closes.has(t))
    .map(({ payload }) => payload.positions as Readonly<Record<string, Shares>>);
}

/** Decisions with the minutes that were left of their session. */
function decisionsOf(records: readonly TapeRecord[]) {
  let closeUs = 0;
  return records.flatMap((record) => {
    if (record.type === 'SessionOpened') closeUs = (record.payload.session as { closeUs: number }).closeUs;
    if (record.type !== 'CycleCompleted') return [];
    const left = (closeUs - record.t) / US_PER_MINUTE;
    return (record.payload.decisions as unknown as Decision[]).map((decision) => ({ left, decision }));
  });
}

describe('flattening before the close', () => {
  let kept: readonly TapeRecord[];
  let flat: readonly TapeRecord[];

  beforeAll(async () => {
    const [keeping, flattening] = [runOf(0), runOf(FLATTEN_MINUTES)];
    await Promise.all([runSessions(keeping), runSessions(flattening)]);
    kept = keeping.tape.records;
    flat = flattening.tape.records;
  });

  it('leaves nothing overnight, on full days and half days, where the same run without it holds', () => {
    const opened = flat.filter(({ type }) => type === 'SessionOpened');
    expect(opened.map(({ payload }) => (payload.session as { isHalfDay: boolean }).isHalfDay)).toEqual([
      false,
      true,
      false,
    ]);
    expect(positionsAtClose(flat)).toEqual([{}, {}, {}]);
    expect(positionsAtClose(kept).every((positions) => Object.keys(positions).length > 0)).toBe(true);
    expect(flat.filter(({ type }) => type === 'BorrowFeeCharged')).toEqual([]);
  });

  it('exits with its own reason inside the window only, and opens nothing there', () => {
    const decisions = decisionsOf(flat);
    const exits = decisions.filter(({ decision }) => decision.reason === 'exit_end_of_day');
    const forced = exits.filter(({ decision }) => decision.kind === 'EXIT');
    expect(forced.length).toBeGreaterThan(2);
    expect(Math.max(...exits.map(({ left }) => left))).toBe(FLATTEN_MINUTES);
    const late = decisions.filter(({ left }) => left <= FLATTEN_MINUTES);
    expect(late.length).toBe(3 * 3 * FLATTEN_MINUTES);
    expect(late.filter(({ decision }) => decision.kind === 'TRADE')).toEqual([]);
    expect(decisions.some(({ left, decision }) => left > FLATTEN_MINUTES && decision.kind === 'TRADE')).toBe(
      true,
    );
  });

  it('works with one cycle left, which is the least the scenario may ask for', async () => {
    const run = runOf(7, { cycle: { minutes: 7 } });
    await runSessions(run);
    expect(positionsAtClose(run.tape.records)).toEqual([{}, {}, {}]);
  });

  it('positions kept overnight pay for what they borrowed, on the tape, and the books agree and replay', async () => {
    const shorts = positionsAtClose(kept).map((positions) =>
      Object.keys(positions).filter((symbol) => positions[symbol]! < 0),
    );
    const fees = kept.filter(({ type }) => type === 'BorrowFeeCharged');
    const opened = kept.filter(({ type }) => type === 'SessionOpened');
    expect(shorts.slice(0, 2).flat().length).toBeGreaterThan(0);
    expect(fees.map(({ payload }) => payload.symbol)).toEqual(shorts.slice(0, 2).flat());
    for (const fee of fees) expect(opened.map(({ t }) => t)).toContain(fee.t);
    expect(kept.filter(({ type }) => type === 'ErrorRaised')).toEqual([]);
    const again = await replay(kept, datasetOf(runOf(0)));
    expect(again).toMatchObject({ divergence: undefined, records: kept.length });
    const { ledger } = again.engine;
    expect(ledger.borrowFeesMicros).toBe(
      fees.reduce((sum, { payload }) => sum + (payload.feeMicros as number), 0),
    );
  });
});

describe('halts', () => {
  it('stop entries, exits and fills while they last, and say so once', async () => {
    const halted = syntheticRun({ ...RUN, synth: { ...RUN.synth, haltRate: 1, sessions: 2 } });
    await runSessions(halted);
    const { records } = halted.tape;
    const tables = await Promise.all(halted.sessions.map(({ date }) => halted.loadSession(date)));
    const isHaltedAt = new Set(
      tables.flatMap((table) =>
        Array.from(table.endUs).flatMap((endUs, row) =>
          (table.flags[row]! & 8) === 0 ? [] : [`${table.symbols[table.symbolIx[row]!]} ${endUs}`],
        ),
      ),
    );
    expect(isHaltedAt.size).toBeGreaterThan(25);
    const fills = records.filter(({ type }) => type === 'OrderFilled' || type === 'OrderPartiallyFilled');
    const filled = fills.map(({ t, payload }) => `${(payload.execution as { symbol: string }).symbol} ${t}`);
    expect(filled.length).toBeGreaterThan(20);
    expect(filled.filter((key) => isHaltedAt.has(key))).toEqual([]);
    const reasons = new Set(
      records.flatMap(({ type, payload }) =>
        type === 'CycleCompleted'
          ? (payload.decisions as unknown as Decision[]).map(({ reason }) => reason)
          : [],
      ),
    );
    expect(reasons).toContain('halted');
    const said = records.filter(({ type }) => type === 'QuoteStale' || type === 'GateBlocked');
    expect(said.length).toBeGreaterThan(3);
    expect(said.length).toBeLessThan(isHaltedAt.size);
  });
});
