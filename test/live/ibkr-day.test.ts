import { rmSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { createIbkrBroker } from '../../src/brokers/ibkr/broker.ts';
import type { Engine } from '../../src/engine/engine-state.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { SPEED, settingsFor } from '../brokers/ibkr/desk.ts';
import { fastClock } from '../twins/clocks.ts';
import { TwsTwin } from '../twins/tws/twin.ts';
import { HURRY, liveDay, playDay, scratch } from './live-day.ts';

const outDir = scratch('ibkr-day');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

/** The cycle that ends the morning: orders begin at the thirtieth. */
const LAST_CYCLE = 60;

it('a morning at TWS: orders and executions over its protocol, the books equal, the tape replays to the same bits', async () => {
  const twin = new TwsTwin({ now: () => '20240110-15:00:00' });
  const port = await twin.start();
  const stop = new AbortController();
  const errors: string[] = [];
  let engine: Engine | undefined;
  let isLast = false;
  const day = await liveDay(outDir, {
    kind: 'live',
    set: ['broker.source=ibkr', ...HURRY],
    signal: stop.signal,
    openBroker: async () =>
      createIbkrBroker({ settings: settingsFor(port), clock: fastClock(SPEED), random: () => 0.5 }),
    openControls: async (controls) => {
      engine = controls.engine;
      return { close: async () => undefined };
    },
    attach: ({ inputs$, derived$ }) => {
      inputs$.subscribe(({ event }) => {
        if (event.type !== 'MarketSlice') return;
        const { table, from, to } = event.slice;
        for (let row = from; row < to; row += 1) {
          const [bidMicros, askMicros] = [table.bidCloseE4[row] * 100, table.askCloseE4[row] * 100];
          if (bidMicros === 0 || askMicros === 0) continue;
          const symbol = table.symbols[table.symbolIx[row]];
          twin.quote({ symbol, bidMicros, askMicros, bidSize: 1e6, askSize: 1e6 });
        }
      });
      derived$.subscribe(({ event }) => {
        if (event.type === 'ErrorRaised' || event.type === 'KillSwitchTripped')
          errors.push(JSON.stringify(event));
        if (event.type === 'CycleCompleted' && event.cycle === LAST_CYCLE) isLast = true;
      });
    },
  });
  try {
    const result = await playDay(day, {
      isQuiet: () => {
        // commissions come after their executions
        const isQuiet =
          engine?.orders.working.length === 0 && engine.ledger.cashMicros === twin.books.cashMicros();
        if (isQuiet && isLast) stop.abort();
        return isQuiet;
      },
    });
    expect(errors).toEqual([]);
    expect(twin.complaints).toEqual([]);
    expect(result.fills).toBeGreaterThan(30);
    const refs = twin.books.orders.map(({ orderRef }) => orderRef);
    expect(new Set(refs).size).toBe(refs.length);
    expect(refs.length).toBe(result.orders);
    const { ledger, layout } = engine!;
    const held = layout.symbols
      .map((symbol, i) => [symbol, ledger.shares[i]] as const)
      .filter(([, n]) => n !== 0);
    const theirs = Object.entries(twin.books.positions()).filter(([, shares]) => shares !== 0);
    expect(Object.fromEntries(held)).toEqual(Object.fromEntries(theirs));
    expect(ledger.cashMicros).toBe(twin.books.cashMicros());
    const replay = await replayRun({
      runDir: result.runDir,
      datasetDir: undefined,
      progress: silentProgress,
    });
    expect(replay.chainHead).toBe(result.chainHead);
    expect(replay.divergence?.expected ?? 'nothing').toBe('nothing');
  } finally {
    await twin.stop();
  }
}, 120_000);
