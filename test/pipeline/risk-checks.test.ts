import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RiskCheck } from '../../src/domain/decisions.ts';
import type { ExecutionSettings, RiskSettings } from '../../src/domain/settings.ts';
import { US_PER_MINUTE, US_PER_SECOND } from '../../src/domain/units.ts';
import { assessOrder, orderRequestOf, type RiskVerdict } from '../../src/pipeline/6-risk/assess-order.ts';
import { clearLog, createCheckLog, readLog } from '../../src/pipeline/6-risk/check-log.ts';
import { RISK_CHECKS } from '../../src/pipeline/6-risk/checks.ts';
import { draftOrder, type WantedTrade } from '../../src/pipeline/6-risk/draft-orders.ts';
import {
  createOpenOrders,
  type OrderDraft,
  openRiskBook,
  type RiskBook,
  type RiskFacts,
  recordIntent,
  type WorkingOrder,
} from '../../src/pipeline/6-risk/risk-book.ts';
import {
  ageMemory,
  createRiskMemory,
  type RiskMemory,
  recordExecution,
} from '../../src/pipeline/6-risk/risk-memory.ts';
import { symbolRules } from '../../src/pipeline/6-risk/symbol-rules.ts';
import { createMarketState } from '../../src/pipeline/market-state.ts';

type Settings = RiskSettings & { readonly lotShares: number };

/** Limits of which an order of 100 shares at 100 dollars, of a million dollars of equity, passes every one. */
const SETTINGS: Settings = {
  priceCollarBps: 50,
  maxOrderValueMicros: 50_000e6,
  maxOrderShares: 500,
  maxAdvFraction: 0.01,
  maxOpenOrdersPerSymbol: 2,
  maxOpenOrders: 3,
  maxOrdersPerMinute: 4,
  maxRepeatedExecutions: 3,
  cooldownSeconds: 5,
  maxPositionFrac: 0.2,
  maxGrossFrac: 1,
  maxNetFrac: 0.5,
  allowShort: true,
  maxSectorFrac: 0.4,
  ...{ sectors: [], noBorrowSymbols: [], restrictedSymbols: [] },
  repeatedExecutionMinutes: 1,
  lossVelocityFrac: 0.01,
  lossVelocityMinutes: 15,
  maxDataAgeSeconds: 90,
  maxQuoteAgeSeconds: 60,
  tickE4: 100,
  subDollarTickE4: 1,
  dailyLossFrac: 0.02,
  drawdownFrac: 0.1,
  warnFraction: 0.7,
  killAction: 'reduce_only',
  lotShares: 1,
};

const SECTORS = [{ name: 'technology', symbols: ['AAA', 'BBB'] }];
const NOW = 100 * US_PER_MINUTE;
const SYMBOLS = ['AAA', 'BBB'];

interface World {
  readonly book?: Partial<RiskFacts>;
  readonly buyingPowerMicros?: number;
  readonly position?: number;
  readonly otherPosition?: number;
  readonly working?: readonly WorkingOrder[];
  readonly memory?: (memory: RiskMemory) => void;
  readonly market?: (market: RiskBook['market']) => void;
  readonly settings?: Partial<Settings>;
  readonly draft?: Partial<OrderDraft>;
}

function worldOf(world: World) {
  const market = createMarketState(2);
  market.bidE4.fill(999_900);
  market.askE4.fill(1_000_000);
  market.midE4.fill(1_000_000);
  market.dataUs.fill(NOW);
  market.quoteUs.fill(NOW);
  world.market?.(market);
  const memory = createRiskMemory(2);
  world.memory?.(memory);
  const settings = { ...SETTINGS, ...world.settings };
  ageMemory(memory, { tUs: NOW, windowUs: settings.repeatedExecutionMinutes * US_PER_MINUTE });
  const facts: RiskFacts = {
    tUs: NOW,
    isSessionOpen: true,
    isKilled: false,
    isPaused: false,
    isDisconnected: false,
    unreconciled: new Uint8Array(2),
    isCashUnreconciled: false,
    equityMicros: 1e12,
    market,
    positionShares: Float64Array.of(world.position ?? 0, world.otherPosition ?? 0),
    advDollars: Float64Array.of(1e8, 1e8),
    rules: symbolRules(SYMBOLS, settings),
    working: world.working ?? [],
    ...world.book,
  };
  const book = openRiskBook(facts, createOpenOrders(2, settings.sectors.length), { leverage: 9 });
  if (world.buyingPowerMicros !== undefined) book.buyingPowerMicros = world.buyingPowerMicros;
  const draft: OrderDraft = {
    symbolIx: 0,
    symbol: 'AAA',
    side: 'buy',
    type: 'market',
    timeInForce: 'day',
    quantity: 100,
    purpose: 'open',
    ...world.draft,
  };
  return { draft, book, memory, settings, log: createCheckLog(2) };
}

function assess(world: World = {}): RiskVerdict {
  const { draft, ...context } = worldOf(world);
  return assessOrder(draft, context);
}

/** The check that refused, `approved`, or `scaled` with the quantity left. */
function outcome(world: World): string {
  const verdict = assess(world);
  if (verdict.kind === 'refused') return verdict.check;
  return verdict.scaledBy.length === 0 ? 'approved' : `scaled to ${verdict.quantity}`;
}

const workingBuy = (leavesQuantity: number, symbolIx = 0): WorkingOrder => ({
  symbolIx,
  side: 'buy',
  leavesQuantity,
});
const workingSell = (leavesQuantity: number, symbolIx = 0): WorkingOrder => ({
  symbolIx,
  side: 'sell',
  leavesQuantity,
});
const limitBuy = (limitPriceE4: number): Partial<OrderDraft> => ({ type: 'limit', limitPriceE4 });

/** For each check: a world just beyond its limit, and the same world just inside it. */
const EDGES: readonly { readonly check: RiskCheck; readonly beyond: World; readonly inside: World }[] = [
  { check: 'kill_switch', beyond: { book: { isKilled: true } }, inside: {} },
  { check: 'trading_paused', beyond: { book: { isPaused: true } }, inside: {} },
  { check: 'connection_lost', beyond: { book: { isDisconnected: true } }, inside: {} },
  {
    check: 'unreconciled',
    beyond: { book: { unreconciled: Uint8Array.of(1, 0) } },
    inside: { book: { unreconciled: Uint8Array.of(0, 1) } },
  },
  { check: 'cash_unreconciled', beyond: { book: { isCashUnreconciled: true } }, inside: {} },
  { check: 'session_closed', beyond: { book: { isSessionOpen: false } }, inside: {} },
  { check: 'halted_symbol', beyond: { market: (m) => m.isHalted.fill(1) }, inside: {} },
  {
    check: 'restricted_symbol',
    beyond: { settings: { restrictedSymbols: ['AAA'] } },
    inside: { settings: { restrictedSymbols: ['BBB'] } },
  },
  {
    check: 'short_not_allowed',
    beyond: { position: 99, settings: { allowShort: false }, draft: { side: 'sell' } },
    inside: { position: 100, settings: { allowShort: false }, draft: { side: 'sell' } },
  },
  {
    check: 'no_borrow',
    beyond: { position: 99, settings: { noBorrowSymbols: ['AAA'] }, draft: { side: 'sell' } },
    inside: { position: 100, settings: { noBorrowSymbols: ['AAA'] }, draft: { side: 'sell' } },
  },
  {
    check: 'stale_data',
    beyond: { market: (m) => m.dataUs.fill(NOW - 90 * US_PER_SECOND - 1) },
    inside: { market: (m) => m.dataUs.fill(NOW - 90 * US_PER_SECOND) },
  },
  {
    check: 'stale_quote',
    beyond: { market: (m) => m.quoteUs.fill(NOW - 60 * US_PER_SECOND - 1) },
    inside: { market: (m) => m.quoteUs.fill(NOW - 60 * US_PER_SECOND) },
  },
  {
    check: 'price_collar',
    beyond: { draft: limitBuy(1_005_100) },
    inside: { draft: limitBuy(1_005_000) },
  },
  {
    check: 'max_order_value',
    beyond: { settings: { maxOrderValueMicros: 9_999e6 } },
    inside: { settings: { maxOrderValueMicros: 10_000e6 } },
  },
  {
    check: 'max_order_shares',
    beyond: { settings: { maxOrderShares: 99 } },
    inside: { settings: { maxOrderShares: 100 } },
  },
  {
    check: 'max_adv_fraction',
    beyond: { book: { advDollars: Float64Array.of(999_999, 0) } },
    inside: { book: { advDollars: Float64Array.of(1_000_000, 0) } },
  },
  { check: 'lot_size', beyond: { settings: { lotShares: 30 } }, inside: { settings: { lotShares: 50 } } },
  { check: 'tick_size', beyond: { draft: limitBuy(1_000_050) }, inside: { draft: limitBuy(1_000_100) } },
  {
    check: 'max_open_orders_symbol',
    beyond: { working: [workingBuy(7), workingBuy(8)] },
    inside: { working: [workingBuy(7)] },
  },
  {
    check: 'max_open_orders',
    beyond: { working: [workingBuy(7, 1), workingBuy(8, 1), workingBuy(9, 1)] },
    inside: { working: [workingBuy(7, 1), workingBuy(8, 1)] },
  },
  {
    check: 'order_rate',
    beyond: { memory: (m) => m.intentTimesUs.push(NOW - US_PER_MINUTE + 1, NOW - 3, NOW - 2, NOW - 1) },
    inside: { memory: (m) => m.intentTimesUs.push(NOW - US_PER_MINUTE, NOW - 3, NOW - 2, NOW - 1) },
  },
  {
    check: 'repeated_execution',
    beyond: { memory: (m) => executed(m, 3) },
    inside: { memory: (m) => executed(m, 2) },
  },
  {
    check: 'duplicate_intent',
    beyond: { working: [workingBuy(100)] },
    inside: { working: [workingBuy(101)] },
  },
  {
    check: 'cooldown',
    beyond: { memory: (m) => m.lastIntentUs.fill(NOW - 5 * US_PER_SECOND + 1) },
    inside: { memory: (m) => m.lastIntentUs.fill(NOW - 5 * US_PER_SECOND) },
  },
  {
    check: 'opposite_side_working',
    beyond: { working: [workingSell(1)] },
    inside: { working: [workingSell(1, 1)] },
  },
  { check: 'position_limit', beyond: { position: 2000 }, inside: { position: 1900 } },
  { check: 'gross_limit', beyond: { otherPosition: -10_000 }, inside: { otherPosition: -9_900 } },
  { check: 'net_limit', beyond: { otherPosition: 4_901 }, inside: { otherPosition: 4_900 } },
  {
    check: 'sector_limit',
    beyond: { settings: { sectors: SECTORS }, otherPosition: -3_901 },
    inside: { settings: { sectors: SECTORS }, otherPosition: -3_900 },
  },
  {
    check: 'buying_power',
    beyond: { buyingPowerMicros: 9_999e6 },
    inside: { buyingPowerMicros: 10_000e6 },
  },
];

function executed(memory: RiskMemory, orders: number): void {
  for (let k = orders - 1; k >= 0; k--) {
    recordExecution(memory, { tUs: NOW - k, symbolIx: 0, side: 'buy' }, US_PER_MINUTE);
  }
}

describe('every risk check', () => {
  it.each(EDGES)('$check blocks beyond its limit and passes on it', ({ check, beyond, inside }) => {
    expect(outcome(beyond)).toBe(check);
    expect(outcome(inside)).toBe('approved');
  });

  it('has an edge here, in the order of the table', () => {
    expect(EDGES.map(({ check }) => check)).toEqual(RISK_CHECKS.map(({ check }) => check));
  });

  it('tells value and limit of a refusal', () => {
    expect(assess({ otherPosition: 4_901 })).toMatchObject({
      kind: 'refused',
      check: 'net_limit',
      value: 0.5001,
      limit: 0.5,
    });
    expect(assess({ book: { isSessionOpen: false } })).toMatchObject({ value: 1, limit: 0 });
  });

  it('gives the first check that fails', () => {
    expect(outcome({ book: { isKilled: true, isSessionOpen: false } })).toBe('kill_switch');
  });
});

describe('scaling', () => {
  it('cuts an increase to the room under the position limit, in whole lots, and records it', () => {
    expect(outcome({ position: 1950 })).toBe('scaled to 50');
    expect(outcome({ position: 1950, settings: { lotShares: 20 } })).toBe('scaled to 40');
    expect(outcome({ position: 1950, settings: { lotShares: 100 } })).toBe('position_limit');
    expect(assess({ position: -1950, draft: { side: 'sell' } })).toMatchObject({
      quantity: 50,
      scaledBy: [{ check: 'position_limit', quantity: 50, value: 0.205, limit: 0.2 }],
    });
  });

  it('cuts it to the room under the gross limit', () => {
    expect(outcome({ otherPosition: -9_970 })).toBe('scaled to 30');
    expect(outcome({ otherPosition: -20_000 })).toBe('gross_limit');
  });

  it('lets an order through the gross limit that does not add to the worst case', () => {
    const settings = { maxOrderShares: 5000, maxOrderValueMicros: 1e12, maxAdvFraction: 1 };
    expect(outcome({ position: -1000, otherPosition: -10_500, draft: { quantity: 1200 }, settings })).toBe(
      'approved',
    );
    expect(outcome({ position: -1000, otherPosition: -9_500, draft: { quantity: 2200 }, settings })).toBe(
      'scaled to 1500',
    );
    const sector = { ...settings, sectors: SECTORS };
    expect(
      outcome({ position: -1000, otherPosition: -4_500, draft: { quantity: 1200 }, settings: sector }),
    ).toBe('approved');
  });

  it('limits net exposure both ways', () => {
    expect(outcome({ otherPosition: -4_901, draft: { side: 'sell' } })).toBe('net_limit');
    expect(outcome({ otherPosition: -4_900, draft: { side: 'sell' } })).toBe('approved');
    expect(outcome({ otherPosition: -4_900, working: [workingSell(1, 1)], draft: { side: 'sell' } })).toBe(
      'net_limit',
    );
  });

  it('counts working orders as filled', () => {
    expect(outcome({ position: 1000, working: [workingBuy(950)] })).toBe('scaled to 50');
    expect(outcome({ otherPosition: -5_000, working: [workingSell(4_970, 1)] })).toBe('scaled to 30');
    expect(outcome({ otherPosition: 4_800, working: [workingBuy(101, 1)] })).toBe('net_limit');
  });

  it('allows nothing new without equity', () => {
    expect(outcome({ book: { equityMicros: 0 } })).toBe('position_limit');
    expect(outcome({ book: { equityMicros: -5 }, settings: { maxPositionFrac: 1e9 } })).toBe(
      'position_limit',
    );
  });

  it('keeps the worst case of the book as orders come in, to the bit of adding it up again', () => {
    const intent = fc.record({
      symbolIx: fc.constantFrom(0, 1),
      side: fc.constantFrom('buy' as const, 'sell' as const),
      quantity: fc.integer({ min: 1, max: 800 }),
    });
    const shares = fc.integer({ min: -4000, max: 4000 });
    const mid = fc.integer({ min: 1, max: 4_000_001 }).map((halves) => halves / 2);
    fc.assert(
      fc.property(shares, shares, mid, fc.array(intent), (position, otherPosition, midE4, intents) => {
        const market = (m: RiskBook['market']) => m.midE4.fill(midE4);
        const world = { position, otherPosition, market, settings: { sectors: SECTORS } };
        const { draft, book, memory, settings } = worldOf(world);
        const costMicros = 1000;
        for (const { quantity, ...of } of intents) {
          recordIntent(book, memory, { draft: { ...draft, ...of }, quantity, costMicros });
        }
        const facts = { ...book, working: [...book.working] };
        const again = openRiskBook(facts, createOpenOrders(2, settings.sectors.length), { leverage: 9 });
        expect(again.worst).toEqual(book.worst);
        expect(again.open).toEqual(book.open);
        expect(again.open.sectorMicros[0]).toBe(book.worst.grossMicros);
        const untouched = worldOf(world).book.buyingPowerMicros;
        expect(book.buyingPowerMicros).toBe(untouched - intents.length * costMicros);
      }),
    );
  });

  it('leaves an approved order inside position and gross limits whatever is held and working', () => {
    const shares = fc.integer({ min: -4000, max: 4000 });
    const open = fc.record({
      symbolIx: fc.constantFrom(0, 1),
      side: fc.constantFrom('buy' as const, 'sell' as const),
      leavesQuantity: fc.integer({ min: 1, max: 800 }),
    });
    const side = fc.constantFrom('buy' as const, 'sell' as const);
    const quantity = fc.integer({ min: 1, max: 500 });
    fc.assert(
      fc.property(
        shares,
        shares,
        fc.array(open, { maxLength: 2 }),
        side,
        quantity,
        (position, otherPosition, working, s, q) => {
          const settings = { maxGrossFrac: 0.4, maxOpenOrders: 9, maxOpenOrdersPerSymbol: 9 };
          const { draft, ...context } = worldOf({
            position,
            otherPosition,
            working,
            settings,
            draft: { side: s, quantity: q },
          });
          const reach = (i: number) => {
            let buy = 0;
            let sell = 0;
            for (const order of context.book.working) {
              if (order.symbolIx !== i) continue;
              if (order.side === 'buy') buy += order.leavesQuantity;
              else sell += order.leavesQuantity;
            }
            return Math.max(
              Math.abs(context.book.positionShares[i]! + buy),
              Math.abs(context.book.positionShares[i]! - sell),
            );
          };
          const before = [reach(0), reach(1)];
          const verdict = assessOrder(draft, context);
          if (verdict.kind === 'refused') return;
          expect(verdict.quantity).toBeLessThanOrEqual(q);
          recordIntent(context.book, context.memory, verdict);
          expect(reach(0)).toBeLessThanOrEqual(Math.max(before[0]!, 2000));
          expect(reach(0) + reach(1)).toBeLessThanOrEqual(Math.max(before[0]! + before[1]!, 4000));
        },
      ),
    );
  });
});

describe('reductions', () => {
  const reduce = { side: 'sell', purpose: 'reduce' } as const;

  it.each(RISK_CHECKS.filter(({ reductionsPass }) => reductionsPass).map(({ check }) => check))(
    'pass %s',
    (check) => {
      const edge = EDGES.find((e) => e.check === check)!.beyond;
      const world: World = {
        ...edge,
        position: 3000,
        draft: reduce,
        working: (edge.working ?? []).map((order) => ({ ...order, side: 'sell' })),
      };
      expect(outcome(world)).toBe('approved');
    },
  );

  it('do not pass books that differ, a closed session, a halt, a duplicate or a crossing order', () => {
    const held: World = { position: 3000, draft: reduce };
    expect(outcome({ ...held, book: { unreconciled: Uint8Array.of(1, 0) } })).toBe('unreconciled');
    expect(outcome({ ...held, book: { isSessionOpen: false } })).toBe('session_closed');
    expect(outcome({ ...held, market: (m) => m.isHalted.fill(1) })).toBe('halted_symbol');
    expect(outcome({ ...held, working: [workingSell(100)] })).toBe('duplicate_intent');
    expect(outcome({ ...held, working: [workingBuy(5)] })).toBe('opposite_side_working');
  });

  it('are cut to the size limits instead of being stuck', () => {
    const close: World = { position: 2000, draft: { ...reduce, quantity: 2000 } };
    expect(outcome(close)).toBe('scaled to 500');
    expect(outcome({ ...close, settings: { maxOrderShares: 1 } })).toBe('scaled to 1');
    expect(
      outcome({
        ...close,
        settings: { maxOrderShares: 10_000, maxOrderValueMicros: 1e12 },
        book: { advDollars: Float64Array.of(1e6, 0) },
      }),
    ).toBe('scaled to 100');
  });

  it('are never cut below one lot: a position stays possible to leave, however small the limits', () => {
    const thin: World = {
      position: 200,
      draft: { ...reduce, quantity: 200 },
      market: (m) => {
        m.bidE4.fill(2_500_000);
        m.askE4.fill(2_500_000);
        m.midE4.fill(2_500_000);
      },
      book: { advDollars: Float64Array.of(4000, 0) },
    };
    expect(outcome(thin)).toBe('scaled to 1');
    expect(outcome({ ...thin, settings: { lotShares: 100 } })).toBe('scaled to 100');
    expect(outcome({ ...thin, position: 100, draft: { ...reduce, quantity: 100 } })).toBe('scaled to 1');
    const lastOf = (quantity: number, lotShares: number): World => ({
      ...thin,
      position: quantity,
      draft: { ...reduce, quantity },
      settings: { lotShares },
    });
    expect(outcome(lastOf(1, 1))).toBe('approved');
    expect(outcome(lastOf(100, 100))).toBe('approved');
    expect(outcome(lastOf(37, 100))).toBe('approved');
    expect(outcome({ ...thin, settings: { maxOrderValueMicros: 1 } })).toBe('scaled to 1');
    expect(outcome({ ...thin, settings: { maxOrderShares: 50, lotShares: 100 } })).toBe('scaled to 100');
    expect(outcome({ ...thin, position: 0, draft: { side: 'buy', quantity: 1 } })).toBe('max_adv_fraction');
  });

  it('come to an end under any size limits: order after order, the position reaches 0', () => {
    const positive = (max: number) => fc.integer({ min: 1, max });
    fc.assert(
      fc.property(
        fc.record({
          lotShares: fc.constantFrom(1, 10, 100),
          maxOrderShares: positive(300),
          maxOrderValueMicros: positive(1e5).map((dollars) => dollars * 1e6),
          adv: positive(1e7),
        }),
        positive(600),
        fc.constantFrom<1 | -1>(1, -1),
        ({ adv, ...settings }, shares, sign) => {
          let left = shares;
          while (left > 0) {
            const verdict = assess({
              position: sign * left,
              draft: { side: sign === 1 ? 'sell' : 'buy', purpose: 'close', quantity: left },
              book: { advDollars: Float64Array.of(adv, 0) },
              settings,
            });
            if (verdict.kind !== 'approved') throw new Error(`${left} shares are stuck: ${verdict.check}`);
            expect(verdict.quantity).toBeGreaterThan(0);
            left -= verdict.quantity;
          }
          expect(left).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('close an odd lot', () => {
    const settings = { lotShares: 100 };
    expect(outcome({ position: 37, settings, draft: { ...reduce, quantity: 37 } })).toBe('approved');
    expect(outcome({ position: -37, settings, draft: { side: 'buy', quantity: 37 } })).toBe('approved');
    expect(outcome({ position: 237, settings, draft: { ...reduce, quantity: 37 } })).toBe('lot_size');
  });

  it('are judged by what working orders can lead to, not by their own word', () => {
    const killed: World = { book: { isKilled: true }, draft: { ...reduce, quantity: 60 }, position: 100 };
    expect(outcome(killed)).toBe('approved');
    expect(outcome({ ...killed, working: [workingSell(50)] })).toBe('kill_switch');
    expect(outcome({ ...killed, position: 50 })).toBe('kill_switch');
    expect(outcome({ ...killed, position: -100 })).toBe('kill_switch');
    expect(
      outcome({
        book: { isKilled: true },
        position: -100,
        draft: { quantity: 60 },
        working: [workingBuy(41)],
      }),
    ).toBe('kill_switch');
  });

  it('pass without any price, while an opening order does not', () => {
    const noPrice = (m: RiskBook['market']) => {
      for (const column of [m.bidE4, m.askE4, m.midE4]) column.fill(0);
    };
    expect(outcome({ market: noPrice, position: 500, draft: reduce })).toBe('approved');
    expect(outcome({ market: noPrice })).toBe('price_collar');
    expect(outcome({ market: noPrice, draft: limitBuy(1_000_000) })).toBe('price_collar');
  });
});

describe('checks that are off or unknown', () => {
  it('ignores volume while it is unknown or endless, and repeats without a limit', () => {
    expect(outcome({ book: { advDollars: new Float64Array(2) } })).toBe('approved');
    expect(outcome({ book: { advDollars: new Float64Array(2).fill(Number.POSITIVE_INFINITY) } })).toBe(
      'approved',
    );
    const { maxRepeatedExecutions: _, ...rest } = SETTINGS;
    const { draft, ...context } = worldOf({ memory: (m) => executed(m, 9) });
    expect(assessOrder(draft, { ...context, settings: rest }).kind).toBe('approved');
  });

  it('counts executions a side: bought three times is not sold once', () => {
    expect(outcome({ memory: (m) => executed(m, 3), draft: { side: 'sell' } })).toBe('approved');
  });

  it('knows the sectors by name, and says nothing of symbols outside the universe', () => {
    const sectors = [...SECTORS, { name: 'energy', symbols: ['ZZZ'] }];
    const rules = symbolRules(SYMBOLS, { sectors, restrictedSymbols: ['ZZZ'], noBorrowSymbols: [] });
    expect(rules.sectors).toEqual(['technology', 'energy']);
    expect([[...rules.sectorIx], [...rules.restricted]]).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('refuses a limit price of nothing', () => {
    expect(outcome({ settings: { priceCollarBps: 1e9 }, draft: limitBuy(0) })).toBe('tick_size');
  });

  it('values the order by its touch when no mark is known', () => {
    const noMark = (m: RiskBook['market']) => m.midE4.fill(0);
    expect(outcome({ market: noMark, position: 1950 })).toBe('scaled to 50');
  });
});

describe('assessOrder', () => {
  it('changes nothing by itself, and recordIntent shows the order to the next draft', () => {
    const { draft, ...context } = worldOf({ settings: { cooldownSeconds: 0 } });
    const { book, memory } = context;
    const before = structuredClone({ book, memory });
    const verdict = assessOrder(draft, context);
    expect({ book, memory }).toEqual(before);
    if (verdict.kind !== 'approved') throw new Error('expected approval');
    expect(verdict.costMicros).toBe(10_000e6);
    recordIntent(book, memory, verdict);
    expect(book.working).toEqual([workingBuy(100)]);
    expect(book.buyingPowerMicros).toBe(9e12 - 10_000e6);
    expect([memory.lastIntentUs[0], ...memory.intentTimesUs]).toEqual([NOW, NOW]);
    expect(assessOrder(draft, context)).toMatchObject({ check: 'duplicate_intent' });
  });

  it('makes the request a broker gets, with the quantity that was approved', () => {
    const market = assess({ position: 1950 });
    const limit = assess({ draft: limitBuy(1_000_100) });
    if (market.kind !== 'approved' || limit.kind !== 'approved') throw new Error('expected approval');
    expect(orderRequestOf(market, 'id1')).toEqual({
      clientOrderId: 'id1',
      symbol: 'AAA',
      side: 'buy',
      type: 'market',
      timeInForce: 'day',
      quantity: 50,
      purpose: 'open',
    });
    expect(orderRequestOf(limit, 'id2')).toMatchObject({
      type: 'limit',
      limitPriceE4: 1_000_100,
      quantity: 100,
    });
    const { draft, book, memory } = worldOf({ draft: limitBuy(1_000_100) });
    recordIntent(book, memory, { draft, quantity: 100, costMicros: 0 });
    expect(book.working[0]).toMatchObject({ limitPriceE4: 1_000_100 });
  });

  it('throws on a quantity that is not a positive integer: a bug upstream', () => {
    for (const quantity of [0, -1, 1.5, Number.NaN]) {
      expect(() => assess({ draft: { quantity } })).toThrow('is not a positive integer');
    }
  });

  it('forgets intents after a minute and executions after their window, each once', () => {
    const memory = createRiskMemory(2);
    const executed = { symbolIx: 1, side: 'sell' } as const;
    const windowUs = 2 * US_PER_MINUTE;
    memory.intentTimesUs.push(NOW - US_PER_MINUTE - 1, NOW - US_PER_MINUTE, NOW - US_PER_MINUTE + 1);
    expect(recordExecution(memory, { ...executed, tUs: NOW - 3 * US_PER_MINUTE }, windowUs)).toBe(1);
    expect(recordExecution(memory, { ...executed, tUs: NOW - windowUs + 1 }, windowUs)).toBe(2);
    expect(recordExecution(memory, { ...executed, tUs: NOW }, windowUs)).toBe(2);
    ageMemory(memory, { tUs: NOW, windowUs });
    expect(memory.intentTimesUs).toEqual([NOW - US_PER_MINUTE + 1]);
    expect(Array.from(memory.executedCount)).toEqual([0, 0, 0, 2]);
    ageMemory(memory, { tUs: NOW + windowUs, windowUs });
    expect([memory.executions, memory.intentTimesUs]).toEqual([[], []]);
    expect(Array.from(memory.executedCount)).toEqual([0, 0, 0, 0]);
  });
});

describe('the log of checks', () => {
  it('shows every check of an order with value and limit, those behind the refusal too', () => {
    const { draft, ...context } = worldOf({ otherPosition: 4_901, settings: { sectors: SECTORS } });
    expect(readLog(context.log, 0)).toBeUndefined();
    expect(assessOrder(draft, context)).toMatchObject({ kind: 'refused', check: 'net_limit' });
    const { askedShares, checks } = readLog(context.log, 0)!;
    expect(askedShares).toBe(100);
    expect(checks.map(({ check }) => check)).toEqual(RISK_CHECKS.map(({ check }) => check));
    const of = (name: RiskCheck) => checks.find(({ check }) => check === name);
    expect(of('max_order_value')).toEqual({
      check: 'max_order_value',
      unit: 'micro-dollars',
      outcome: 'passed',
      value: 10_000e6,
      limit: 50_000e6,
    });
    expect(of('position_limit')).toMatchObject({ outcome: 'passed', value: 0.01, limit: 0.2 });
    expect(of('net_limit')).toMatchObject({ outcome: 'blocked', value: 0.5001, limit: 0.5 });
    expect(of('sector_limit')).toMatchObject({ outcome: 'blocked', value: 0.5001, limit: 0.4 });
  });

  /** The log of one order as check -> outcome, value and limit. */
  const logOf = (world: World) => {
    const { draft, ...context } = worldOf(world);
    assessOrder(draft, context);
    const { checks } = readLog(context.log, draft.symbolIx)!;
    return Object.fromEntries(
      checks.map(({ check, outcome, value, limit }) => [check, [outcome, value, limit]]),
    );
  };

  const NOT_MEASURED = ['not_measured', 0, 0];
  const quiet = ['kill_switch', 'trading_paused', 'connection_lost', 'unreconciled', 'cash_unreconciled']
    .concat('session_closed', 'halted_symbol', 'restricted_symbol')
    .map((check) => [check, ['passed', 0, 0]]);

  it('measures a purchase at a limit with orders working on both sides', () => {
    const twice = { ...workingBuy(100), limitPriceE4: 999_000 };
    const world: World = {
      position: 300,
      otherPosition: -500,
      working: [twice, workingSell(100), workingBuy(7, 1)],
      memory: (m) => {
        executed(m, 2);
        m.intentTimesUs.push(NOW - 2, NOW - 1);
        m.lastIntentUs.fill(NOW - 3 * US_PER_SECOND);
      },
      market: (m) => {
        m.dataUs.fill(NOW - 2 * US_PER_SECOND);
        m.quoteUs.fill(NOW - 4 * US_PER_SECOND);
      },
      settings: { sectors: SECTORS, allowShort: false, noBorrowSymbols: ['AAA'] },
      draft: limitBuy(1_001_000),
    };
    expect(logOf(world)).toEqual({
      ...Object.fromEntries(quiet),
      short_not_allowed: ['passed', 0, 0],
      no_borrow: ['passed', 0, 0],
      stale_data: ['passed', 2, 90],
      stale_quote: ['passed', 4, 60],
      price_collar: ['passed', 10, 50],
      max_order_value: ['passed', 10_010e6, 50_000e6],
      max_order_shares: ['passed', 100, 500],
      max_adv_fraction: ['passed', 0.000_100_1, 0.01],
      lot_size: ['passed', 100, 1],
      tick_size: ['passed', 1_001_000, 100],
      max_open_orders_symbol: ['blocked', 3, 2],
      max_open_orders: ['blocked', 4, 3],
      order_rate: ['passed', 3, 4],
      repeated_execution: ['blocked', 4, 3],
      duplicate_intent: ['passed', 100, 0],
      cooldown: ['blocked', 3, 5],
      opposite_side_working: ['blocked', 100, 0],
      position_limit: ['passed', 0.05, 0.2],
      gross_limit: ['passed', 0.1, 1],
      net_limit: ['passed', 0.0007, 0.5],
      sector_limit: ['passed', 0.1, 0.4],
      buying_power: ['passed', 10_010e6, 8_910_000e6],
    });
  });

  it('measures a market sale that goes short, of the second symbol', () => {
    const world: World = {
      otherPosition: 30,
      working: [workingSell(20, 1)],
      memory: (m) => executed(m, 2),
      settings: { allowShort: false, noBorrowSymbols: ['BBB'], lotShares: 10 },
      draft: { side: 'sell', symbolIx: 1, symbol: 'BBB' },
    };
    expect(logOf(world)).toEqual({
      ...Object.fromEntries(quiet),
      short_not_allowed: ['blocked', 90, 0],
      no_borrow: ['blocked', 90, 0],
      stale_data: ['passed', 0, 90],
      stale_quote: ['passed', 0, 60],
      price_collar: NOT_MEASURED,
      max_order_value: ['passed', 9_999e6, 50_000e6],
      max_order_shares: ['passed', 100, 500],
      max_adv_fraction: ['passed', 0.000_099_99, 0.01],
      lot_size: ['passed', 100, 10],
      tick_size: NOT_MEASURED,
      max_open_orders_symbol: ['passed', 2, 2],
      max_open_orders: ['passed', 2, 3],
      order_rate: ['passed', 1, 4],
      repeated_execution: ['passed', 2, 3],
      duplicate_intent: ['passed', 100, 0],
      cooldown: NOT_MEASURED,
      opposite_side_working: ['passed', 0, 0],
      position_limit: ['passed', 0.009, 0.2],
      gross_limit: ['passed', 0.009, 1],
      net_limit: ['passed', 0.009, 0.5],
      sector_limit: NOT_MEASURED,
      buying_power: ['passed', 9_999e6, 8_997_000e6],
    });
  });

  it('says of a check that nothing limits, or that has nothing to measure, that it measured nothing', () => {
    const { maxRepeatedExecutions: _, maxSectorFrac: __, ...rest } = { ...SETTINGS, sectors: SECTORS };
    const { draft, ...context } = worldOf({ settings: { sectors: SECTORS }, memory: (m) => executed(m, 9) });
    assessOrder(draft, { ...context, settings: rest });
    const { checks } = readLog(context.log, 0)!;
    const of = (name: RiskCheck) => checks.find(({ check }) => check === name);
    expect(of('repeated_execution')).toMatchObject({ outcome: 'not_measured', value: 0, limit: 0 });
    expect(of('sector_limit')).toMatchObject({ outcome: 'not_measured' });
    expect(logOf({ book: { equityMicros: 0 } }).position_limit).toEqual(['blocked', 0, 0.2]);
    const noAsk = (m: RiskBook['market']) => m.askE4.fill(0);
    expect(logOf({ market: noAsk }).max_order_value).toEqual(['passed', 10_000e6, 50_000e6]);
    const noPrice = (m: RiskBook['market']) => {
      for (const column of [m.bidE4, m.askE4, m.midE4]) column.fill(0);
    };
    expect(logOf({ market: noPrice }).price_collar).toEqual(['blocked', 0, 50]);
    expect(logOf({ market: noPrice }).max_order_value).toEqual(NOT_MEASURED);
    expect(logOf({ book: { advDollars: new Float64Array(2) } }).max_adv_fraction).toEqual(NOT_MEASURED);
  });

  it('takes no purchase for a short sale, and no order for the twin of one that goes the other way', () => {
    expect(outcome({ settings: { allowShort: false, noBorrowSymbols: ['AAA'] } })).toBe('approved');
    expect(logOf({ working: [workingSell(100)] }).duplicate_intent).toEqual(['passed', 100, 0]);
  });

  it('forgets the orders of the cycle before', () => {
    const { draft, ...context } = worldOf({});
    assessOrder(draft, context);
    clearLog(context.log);
    expect(readLog(context.log, 0)).toBeUndefined();
  });

  it('shows what let a reduction pass, and what cut it', () => {
    const { draft, ...context } = worldOf({
      position: 3000,
      book: { isKilled: true },
      draft: { side: 'sell', quantity: 2000 },
    });
    expect(assessOrder(draft, context)).toMatchObject({ kind: 'approved', quantity: 500 });
    const { askedShares, checks } = readLog(context.log, 0)!;
    expect(askedShares).toBe(-2000);
    const outcomes = Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]));
    expect(outcomes).toMatchObject({
      kill_switch: 'waived',
      trading_paused: 'passed',
      session_closed: 'passed',
      max_order_value: 'scaled',
      max_order_shares: 'passed',
    });
  });
});

describe('prices and ticks', () => {
  const priced = (touchE4: number) => (m: RiskBook['market']) => {
    m.askE4.fill(touchE4);
    m.bidE4.fill(touchE4 - 1);
    m.midE4.fill(touchE4 - 0.5);
  };

  it('step by a cent from one dollar up and by 0.0001 below', () => {
    expect(outcome({ market: priced(9_990), draft: limitBuy(9_991) })).toBe('approved');
    expect(outcome({ market: priced(10_000), draft: limitBuy(10_001) })).toBe('tick_size');
    expect(outcome({ market: priced(10_000), draft: limitBuy(10_000) })).toBe('approved');
    expect(
      outcome({ market: priced(9_999), draft: limitBuy(9_999), settings: { subDollarTickE4: 10 } }),
    ).toBe('tick_size');
  });

  it('the collar ends on the price grid, rounded outward', () => {
    expect(outcome({ market: priced(12_000), draft: limitBuy(12_100) })).toBe('approved');
    expect(outcome({ market: priced(12_000), draft: limitBuy(12_200) })).toBe('price_collar');
    expect(outcome({ market: priced(5_000), draft: limitBuy(5_025) })).toBe('approved');
    expect(outcome({ market: priced(5_000), draft: limitBuy(5_026) })).toBe('price_collar');
  });

  const drafted = (touchE4: number, how: Partial<ExecutionSettings>, trade: Partial<WantedTrade> = {}) => {
    const { book } = worldOf({ market: priced(touchE4) });
    return draftOrder(
      { symbolIx: 0, symbol: 'AAA', deltaShares: 10, heldShares: 0, mustFill: false, ...trade },
      book.market,
      {
        ...{ orderType: 'marketable_limit', limitOffsetBps: 10 },
        timeInForce: 'day',
        cancelRetrySeconds: 30,
        ...how,
      },
      SETTINGS,
    );
  };

  it('stop at one dollar on their way through it, and go on by the cent from there', () => {
    expect(drafted(9_999, {}).limitPriceE4).toBe(10_000);
    expect(drafted(10_000, {}).limitPriceE4).toBe(10_100);
    expect(drafted(9_900, {}).limitPriceE4).toBe(9_910);
  });

  it('that come out at nothing are no prices: the order takes the market', () => {
    for (const draft of [drafted(50, { orderType: 'limit', limitOffsetBps: 10_000 }), drafted(0, {})]) {
      expect([draft.type, draft.limitPriceE4, draft.timeInForce]).toEqual(['market', undefined, 'day']);
    }
  });

  it('an exit takes the market instead of resting, and keeps a limit that does not rest', () => {
    const exit = { heldShares: -10, mustFill: true };
    expect(drafted(20_000, { orderType: 'limit' }, exit)).toMatchObject({
      type: 'market',
      timeInForce: 'ioc',
      purpose: 'close',
    });
    expect(drafted(20_000, {}, exit)).toMatchObject({ type: 'marketable_limit', timeInForce: 'day' });
  });

  it('no order priced by the scenario is blocked for its own rounding, at any price', () => {
    const execution = fc.record({
      orderType: fc.constantFrom('limit' as const, 'marketable_limit' as const),
      limitOffsetBps: fc.integer({ min: 0, max: 50 }),
      timeInForce: fc.constant('ioc' as const),
    });
    const delta = fc.constantFrom(-10, 10);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300_000 }), delta, execution, (touchE4, deltaShares, how) => {
        const tickE4 = touchE4 < 10_000 ? 1 : 100;
        const touch = Math.max(1, Math.round(touchE4 / tickE4)) * tickE4;
        const world = worldOf({ market: priced(touch) });
        world.book.market.bidE4.fill(touch);
        const trade = { symbolIx: 0, symbol: 'AAA', deltaShares, heldShares: 0, mustFill: false };
        const settings = { ...how, cancelRetrySeconds: 30 };
        const draft = draftOrder(trade, world.book.market, settings, SETTINGS);
        expect(draft.limitPriceE4 ?? touch).toBeGreaterThan(0);
        expect(assessOrder(draft, world).kind).toBe('approved');
      }),
    );
  });
});
