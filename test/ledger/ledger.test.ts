import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyExecution,
  checkBalance,
  createLedger,
  equityMicros,
  grossMicros,
  type Ledger,
} from '../../src/domain/ledger.ts';
import { proRataMicros, type RoundTrip } from '../../src/domain/lots.ts';
import type { Execution, Side } from '../../src/domain/orders.ts';

const SYMBOLS = ['AAA', 'BBB', 'CCC'];
const CASH = 100_000_000_000;
const MINUTE_US = 60_000_000;

let ordinal = 0;
function execution(side: Side, quantity: number, priceE4: number, rest: Partial<Execution> = {}): Execution {
  ordinal += 1;
  return {
    executionId: `e${ordinal}`,
    clientOrderId: `c${ordinal}`,
    symbol: 'AAA',
    side,
    quantity,
    priceE4,
    feeMicros: 0,
    tradeTimeUs: 0,
    ...rest,
  };
}

function newLedger(): Ledger {
  return createLedger({ cashMicros: CASH, symbols: SYMBOLS });
}

describe('ledger', () => {
  it('books a purchase: cash falls by notional and fee, the position opens', () => {
    const ledger = newLedger();
    const change = applyExecution(ledger, execution('buy', 100, 1_000_000, { feeMicros: 7 }));
    expect(change).toMatchObject({
      kind: 'opened',
      symbolIx: 0,
      shares: 100,
      realizedMicros: 0,
      closedLots: [],
    });
    expect(change.roundTrip).toBeUndefined();
    expect(ledger.cashMicros).toBe(CASH - 100 * 1_000_000 * 100 - 7);
    expect(equityMicros(ledger, [1_000_000, 0, 0])).toBe(CASH - 7);
  });

  it('closes first in, first out, and gives the round trip averages, fees and holding time', () => {
    const ledger = newLedger();
    applyExecution(ledger, execution('buy', 100, 100_000, { feeMicros: 10, tradeTimeUs: 0 }));
    applyExecution(ledger, execution('buy', 100, 120_000, { feeMicros: 30, tradeTimeUs: MINUTE_US }));
    const partial = applyExecution(
      ledger,
      execution('sell', 150, 130_000, { feeMicros: 9, tradeTimeUs: 2 * MINUTE_US }),
    );
    expect(partial.kind).toBe('changed');
    expect(partial.closedLots).toEqual([
      {
        direction: 'long',
        quantity: 100,
        entryPriceE4: 100_000,
        exitPriceE4: 130_000,
        openedUs: 0,
        closedUs: 2 * MINUTE_US,
        grossMicros: 100 * 30_000 * 100,
        feesMicros: 10 + 6,
      },
      {
        direction: 'long',
        quantity: 50,
        entryPriceE4: 120_000,
        exitPriceE4: 130_000,
        openedUs: MINUTE_US,
        closedUs: 2 * MINUTE_US,
        grossMicros: 50 * 10_000 * 100,
        feesMicros: 15 + 3,
      },
    ]);
    const closed = applyExecution(
      ledger,
      execution('sell', 50, 110_000, { feeMicros: 1, tradeTimeUs: 5 * MINUTE_US }),
    );
    expect(closed.kind).toBe('closed');
    const trip: RoundTrip = closed.roundTrip!;
    expect(trip).toMatchObject({
      symbol: 'AAA',
      direction: 'long',
      quantity: 200,
      entryPriceE4: 110_000,
      exitPriceE4: 125_000,
      grossMicros: 200 * 15_000 * 100,
      feesMicros: 50,
      netMicros: 200 * 15_000 * 100 - 50,
      openedUs: 0,
      closedUs: 5 * MINUTE_US,
    });
    expect(trip.holdingUs).toBe((100 * 2 + 50 * 1 + 50 * 4) * (MINUTE_US / 200));
    checkBalance(ledger);
  });

  it('gains on a short that is covered lower', () => {
    const ledger = newLedger();
    applyExecution(ledger, execution('sell', 10, 500_000));
    expect(equityMicros(ledger, [510_000, 0, 0])).toBe(CASH - 10 * 10_000 * 100);
    expect(grossMicros(ledger, [510_000, 0, 0])).toBe(10 * 510_000 * 100);
    const { roundTrip, realizedMicros } = applyExecution(ledger, execution('buy', 10, 480_000));
    expect(realizedMicros).toBe(10 * 20_000 * 100);
    expect(roundTrip).toMatchObject({ direction: 'short', grossMicros: 20_000_000, entryPriceE4: 500_000 });
  });

  it('an execution through zero closes one trip, opens the other side and splits its fee by shares', () => {
    const ledger = newLedger();
    applyExecution(ledger, execution('buy', 30, 100_000));
    const change = applyExecution(ledger, execution('sell', 100, 110_000, { feeMicros: 101 }));
    expect(change).toMatchObject({ kind: 'reversed', shares: -70, realizedMicros: 30 * 10_000 * 100 });
    expect(change.roundTrip).toMatchObject({ direction: 'long', quantity: 30, feesMicros: 30 });
    expect(ledger.lots[0]).toEqual([{ shares: -70, priceE4: 110_000, feeMicros: 71, openedUs: 0 }]);
    checkBalance(ledger);
  });

  it('refuses what cannot be counted exactly and symbols outside the universe', () => {
    const ledger = newLedger();
    expect(() => applyExecution(ledger, execution('buy', 1.5, 100_000))).toThrow(/positive integers/);
    expect(() => applyExecution(ledger, execution('buy', 1, 0))).toThrow(/positive integers/);
    expect(() => applyExecution(ledger, execution('buy', 1, 100_000, { symbol: 'ZZZ' }))).toThrow(
      /not in the universe/,
    );
    expect(() => applyExecution(ledger, execution('buy', 1, 100_000, { feeMicros: 0.5 }))).toThrow(
      /exact integer/,
    );
    expect(ledger).toEqual(newLedger());
  });

  it('never guesses the value of a position without a mark', () => {
    const ledger = newLedger();
    applyExecution(ledger, execution('buy', 1, 100_000));
    expect(() => equityMicros(ledger, [0, 0, 0])).toThrow(/no mark/);
  });

  it('checkBalance names the sum that is off', () => {
    const broken: ((ledger: Ledger) => void)[] = [
      (ledger) => {
        ledger.cashMicros += 1;
      },
      (ledger) => {
        ledger.lots[0][0].feeMicros += 1;
      },
      (ledger) => {
        ledger.costMicros[0] += 1;
      },
      (ledger) => {
        ledger.shares[0] += 1;
      },
    ];
    const messages = broken.map((breakIt) => {
      const ledger = newLedger();
      applyExecution(ledger, execution('buy', 10, 100_000, { feeMicros: 3 }));
      checkBalance(ledger);
      breakIt(ledger);
      try {
        checkBalance(ledger);
        return 'balanced';
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(messages).toEqual([
      expect.stringMatching(/^cash \+ cost/),
      expect.stringMatching(/^fees of lots/),
      expect.stringMatching(/lots cost/),
      expect.stringMatching(/lots hold/),
    ]);
  });
});

const executions = fc.array(
  fc.record({
    symbol: fc.constantFrom(...SYMBOLS),
    side: fc.constantFrom<Side>('buy', 'sell'),
    quantity: fc.integer({ min: 1, max: 100_000 }),
    priceE4: fc.integer({ min: 1, max: 10_000_000 }),
    feeMicros: fc.integer({ min: -1_000, max: 50_000_000 }),
    minutes: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 60 },
);

describe('ledger, any executions', () => {
  it('balances exactly after every one: cash, FIFO gains, fees of lots, equity', () => {
    fc.assert(
      fc.property(
        executions,
        fc.array(fc.integer({ min: 1, max: 10_000_000 }), { minLength: 3, maxLength: 3 }),
        (list, marks) => {
          const ledger = newLedger();
          let signedNotionals = 0;
          let fees = 0;
          let tripGross = 0;
          let tripFees = 0;
          let timeUs = 0;
          list.forEach(({ minutes, ...rest }, k) => {
            timeUs += minutes * MINUTE_US;
            const booked = { ...rest, executionId: `x${k}`, clientOrderId: `c${k}`, tradeTimeUs: timeUs };
            const change = applyExecution(ledger, booked);
            signedNotionals += (rest.side === 'buy' ? 1 : -1) * rest.quantity * rest.priceE4 * 100;
            fees += rest.feeMicros;
            for (const lot of change.closedLots) {
              tripGross += lot.grossMicros;
              tripFees += lot.feesMicros;
            }
            checkBalance(ledger);
            expect(ledger.cashMicros).toBe(CASH - signedNotionals - fees);
            expect(ledger.realizedMicros).toBe(tripGross);
            expect(ledger.closedFeesMicros).toBe(tripFees);
            let unrealized = 0;
            for (let i = 0; i < 3; i += 1) {
              unrealized += ledger.shares[i] * marks[i] * 100 - ledger.costMicros[i];
              expect(ledger.lots[i].length).toBeLessThanOrEqual(Math.abs(ledger.shares[i]));
            }
            expect(equityMicros(ledger, marks) - CASH).toBe(ledger.realizedMicros + unrealized - fees);
          });
        },
      ),
    );
  });

  it('round trips of a flat account add up to its whole gain, long and short', () => {
    fc.assert(
      fc.property(executions, (list) => {
        const ledger = newLedger();
        const trips: RoundTrip[] = [];
        const book = (e: Execution): void => {
          const { roundTrip } = applyExecution(ledger, e);
          if (roundTrip !== undefined) trips.push(roundTrip);
        };
        list.forEach(({ minutes, ...rest }, k) => {
          book({ ...rest, executionId: `x${k}`, clientOrderId: `c${k}`, tradeTimeUs: minutes });
        });
        SYMBOLS.forEach((symbol, i) => {
          const shares = ledger.shares[i];
          if (shares !== 0)
            book(
              execution(shares > 0 ? 'sell' : 'buy', Math.abs(shares), 123_456, { symbol, tradeTimeUs: 9 }),
            );
        });
        const net = trips.reduce((sum, trip) => sum + trip.netMicros, 0);
        expect(net).toBe(ledger.cashMicros - CASH);
        for (const trip of trips) expect(trip.netMicros).toBe(trip.grossMicros - trip.feesMicros);
        expect(ledger.trips).toEqual([null, null, null]);
      }),
    );
  });

  it('pro rata parts of an amount never exceed it, and the last part takes the rest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e12 }),
        fc.integer({ min: 1, max: 1e7 }),
        fc.nat(),
        (amount, whole, seed) => {
          const part = (seed % whole) + 1;
          const share = proRataMicros(amount, part, whole);
          expect(Number.isInteger(share)).toBe(true);
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(amount);
          expect(Math.abs(share - (amount * part) / whole)).toBeLessThanOrEqual(1);
          expect(proRataMicros(amount, whole, whole)).toBe(amount);
        },
      ),
    );
  });
});
