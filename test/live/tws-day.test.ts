import { rmSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { createIbkrBroker } from '../../src/brokers/ibkr/broker.ts';
import { openDataset } from '../../src/data/dataset.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import type { LiveControls } from '../../src/modes/live-options.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { settingsFor } from '../brokers/ibkr/desk.ts';
import { TwsTwin } from '../twins/tws/twin.ts';
import { HURRY, liveDay, playDay, quickstartDay, scratch } from './live-day.ts';

const outDir = scratch('tws-day');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const MINUTES = 60;
const MICROS_PER_E4 = 100;
/** How long nothing may happen before time moves on all the same. */
const STILL_MILLISECONDS = 1_000;

it('trades a morning at a TWS that hangs up in the middle of it, and replays it to the same bits', async () => {
  let clockUs: number = quickstartDay.openUs;
  const twin = new TwsTwin({ now: () => wireTime(clockUs) });
  const port = await twin.start();
  const stop = new AbortController();
  const troubles: string[] = [];
  const faults: string[] = [];
  let controls: LiveControls | undefined;
  let told = 0;
  let isDown = false;
  let reading = 0;
  const { clock, options } = await liveDay(outDir, {
    set: ['broker.source=ibkr', ...HURRY],
    kind: 'live',
    signal: stop.signal,
    openBroker: async () => {
      const broker = createIbkrBroker({ settings: settingsFor(port), clock, random: () => 0.5 });
      broker.news$.subscribe(({ type }) => {
        if (type === 'OrderFilled' || type === 'OrderPartiallyFilled') told += 1;
        if (type === 'ConnectionLost') isDown = true;
        if (type === 'ConnectionRestored') isDown = false;
      });
      // an account whose reading time runs away from cannot be read, and its broker counts as lost
      for (const ask of ['getCash', 'getPositions', 'getOpenOrders'] as const) {
        const asked = broker[ask].bind(broker) as () => Promise<never>;
        broker[ask] = () => {
          reading += 1;
          return asked().finally(() => {
            reading -= 1;
          });
        };
      }
      return broker;
    },
    openControls: async (opened) => {
      controls = opened;
      return { close: async () => undefined };
    },
    attach: ({ derived$ }) => {
      derived$.subscribe(({ event }) => {
        if (event.type === 'ErrorRaised' || event.type === 'KillSwitchTripped')
          faults.push(JSON.stringify(event));
      });
    },
    onTrouble: (error) => troubles.push(String(error)),
  });
  const dataset = await openDataset(options.scenario.resolvedPaths.datasetDir);
  const table = await dataset.loadSession('2024-01-10');
  let row = 0;
  let hasHungUp = false;
  let movedMs = performance.now();
  const result = await playDay(
    { clock, options },
    {
      isQuiet: () => {
        clockUs = clock.nowUs();
        row = quoteUntil(twin, table, { row, untilUs: clockUs });
        if (!hasHungUp && clockUs > quickstartDay.openUs + 45 * 60_000_000) {
          hasHungUp = true;
          twin.hangUpAll();
        }
        const isAnswered =
          controls?.engine.orders.working.every(({ status }) => status !== 'intended') === true;
        const isTold = told === twin.books.executions.length;
        const isDone = clockUs > quickstartDay.openUs + MINUTES * 60_000_000;
        if (isDone && isAnswered && isTold) stop.abort();
        // an answer may need time to go on: a lost line is dialled again later
        const isStill =
          isDown ||
          (isAnswered && isTold && reading === 0) ||
          performance.now() - movedMs > STILL_MILLISECONDS;
        if (isStill) movedMs = performance.now();
        return isStill;
      },
    },
  );
  const { books, complaints } = twin;
  expect(faults).toEqual([]);
  expect(complaints).toEqual([]);
  expect(troubles.filter((text) => !text.includes('IBKR gateway'))).toEqual([]);
  expect(result.fills).toBeGreaterThan(30);
  expect(result.fills).toBe(books.executions.length);
  expect(books.orders.length).toBe(result.orders);
  expect(new Set(books.orders.map(({ orderRef }) => orderRef)).size).toBe(books.orders.length);
  const theirs = Object.fromEntries(Object.entries(books.positions()).filter(([, shares]) => shares !== 0));
  const { ledger, layout } = controls!.engine;
  const ours = layout.symbols.map((symbol, i) => [symbol, ledger.shares[i]] as const);
  expect(Object.fromEntries(ours.filter(([, shares]) => shares !== 0))).toEqual(theirs);
  expect(Object.keys(theirs).length).toBeGreaterThan(0);
  expect(ledger.cashMicros).toBe(books.cashMicros());
  const replay = await replayRun({
    runDir: result.runDir,
    datasetDir: undefined,
    progress: silentProgress,
  });
  expect(replay.divergence).toBeUndefined();
  expect(replay.chainHead).toBe(result.chainHead);
  await twin.stop();
}, 240_000);

/** Gives the twin what the market shows by a time. @returns the first row that is later */
function quoteUntil(
  twin: TwsTwin,
  table: MarketTable,
  { row, untilUs }: { readonly row: number; readonly untilUs: number },
): number {
  let next = row;
  while (next < table.rowCount && table.endUs[next]! <= untilUs) {
    const bidE4 = table.bidCloseE4[next]!;
    const askE4 = table.askCloseE4[next]!;
    if (bidE4 > 0 && askE4 > bidE4) {
      twin.quote({
        symbol: table.symbols[table.symbolIx[next]!]!,
        bidMicros: bidE4 * MICROS_PER_E4,
        askMicros: askE4 * MICROS_PER_E4,
        bidSize: 1_000_000,
        askSize: 1_000_000,
      });
    }
    next += 1;
  }
  return next;
}

const wireTime = (tUs: number): string =>
  new Date(tUs / 1000)
    .toISOString()
    .slice(0, 19)
    .replace('T', '-')
    .replace(/^(\d{4})-(\d{2})-(\d{2})/, '$1$2$3');
