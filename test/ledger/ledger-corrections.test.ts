import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CorporateAction } from '../../src/domain/corporate-actions.ts';
import { lookUpExecution } from '../../src/domain/execution-journal.ts';
import { applyExecution, checkBalance, createLedger, type Ledger } from '../../src/domain/ledger.ts';
import { applyCorporateAction } from '../../src/domain/ledger-actions.ts';
import {
  adoptCash,
  adoptPosition,
  ageJournal,
  bookAheadOf,
  chargeExecution,
  correctExecution,
  keepEarlyFee,
  MAX_EARLY_FEES,
  whyNotBookable,
} from '../../src/domain/ledger-corrections.ts';
import type { Execution } from '../../src/domain/orders.ts';

const SYMBOLS = ['AAA', 'BBB'];

function journaled(): Ledger {
  return createLedger({ cashMicros: 1e12, symbols: SYMBOLS, keepsJournal: true });
}

function execution(executionId: string, rest: Partial<Execution> = {}): Execution {
  return {
    executionId,
    clientOrderId: 'c',
    symbol: 'AAA',
    side: 'buy',
    quantity: 100,
    priceE4: 100_000,
    feeMicros: 0,
    tradeTimeUs: 1000,
    ...rest,
  };
}

/** Everything but the journal. */
function booksOf({ journal: _journal, ...books }: Ledger): object {
  return books;
}

describe('a corrected execution', () => {
  it('moves the gain of what was sold since to the price that was true', () => {
    const ledger = journaled();
    applyExecution(ledger, execution('a', { priceE4: 100_000 }));
    applyExecution(ledger, execution('b', { priceE4: 110_000 }));
    applyExecution(ledger, execution('c', { side: 'sell', priceE4: 120_000 }));
    expect(ledger.realizedMicros).toBe(100 * 20_000 * 100);
    const revision = correctExecution(ledger, {
      corrects: 'a',
      execution: execution('a.2', { priceE4: 105_000 }),
    });
    expect(revision).toMatchObject({
      symbol: 'AAA',
      shares: 100,
      cashMicros: -100 * 5_000 * 100,
      realizedMicros: -100 * 5_000 * 100,
      feesMicros: 0,
    });
    expect(ledger.realizedMicros).toBe(100 * 15_000 * 100);
    expect(ledger.lots[0]).toMatchObject([{ shares: 100, priceE4: 110_000 }]);
    checkBalance(ledger);
  });

  it('that is busted was never there: the sale after it is a short one', () => {
    const ledger = journaled();
    applyExecution(ledger, execution('a', { feeMicros: 50 }));
    const { roundTrip } = applyExecution(ledger, execution('b', { side: 'sell', priceE4: 120_000 }));
    const revision = correctExecution(ledger, {
      corrects: 'a',
      execution: execution('a.2', { quantity: 0 }),
    });
    expect(revision).toMatchObject({
      shares: -100,
      feesMicros: -50,
      tripsBefore: [roundTrip],
      tripsAfter: [],
    });
    expect(ledger).toMatchObject({
      realizedMicros: 0,
      feesMicros: 0,
      cashMicros: 1e12 + 100 * 120_000 * 100,
    });
    checkBalance(ledger);
  });

  it('is found under all its ids in this session and the next, and is settled after', () => {
    const ledger = journaled();
    applyExecution(ledger, execution('a'));
    ageJournal(ledger, 5000);
    correctExecution(ledger, { corrects: 'a', execution: execution('a.2', { quantity: 90 }) });
    const kinds = () => ['a', 'a.2', 'z'].map((id) => lookUpExecution(ledger.journal!, id)?.kind);
    expect(kinds()).toEqual(['kept', 'kept', undefined]);
    expect(lookUpExecution(ledger.journal!, 'a')).toMatchObject({ isNewest: false });
    ageJournal(ledger, 6000);
    // the correction came in the session before, so that its id is known for one more
    expect(kinds()).toEqual([undefined, 'settled', undefined]);
    const problem = whyNotBookable(ledger, execution('a', { tradeTimeUs: 1000 }), { least: 1, isNew: true });
    expect(problem).toMatch(/before what is remembered/);
    expect(ledger.shares[0]).toBe(90);
    checkBalance(ledger);
  });

  it('that was never reported is booked in its place, and does not count when it comes', () => {
    const ledger = journaled();
    expect(bookAheadOf(ledger, 'a', execution('a.2', { quantity: 90 }))).toMatchObject({ shares: 90 });
    expect(lookUpExecution(ledger.journal!, 'a')).toMatchObject({ kind: 'kept', version: undefined });
    expect(bookAheadOf(ledger, 'b', execution('b.2', { quantity: 0 }))).toBeUndefined();
    expect(lookUpExecution(ledger.journal!, 'b')).toMatchObject({ kind: 'kept', version: undefined });
    expect(ledger.shares[0]).toBe(90);
    checkBalance(ledger);
  });
});

describe('a late fee', () => {
  it('moves cash and fees by what it differs, and stays with the lot', () => {
    const ledger = journaled();
    applyExecution(ledger, execution('a', { feeMicros: 40 }));
    expect(chargeExecution(ledger, { executionId: 'a', feeMicros: 100 })).toMatchObject({
      cashMicros: -60,
      realizedMicros: 0,
      feesMicros: 60,
    });
    expect(ledger.lots[0][0].feeMicros).toBe(100);
    const { roundTrip } = applyExecution(ledger, execution('b', { side: 'sell' }));
    expect(roundTrip!.netMicros).toBe(-100);
    checkBalance(ledger);
  });

  it('that comes before its execution waits for it', () => {
    const ledger = journaled();
    keepEarlyFee(ledger, 'a', 70);
    ageJournal(ledger, 5000);
    applyExecution(ledger, execution('a', { feeMicros: 0 }));
    expect(ledger).toMatchObject({ feesMicros: 70, cashMicros: 1e12 - 100 * 100_000 * 100 - 70 });
    checkBalance(ledger);
  });
});

describe('a broker that charges for executions it never reports', () => {
  it('is listened to only so often a session', () => {
    const ledger = journaled();
    const kept = Array.from({ length: MAX_EARLY_FEES + 2 }, (_, k) => keepEarlyFee(ledger, `z${k}`, 1));
    expect(kept.filter((isKept) => isKept)).toHaveLength(MAX_EARLY_FEES);
    expect(keepEarlyFee(ledger, 'z0', 2)).toBe(true);
    ageJournal(ledger, 5000);
    expect(keepEarlyFee(ledger, 'late', 1)).toBe(true);
  });
});

describe('what is taken over from the broker', () => {
  it('moves shares without cash, and cash without shares', () => {
    const ledger = journaled();
    applyExecution(ledger, execution('a'));
    const cash = ledger.cashMicros;
    const sold = { symbolIx: 0, shares: -150, priceE4: 130_000, tUs: 2000 };
    const { realizedMicros, roundTrip } = adoptPosition(ledger, sold);
    expect(realizedMicros).toBe(100 * 30_000 * 100);
    expect(roundTrip).toMatchObject({ quantity: 100, grossMicros: realizedMicros });
    expect(ledger.shares[0]).toBe(-50);
    expect(ledger.cashMicros).toBe(cash);
    checkBalance(ledger);
    expect(adoptCash(ledger, cash + 5)).toBe(5);
    expect(ledger.cashMicros).toBe(cash + 5);
    checkBalance(ledger);
  });
});

const action = fc.constantFrom<CorporateAction>(
  {
    kind: 'split',
    symbol: 'AAA',
    exDate: '2024-01-03',
    oldShares: 3,
    newShares: 1,
    referencePriceE4: 100_001,
  },
  {
    kind: 'split',
    symbol: 'AAA',
    exDate: '2024-01-03',
    oldShares: 1,
    newShares: 2,
    referencePriceE4: 100_000,
  },
  { kind: 'dividend', symbol: 'AAA', exDate: '2024-01-03', cashMicros: 30_000, referencePriceE4: 100_000 },
);
const terms = {
  symbol: fc.constantFrom(...SYMBOLS),
  side: fc.constantFrom('buy' as const, 'sell' as const),
  quantity: fc.integer({ min: 1, max: 90 }),
  priceE4: fc.integer({ min: 90_000, max: 110_000 }),
  feeMicros: fc.integer({ min: -50, max: 900 }),
};
const happening = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('execution' as const), ...terms }) },
  { weight: 1, arbitrary: action.map((applied) => ({ kind: 'action' as const, action: applied })) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('adopted' as const),
      shares: fc.integer({ min: -60, max: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'session' as const }) },
);

describe('books with corrections', () => {
  it('are the books of a past in which everything was known at first', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { minLength: 1, maxLength: 20 }),
        fc.nat(),
        fc.record({ quantity: fc.nat({ max: 120 }), priceE4: terms.priceE4, feeMicros: terms.feeMicros }),
        (happenings, chosen, corrected) => {
          const [late, first] = [journaled(), journaled()];
          const sessions = happenings.filter(({ kind }) => kind === 'session').length;
          // the journal reaches back over one opening
          const reach =
            sessions < 2
              ? 0
              : happenings
                  .map(({ kind }) => kind)
                  .lastIndexOf('session', happenings.map(({ kind }) => kind).lastIndexOf('session') - 1);
          const inReach = happenings.flatMap(({ kind }, k) =>
            kind === 'execution' && k >= reach ? [k] : [],
          );
          fc.pre(inReach.length > 0);
          const at = inReach[chosen % inReach.length]!;
          const run = (ledger: Ledger, isFirst: boolean) => {
            happenings.forEach((item, k) => {
              const tUs = 1000 + k;
              if (item.kind === 'execution') {
                const { kind: _kind, ...plain } = item;
                const facts = execution(`x${k}`, { ...plain, tradeTimeUs: tUs });
                if (!isFirst || k !== at) applyExecution(ledger, facts);
                else if (corrected.quantity > 0) applyExecution(ledger, { ...facts, ...corrected });
              } else if (item.kind === 'action') applyCorporateAction(ledger, item.action, tUs);
              else if (item.kind === 'session') ageJournal(ledger, tUs);
              else if (item.shares !== 0) {
                adoptPosition(ledger, { symbolIx: 0, shares: item.shares, priceE4: 99_000, tUs });
              }
            });
          };
          run(late, false);
          run(first, true);
          const old = happenings[at] as { readonly symbol: string; readonly side: 'buy' | 'sell' };
          const facts = { symbol: old.symbol, side: old.side, tradeTimeUs: 1000 + at };
          const cash = late.cashMicros;
          // the fee comes by itself, after the price
          const revision = correctExecution(late, {
            corrects: `x${at}`,
            execution: execution('new', { ...facts, ...corrected, feeMicros: 0 }),
          });
          const charged = chargeExecution(late, { executionId: 'new', feeMicros: corrected.feeMicros });
          expect(booksOf(late)).toEqual(booksOf(first));
          expect(late.cashMicros - cash).toBe(revision.cashMicros + charged.cashMicros);
          checkBalance(late);
        },
      ),
      { numRuns: 300 },
    );
  });
});
