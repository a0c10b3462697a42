import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shadowText } from '../../src/cli/shadow-text.ts';
import { createPainter } from '../../src/cli/terminal.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { type OrderShortfall, shortfallOf } from '../../src/research/shadow/attribute.ts';
import { listParts, type PartLine, paperMicrosOf } from '../../src/research/shadow/roll-up.ts';
import { type Shadow, shadowRun } from '../../src/research/shadow/shadow-run.ts';
import type { AlpacaTwin } from '../twins/alpaca/twin.ts';
import { HURRY, liveDay, playDay, scratch } from './live-day.ts';
import { twinDay } from './twin-day.ts';

const outDir = scratch('shadow');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const PLAIN = { write: () => true };
const shadowOf = (runDir: string): Promise<Shadow> => shadowRun({ runDir, progress: silentProgress });

function differing({ parts }: Pick<OrderShortfall, 'parts'>): PartLine[] {
  return listParts(parts).filter(({ shortfallMicros }) => shortfallMicros !== 0);
}

it('a paper run of the live loop on the simulated exchange, warmed up, has no shortfall and decides the same to the bit', async () => {
  const stop = new AbortController();
  const day = await liveDay(join(outDir, 'paper'), {
    set: [...HURRY, 'data.warmupSessions=2'],
    signal: stop.signal,
    attach: ({ inputs$ }) => {
      inputs$.subscribe(({ event }) => {
        if (event.type === 'CycleDue' && event.cycle === 90) stop.abort();
      });
    },
  });
  const { runDir, fills, statistics } = await playDay(day, { stepUs: 'next' });
  const shadow = await shadowOf(runDir);
  expect(shadow.total.actualMicros).toBe(statistics.netPnlMicros);
  expect(shadow.sessions.map(({ key }) => key)).toEqual(['2024-01-10']);
  expect(fills).toBeGreaterThan(20);
  expect(shadow).toMatchObject({ mode: { kind: 'paper', broker: 'simulated' }, isSame: true });
  expect(shadow.decisions).toMatchObject({ decidedDifferently: 0, first: null });
  expect(differing(shadow.total)).toEqual([]);
  for (const order of shadow.orders) expect(differing(order)).toEqual([]);
});

/** The exchange of the shadow as kind as the twin: what is left of a shortfall is what was done to it. */
const KIND = [
  'broker.slippageBps=0',
  'broker.impactBps=0',
  'broker.fee={ kind: bps, bps: 0 }',
  'broker.participationCap=1',
];
const WORSE_E4 = 100;
const SHARES = 7;

/** When what is done, by minute. */
interface Faults {
  readonly worse: number;
  readonly partial: number;
  readonly refused: number;
}

/** Changes what orders meet at the twin, and not what it tells of its market. */
function worsen(twin: AlpacaTwin, minute: number, { worse, partial, refused }: Faults): void {
  if (minute === refused) twin.dealer.deal([{ on: 'place', nth: 0, do: { kind: 'reject' } }]);
  for (const symbol of ['AAA', 'BBB', 'CCC', 'DDD']) {
    const quote = twin.book.quote(symbol);
    if (quote === undefined) continue;
    const { bidE4, askE4 } = quote;
    if (minute === worse) {
      twin.book.setQuote(symbol, { ...quote, bidE4: bidE4 - WORSE_E4, askE4: askE4 + WORSE_E4 });
    } else if (minute === partial) {
      twin.book.setQuote(symbol, { ...quote, bidSize: SHARES, askSize: SHARES });
    }
  }
}

describe('a live day at the twin of Alpaca', () => {
  const MINUTES = 60;
  const play = async (
    name: string,
    onMinute?: (twin: AlpacaTwin, minute: number) => void,
  ): Promise<Shadow> => {
    const spec = { minutes: MINUTES, symbols: 4, stepUs: 250_000, repeatsQuotes: true };
    const set = [...KIND, 'data.warmupSessions=0'];
    const hook = onMinute === undefined ? {} : { onMinute };
    const { result } = await twinDay({ ...spec, outDir: join(outDir, name), set, ...hook });
    return shadowOf(result.runDir);
  };
  /** The bar that the last orders would trade in is not on the tape. */
  const settled = ({ orders }: Shadow): OrderShortfall[] => orders.filter(({ cycle }) => cycle < MINUTES);

  /** Three minutes with orders, from a day to which nothing is done. */
  let faults: Faults;
  let whole: Shadow;
  beforeAll(async () => {
    whole = await play('whole');
    const cycles = [...new Set(settled(whole).map(({ cycle }) => cycle))].sort((a, b) => a - b);
    faults = { worse: cycles[0]!, partial: cycles[9]!, refused: cycles[11]! };
  }, 60_000);

  it('to which nothing is done has no shortfall but for orders that its tape ends on', () => {
    const shadow = whole;
    expect(shadow.coverage).toMatchObject({ isComplete: false, stopReason: null, openSession: '2024-01-10' });
    expect(settled(shadow).length).toBeGreaterThan(20);
    for (const order of settled(shadow)) expect(differing(order)).toEqual([]);
    expect(shadow.decisions.decidedDifferently).toBe(0);
    const open = shadow.orders.filter(({ cycle }) => cycle === MINUTES);
    expect(shadow.coverage.ordersAtWork).toEqual({ simulated: open.length, actual: 0 });
  });

  it('shows what was done to it: worse prices, parts of orders, a refusal, and where that led', async () => {
    const shadow = await play('worse', (twin, minute) => worsen(twin, minute, faults));
    const of = (minute: number): OrderShortfall[] => settled(shadow).filter(({ cycle }) => cycle === minute);

    for (const order of settled(shadow).filter(({ cycle }) => cycle < faults.worse)) {
      expect(differing(order)).toEqual([]);
    }

    expect(of(faults.worse).length).toBeGreaterThan(0);
    for (const order of of(faults.worse)) {
      const injected = order.actual!.filled * WORSE_E4 * 100;
      expect(differing(order)).toMatchObject([
        { part: 'slippage', simulatedMicros: 0, actualMicros: injected },
      ]);
    }

    const partly = of(faults.partial).filter(({ actual }) => actual!.quantity > SHARES);
    expect(partly.length).toBeGreaterThan(0);
    for (const order of partly) {
      expect(order.actual).toMatchObject({ filled: SHARES, status: 'cancelled' });
      expect(order.simulated).toMatchObject({ filled: order.simulated!.quantity, status: 'filled' });
      const parts = new Map(listParts(order.parts).map((line) => [line.part, line]));
      expect(parts.get('slippage')).toMatchObject({ simulatedMicros: 0, actualMicros: 0 });
      expect(parts.get('missed')).toMatchObject({ simulatedMicros: 0 });
      // what was paid for spread is in proportion to what was filled
      const spread = parts.get('spread')!;
      const { quantity } = order.actual!;
      expect(spread.actualMicros * quantity).toBe(spread.simulatedMicros * SHARES);
    }

    const refused = settled(shadow).filter(({ actual }) => actual?.status === 'rejected');
    expect(refused.length).toBe(1);
    expect(refused[0]).toMatchObject({ actual: { filled: 0 } });
    expect(refused[0]!.cycle).toBeGreaterThanOrEqual(faults.refused);
    expect([...refused[0]!.parts.keys()]).toContain('refused refused');

    const { first, decidedDifferently } = shadow.decisions;
    expect(decidedDifferently).toBeGreaterThan(0);
    expect(first).toMatchObject({
      stage: 'sizing',
      cause: { kind: 'position', order: { cycle: faults.partial } },
    });
    expect(first!.cycle).toBe(faults.partial + 1);
    const { total } = shadow;
    expect(shortfallOf(total.parts)).toBe(total.simulatedMicros - total.actualMicros);
    const simulatedCosts = listParts(total.parts).reduce((sum, line) => sum + line.simulatedMicros, 0);
    expect(paperMicrosOf(total)).toBe(total.simulatedMicros + simulatedCosts);

    const text = shadowText(shadow, { runDir: 'runs/a day', timeOf: String, painter: createPainter(PLAIN) });
    expect(text).toMatch(/^quickstart, live: data from alpaca, orders to alpaca\nPARTIAL run, to /);
    expect(text).toMatch(/\n {2}session 2024-01-10 was open, and is marked at its newest mids\n/);
    expect(text).toMatch(
      /\n {2}the positions differ: \w+ held -?\d+ simulated, -?\d+ actual: the order of cycle \d+/,
    );
    expect(text).toContain(`$ sametape explain 'runs/a day' --cycle ${faults.partial} --symbol `);
    expect(text).toContain('refused: by the broker');
    const [worst] = shadow.orders;
    expect(text).toContain(`--cycle ${worst!.cycle} --symbol ${worst!.symbol}`);
  });
});
