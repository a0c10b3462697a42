import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionOn } from '../../src/data/calendar.ts';
import { createMarketTable } from '../../src/data/market-columns.ts';
import { InputError } from '../../src/domain/errors.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { cyclesIn, sessionTimeline } from '../../src/sources/session-timeline.ts';

const FULL = sessionOn('2024-07-02')!;
const HALF = sessionOn('2024-07-03')!;
const MINUTE_US = 60_000_000;

/** A table of the given bar ends, in minutes after the open; one row a symbol. */
function tableOf(
  date: string,
  minutes: readonly number[],
  symbols: readonly string[] = ['AAA'],
): MarketTable {
  const { openUs } = sessionOn(date)!;
  const table = createMarketTable({
    session: date,
    barSeconds: 60,
    symbols,
    rowCount: minutes.length * symbols.length,
  });
  minutes.forEach((minute, k) => {
    symbols.forEach((_, s) => {
      table.endUs[k * symbols.length + s] = openUs + minute * MINUTE_US;
      table.symbolIx[k * symbols.length + s] = s;
    });
  });
  return table;
}

function minutesUpTo(last: number): number[] {
  return Array.from({ length: last }, (_, k) => k + 1);
}

/** Events as `<type> <minute>`. */
function script(events: Iterable<InputEvent>, openUs: number): string[] {
  return [...events].map(({ type, tUs }) => `${type} ${(tUs - openUs) / MINUTE_US}`);
}

describe('the source events of a session', () => {
  it('are the opening, each slice before the cycle of its time, and the close last at its time', () => {
    const table = tableOf(FULL.date, minutesUpTo(390));
    const events = script(
      sessionTimeline({ session: FULL, table, cycleMinutes: 1, firstCycle: 1 }),
      FULL.openUs,
    );
    expect(events.slice(0, 5)).toEqual([
      'SessionOpened 0',
      'MarketSlice 1',
      'CycleDue 1',
      'MarketSlice 2',
      'CycleDue 2',
    ]);
    expect(events.slice(-4)).toEqual([
      'MarketSlice 389',
      'CycleDue 389',
      'MarketSlice 390',
      'SessionClosed 390',
    ]);
    expect(events.filter((event) => event.startsWith('CycleDue'))).toHaveLength(389);
  });

  it('of a half day end with it', () => {
    const table = tableOf(HALF.date, minutesUpTo(210));
    const events = script(
      sessionTimeline({ session: HALF, table, cycleMinutes: 1, firstCycle: 1 }),
      HALF.openUs,
    );
    expect(events.at(-1)).toBe('SessionClosed 210');
    expect(events.filter((event) => event.startsWith('CycleDue'))).toHaveLength(209);
    expect(HALF.isHalfDay).toBe(true);
  });

  it('with a cycle every five minutes have every slice, and cycles on the grid of the session only', () => {
    const table = tableOf(FULL.date, minutesUpTo(390));
    const events = [...sessionTimeline({ session: FULL, table, cycleMinutes: 5, firstCycle: 78 })];
    const due = events.filter((event) => event.type === 'CycleDue');
    expect(due.map(({ cycle }) => cycle)).toEqual(Array.from({ length: 77 }, (_, k) => 78 + k));
    expect(due.map(({ tUs }) => (tUs - FULL.openUs) / MINUTE_US)).toEqual(due.map((_, k) => 5 * (k + 1)));
    expect(events.filter(({ type }) => type === 'MarketSlice')).toHaveLength(390);
  });

  it('keep their cycles where minutes are missing, at both ends and in the middle', () => {
    const table = tableOf(HALF.date, [3, 4, 8]);
    const events = script(
      sessionTimeline({ session: HALF, table, cycleMinutes: 1, firstCycle: 1 }),
      HALF.openUs,
    );
    expect(events.slice(0, 12)).toEqual([
      ...['SessionOpened 0', 'CycleDue 1', 'CycleDue 2', 'MarketSlice 3', 'CycleDue 3', 'MarketSlice 4'],
      ...['CycleDue 4', 'CycleDue 5', 'CycleDue 6', 'CycleDue 7', 'MarketSlice 8', 'CycleDue 8'],
    ]);
    expect(events.filter((event) => event.startsWith('CycleDue'))).toHaveLength(209);
  });

  it('of a session without rows are its opening, its cycles and its close', () => {
    const table = tableOf(HALF.date, []);
    const events = [...sessionTimeline({ session: HALF, table, cycleMinutes: 30, firstCycle: 1 })];
    expect(events.map(({ type }) => type)).toEqual([
      'SessionOpened',
      ...Array.from({ length: 6 }, () => 'CycleDue'),
      'SessionClosed',
    ]);
  });

  it('put all rows of one time into one slice', () => {
    const table = tableOf(HALF.date, [1, 2], ['AAA', 'BBB', 'CCC']);
    const slices = [...sessionTimeline({ session: HALF, table, cycleMinutes: 200, firstCycle: 1 })].flatMap(
      (event) => (event.type === 'MarketSlice' ? [[event.slice.from, event.slice.to, event.origin]] : []),
    );
    expect(slices).toEqual([
      [0, 3, 'dataset'],
      [3, 6, 'dataset'],
    ]);
  });

  it.each([0, -1, 210.5, 400])(
    'refuse a bar that ends %s minutes after the open, and say which row',
    (minute) => {
      const table = tableOf(HALF.date, minute > 0 ? [5, minute] : [minute, 5]);
      const events = sessionTimeline({ session: HALF, table, cycleMinutes: 1, firstCycle: 1 });
      expect(() => [...events]).toThrow(InputError);
      const again = sessionTimeline({ session: HALF, table, cycleMinutes: 1, firstCycle: 1 });
      expect(() => [...again]).toThrow(`session 2024-07-03 row ${minute > 0 ? 1 : 0}: bar end`);
    },
  );

  it('never go back in time, and have the cycles that were promised, whatever is missing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(FULL, HALF),
        fc.integer({ min: 1, max: 390 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 210 }), { maxLength: 60 }),
        (session, cycleMinutes, minutes) => {
          const table = tableOf(
            session.date,
            [...minutes].sort((a, b) => a - b),
          );
          const events = [...sessionTimeline({ session, table, cycleMinutes, firstCycle: 1 })];
          expect(events.every(({ tUs }, k) => k === 0 || tUs >= events[k - 1]!.tUs)).toBe(true);
          const due = events.filter(({ type }) => type === 'CycleDue');
          expect(due).toHaveLength(Math.max(0, cyclesIn(session, cycleMinutes)));
          expect(due.every(({ tUs }) => tUs > session.openUs && tUs < session.closeUs)).toBe(true);
          expect(events.filter(({ type }) => type === 'MarketSlice')).toHaveLength(minutes.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('cyclesIn', () => {
  it('counts the grid points strictly inside the session', () => {
    const counts = [1, 5, 7, 30, 209, 210, 390].map((minutes) => [
      cyclesIn(FULL, minutes),
      cyclesIn(HALF, minutes),
    ]);
    expect(counts).toEqual([
      [389, 209],
      [77, 41],
      [55, 29],
      [12, 6],
      [1, 1],
      [1, 0],
      [0, 0],
    ]);
  });
});
