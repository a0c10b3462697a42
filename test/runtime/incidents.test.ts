import { describe, expect, it } from 'vitest';
import { createMarketTable } from '../../src/data/market-columns.ts';
import { HAS_TRADE } from '../../src/domain/market-table.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { withDataGaps } from '../../src/sources/data-gaps.ts';
import { withScript } from '../../src/sources/incidents.ts';
import { sessionTimeline } from '../../src/sources/session-timeline.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { datasetOf, replay } from '../research/tapes.ts';

const MINUTE_US = 60_000_000;
const SESSION = { date: '2024-07-03', openUs: 0, closeUs: 210 * MINUTE_US, isHalfDay: true };
const SYMBOLS = ['AAA', 'BBB'];

/** Minute bars that end at these minutes, by symbol; a negative minute is a row that holds nothing. */
function timeline(ends: Readonly<Record<string, readonly number[]>>, cycleMinutes = 10): InputEvent[] {
  const rows = SYMBOLS.flatMap((symbol, symbolIx) =>
    (ends[symbol] ?? []).map((minute) => ({ symbolIx, minute: Math.abs(minute), isEmpty: minute < 0 })),
  ).sort((a, b) => a.minute - b.minute || a.symbolIx - b.symbolIx);
  const table = createMarketTable({
    session: SESSION.date,
    barSeconds: 60,
    symbols: SYMBOLS,
    rowCount: rows.length,
  });
  rows.forEach(({ minute, symbolIx, isEmpty }, row) => {
    table.endUs[row] = minute * MINUTE_US;
    table.symbolIx[row] = symbolIx;
    table.flags[row] = isEmpty ? 0 : HAS_TRADE;
  });
  return [...sessionTimeline({ session: SESSION, table, cycleMinutes, firstCycle: 1 })];
}

function every(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, k) => from + k);
}

/** `minute type symbol since`, of the gaps only. */
function gapsIn(events: readonly InputEvent[], maxGapMinutes: number): string[] {
  return [...withDataGaps(events, { symbols: SYMBOLS, maxGapMinutes, barSeconds: 60 })].flatMap((event) =>
    event.type === 'DataGapDetected'
      ? [`${event.tUs / MINUTE_US} ${event.symbol} since ${event.sinceUs / MINUTE_US}`]
      : [],
  );
}

describe('gaps in the data of a session', () => {
  it('are found when a bar is overdue by more than is allowed, once, and again after the next bar', () => {
    const events = timeline({ AAA: every(1, 210), BBB: [...every(1, 30), ...every(62, 100)] });
    expect(gapsIn(events, 30)).toEqual(['62 BBB since 30', '132 BBB since 100']);
    expect(gapsIn(events, 31)).toEqual(['133 BBB since 100']);
  });

  it('are found by a cycle where no bar comes at all, counted from the open', () => {
    expect(gapsIn(timeline({}), 30)).toEqual(['40 AAA since 0', '40 BBB since 0']);
  });

  it('are not filled by rows that hold nothing', () => {
    const events = timeline({ AAA: every(1, 210), BBB: every(1, 210).map((k) => (k > 50 ? -k : k)) });
    expect(gapsIn(events, 20)).toEqual(['72 BBB since 50']);
  });

  it('leave every other event as it is, and are not watched when nothing is allowed', () => {
    const events = timeline({ AAA: [1, 200] });
    const watched = [...withDataGaps(events, { symbols: SYMBOLS, maxGapMinutes: 5, barSeconds: 60 })];
    expect(watched.filter(({ type }) => type !== 'DataGapDetected')).toEqual(events);
    expect(watched.length).toBeGreaterThan(events.length);
    expect(gapsIn(events, 0)).toEqual([]);
  });
});

describe('what a scenario rehearses', () => {
  const incidents = [
    { session: SESSION.date, minute: 20, kind: 'connection_lost', source: 'broker', reason: 'drill' },
    { session: SESSION.date, minute: 20, kind: 'operator', command: 'kill', why: 'drill' },
    { session: SESSION.date, minute: 0, kind: 'operator', command: 'pause', why: 'drill' },
    { session: SESSION.date, minute: 210, kind: 'connection_restored', source: 'broker' },
    { session: '2024-07-05', minute: 1, kind: 'operator', command: 'reset', why: 'drill' },
  ] as const;

  it('comes at its minute: after the opening, before the market, operator before connection', () => {
    const events = timeline({ AAA: [20, 210] }, 20);
    const scripted = [...withScript(events, { session: SESSION, incidents, heartbeatMinutes: 105 })];
    expect(scripted.map(({ type, tUs }) => `${tUs / MINUTE_US} ${type}`)).toEqual([
      '0 SessionOpened',
      '0 OperatorCommanded',
      '20 OperatorCommanded',
      '20 ConnectionLost',
      '20 MarketSlice',
      ...[20, 40, 60, 80, 100].map((minute) => `${minute} CycleDue`),
      '105 Heartbeat',
      ...[120, 140, 160, 180, 200].map((minute) => `${minute} CycleDue`),
      '210 ConnectionRestored',
      '210 Heartbeat',
      '210 MarketSlice',
      '210 SessionClosed',
    ]);
  });

  it('is run, obeyed and replayed to the same bits', async () => {
    const session = '2024-07-02';
    const run = syntheticRun({
      synth: { symbols: 3, sessions: 1, from: session, signal: 0.5, seed: 4 },
      scenario: {
        cycle: { minutes: 1, heartbeatMinutes: 120 },
        prediction: { standardizeMinSamples: 20 },
        incidents: [
          { session, minute: 200, kind: 'connection_lost', source: 'market_data' },
          { session, minute: 260, kind: 'connection_restored', source: 'market_data' },
          { session, minute: 330, kind: 'operator', command: 'flatten' },
        ],
      },
    });
    await runSessions(run);
    const { records, head, decisionHead } = run.tape;
    const minuteOf = (t: number) => (t - run.sessions[0]!.openUs) / MINUTE_US;
    const opened = records
      .filter(({ type, payload }) => {
        return type === 'OrderIntended' && (payload.order as { purpose: string }).purpose === 'open';
      })
      .map(({ t }) => minuteOf(t));
    expect(opened.some((minute) => minute < 200)).toBe(true);
    expect(opened.some((minute) => minute >= 200 && minute < 260)).toBe(false);
    expect(opened.some((minute) => minute >= 260 && minute < 330)).toBe(true);
    expect(opened.some((minute) => minute >= 330)).toBe(false);
    expect(records.filter(({ type }) => type === 'Heartbeat').map(({ t }) => minuteOf(t))).toEqual([
      120, 240, 360,
    ]);
    expect(await replay(records, datasetOf(run))).toMatchObject({
      divergence: undefined,
      chainHead: head,
      decisionHead,
    });
  });
});
