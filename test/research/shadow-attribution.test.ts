import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Parts, type SymbolShortfall, shortfallOf } from '../../src/research/shadow/attribute.ts';
import { listParts, rollUp } from '../../src/research/shadow/roll-up.ts';
import {
  type History,
  historyArb,
  historyOf,
  type Piece,
  play,
  SYMBOLS,
  type TestDecision,
  type TestOrder,
} from './shadow-histories.ts';

function partsOf(parts: Parts): Record<string, [simulated: number, actual: number]> {
  const shown = listParts(parts).filter((line) => line.simulatedMicros !== 0 || line.actualMicros !== 0);
  return Object.fromEntries(
    shown.map(({ part, reason, simulatedMicros, actualMicros }) => [
      reason === undefined ? part : `${part} ${reason}`,
      [simulatedMicros, actualMicros],
    ]),
  );
}

function sumOf(rows: readonly { readonly parts: Parts }[]): number {
  return rows.reduce((sum, { parts }) => sum + shortfallOf(parts), 0);
}

describe('the parts of a shortfall', () => {
  it('sum to the difference of the profits, of each symbol and of all, to the micro-dollar', () => {
    fc.assert(
      fc.property(historyArb, (history: History) => {
        const { rows, gains } = play(history);
        const differenceOf = (key: string) =>
          (gains.simulated.get(key) ?? 0n) - (gains.actual.get(key) ?? 0n);
        for (const symbol of [...SYMBOLS, null]) {
          const ofSymbol = rows.filter((row) => row.symbol === symbol);
          expect(BigInt(sumOf(ofSymbol))).toBe(differenceOf(symbol ?? 'cash'));
        }
        const { total, sessions, symbols, horizons } = rollUp(rows);
        const shortfall = shortfallOf(total.parts);
        expect(shortfall).toBe(total.simulatedMicros - total.actualMicros);
        for (const groups of [sessions, symbols, horizons]) {
          expect(sumOf(groups)).toBe(shortfall);
          for (const { parts, simulatedMicros, actualMicros } of groups) {
            expect(shortfallOf(parts)).toBe(simulatedMicros - actualMicros);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('of each order sum to the difference of its gains, and every one of them is a whole number', () => {
    fc.assert(
      fc.property(historyArb, (history: History) => {
        for (const { parts, simulated, actual } of play(history).rows.flatMap(({ orders }) => orders)) {
          expect(shortfallOf(parts)).toBe((simulated?.gainMicros ?? 0) - (actual?.gainMicros ?? 0));
          for (const { simulatedMicros, actualMicros } of parts.values()) {
            expect([simulatedMicros, actualMicros].every(Number.isSafeInteger)).toBe(true);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('are the same on both sides where what became of the orders is, and none of it drifted', () => {
    fc.assert(
      fc.property(historyArb, (history: History) => {
        const decisions = history.decisions.map((decision) => ({ ...decision, simulated: decision.actual }));
        const { actual } = history.extras;
        for (const { parts } of play({ ...history, decisions, extras: { actual, simulated: actual } }).rows) {
          for (const { simulatedMicros, actualMicros } of parts.values())
            expect(actualMicros).toBe(simulatedMicros);
          expect(parts.get('drift')?.actualMicros ?? 0).toBe(0);
        }
      }),
      { numRuns: 100 },
    );
  });
});

const BID = 1_000_000;
const ASK = 1_000_200;
const MID = 1_000_100;

/** One decision after the second bar, of the first day. */
function decided(simulated: TestOrder | null, actual: TestOrder | null): TestDecision {
  return { session: 0, minute: 2, symbol: 'AAA', horizon: '5m', simulated, actual };
}

function bought(quantity: number, piece: Partial<Piece> = {}, order: Partial<TestOrder> = {}): TestOrder {
  const filled = { quantity, priceE4: ASK, feeMicros: 0, later: 0, ...piece };
  return { side: 'buy', quantity, end: 'filled', pieces: [filled], ...order };
}

/** A market that stands, and from a bar on stands higher. */
function played(
  decision: TestDecision,
  { stepE4 = 0, from = 6, extras = {} } = {},
): readonly SymbolShortfall[] {
  const at = (minute: number) => (minute >= from ? stepE4 : 0);
  const quoteAt = (_: string, minute: number) => ({ bidE4: BID + at(minute), askE4: ASK + at(minute) });
  return play(historyOf([decision], quoteAt, extras)).rows;
}

function orderOf(rows: readonly SymbolShortfall[]): Record<string, [number, number]> {
  return partsOf(rows.flatMap(({ orders }) => orders)[0]!.parts);
}

const SPREAD_OF_100 = 100 * (ASK - MID) * 100;

describe('an order that both sides decided', () => {
  it('filled at the touch on both: only the spread, the same', () => {
    expect(orderOf(played(decided(bought(100), bought(100))))).toEqual({
      spread: [SPREAD_OF_100, SPREAD_OF_100],
    });
  });

  it('filled 25 beyond the touch: slippage of 25 a share', () => {
    const rows = played(decided(bought(100), bought(100, { priceE4: ASK + 25 })));
    expect(orderOf(rows)).toEqual({ spread: [SPREAD_OF_100, SPREAD_OF_100], slippage: [0, 100 * 25 * 100] });
  });

  it('paid a fee, part of it told later', () => {
    const rows = played(decided(bought(100), bought(100, { feeMicros: 300, lateFeeMicros: 900_000 })));
    expect(orderOf(rows)).toMatchObject({ fees: [0, 900_000] });
  });

  it('came to the broker two bars late, after the mid rose by 40: delay', () => {
    const late = bought(100, { later: 2, priceE4: ASK + 40 }, { acceptedLater: 2 });
    expect(orderOf(played(decided(bought(100), late), { stepE4: 40, from: 4 }))).toEqual({
      delay: [0, 100 * 40 * 100],
      spread: [SPREAD_OF_100, SPREAD_OF_100],
    });
  });

  it('was there at once and traded two bars later, after the mid rose by 40: waiting', () => {
    const waited = bought(100, { later: 2, priceE4: ASK + 40 });
    expect(orderOf(played(decided(bought(100), waited), { stepE4: 40, from: 4 }))).toEqual({
      waiting: [0, 100 * 40 * 100],
      spread: [SPREAD_OF_100, SPREAD_OF_100],
    });
  });

  it('filled 30 of 100 before the price rose by 50 to the close: 70 shares missed it', () => {
    const partly = bought(100, { quantity: 30 }, { end: 'cancelled' });
    expect(orderOf(played(decided(bought(100), partly), { stepE4: 50 }))).toEqual({
      spread: [SPREAD_OF_100, 0.3 * SPREAD_OF_100],
      missed: [0, 70 * 50 * 100],
    });
  });

  it('was refused before the price rose by 50 to the close: all shares missed it, for the reason', () => {
    const refused: TestOrder = { side: 'buy', quantity: 100, end: 'rejected', pieces: [] };
    expect(orderOf(played(decided(bought(100), refused), { stepE4: 50 }))).toEqual({
      spread: [SPREAD_OF_100, 0],
      'refused halted': [0, 100 * 50 * 100],
    });
  });

  it('in another size: what both have is compared, the rest drifted with its costs', () => {
    const rows = played(decided(bought(100), bought(250, { priceE4: ASK + 10 })), { stepE4: 50 });
    expect(orderOf(rows)).toEqual({
      spread: [SPREAD_OF_100, SPREAD_OF_100],
      slippage: [0, 100 * 10 * 100],
      // 150 more gain 50, and lose half the spread and 10
      drift: [0, -150 * (50 - (ASK - MID) - 10) * 100],
    });
  });
});

describe('what no order of both sides explains', () => {
  it('an order that one side made alone drifted, with all that it gained', () => {
    const [row] = played(decided(bought(100), null), { stepE4: 50 });
    expect(partsOf(row!.parts)).toEqual({ drift: [-(100 * 50 * 100 - SPREAD_OF_100), 0] });
  });

  it('a position that one side alone holds overnight is carried', () => {
    const [, next] = play({
      ...historyOf([decided(bought(100), null)], () => ({ bidE4: BID, askE4: ASK })),
      quotes: [0, 70].map((up) => SYMBOLS.map(() => Array(6).fill({ bidE4: BID + up, askE4: ASK + up }))),
    }).rows;
    expect(partsOf(next!.parts)).toEqual({ carried: [-100 * 70 * 100, 0] });
  });

  it('cash and shares taken over from the broker are of the books', () => {
    const rows = played(decided(null, null), { extras: { adoptedCashMicros: 500, adoptedShares: 2 } });
    const bySymbol = Object.fromEntries(rows.map(({ symbol, parts }) => [symbol, partsOf(parts)]));
    expect(bySymbol).toEqual({ BBB: { books: [0, -2 * MID * 100] }, null: { books: [0, -500] } });
  });

  it('a trade by hand is of the books', () => {
    const [row] = played(decided(null, null), { extras: { byHand: { quantity: 5, priceE4: MID + 20 } } });
    expect(partsOf(row!.parts)).toEqual({ books: [0, 5 * 20 * 100] });
  });
});
