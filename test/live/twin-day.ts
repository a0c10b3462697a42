import { join } from 'node:path';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { openDataset } from '../../src/data/dataset.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { DEFAULT_LATENCY } from '../../src/domain/latency.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { runLive } from '../../src/modes/live.ts';
import type { LiveControls, LiveResult } from '../../src/modes/live-options.ts';
import { createLatencyMonitor, type LatencyMonitor } from '../../src/observability/latency.ts';
import { type AlpacaSource, createAlpacaSource } from '../../src/sources/alpaca/source.ts';
import { brokerOf, FAST_DATA } from '../twins/alpaca/fast-settings.ts';
import type { MarketQuote } from '../twins/alpaca/market.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { manualClock } from '../twins/clocks.ts';
import { HURRY, projectRoot, quickstartDay } from './live-day.ts';

const MINUTE_US = 60_000_000;
const STEP_US = 250_000;

export interface TwinDay {
  readonly twin: AlpacaTwin;
  readonly result: LiveResult;
  readonly latency: LatencyMonitor;
  readonly errors: readonly string[];
}

/** What the quickstart was made of: its symbols keep their paths, however many more there are. */
const QUICKSTART = { seed: 2024, from: '2024-01-02', signal: 0.3, haltRate: 0.05 } as const;
const DATE = '2024-01-10';
const SESSIONS_TO_DATE = 7;
/** As many as the goal for tick to order counts. */
const SYMBOLS = 10;

/**
 * A day of the quickstart's market told by the twin over its streams, minute by minute, and traded at the twin: both real
 * clients over real sockets, the quickstart's models, each send behind its fsync. Time moves when everything that was said
 * has been heard and every order answered.
 */
export async function twinDay(spec: {
  readonly outDir: string;
  readonly minutes: number;
  /** The quickstart has the first eight of them. */
  readonly symbols?: number;
  readonly set?: readonly string[];
  /** How far the clock moves at once; default: past bar and cycle together, so that the bar comes behind its cycle. */
  readonly stepUs?: number;
  /** Repeats each quote when the next minute begins, so that bars open with what stands. */
  readonly repeatsQuotes?: boolean;
  /** What happens at the twin once a minute's market was told and before it ends, counted from 1. */
  readonly onMinute?: (twin: AlpacaTwin, minute: number) => void;
}): Promise<TwinDay> {
  const clock = manualClock(quickstartDay.openUs - 1_000_000);
  const twin = await startAlpacaTwin({ nowUs: clock.nowUs });
  const dir = join(spec.outDir, 'market');
  const { symbols = SYMBOLS } = spec;
  await synthDataset({ dir, options: { ...QUICKSTART, sessions: SESSIONS_TO_DATE, symbols } });
  const overrides = [
    `data.dataset=${dir}`,
    'data.source=alpaca',
    'broker.source=alpaca',
    'data.warmupSessions=0',
    ...HURRY,
    ...(spec.set ?? []),
  ];
  const scenario = loadScenario({
    file: `${projectRoot}/scenarios/quickstart.yaml`,
    overrides: overrides.map((text) => parseSetOption(text, projectRoot)),
  });
  const dataset = await openDataset(scenario.resolvedPaths.datasetDir);
  const table = await dataset.loadSession(DATE);
  const stop = new AbortController();
  const errors: string[] = [];
  const latency = createLatencyMonitor({ settings: DEFAULT_LATENCY, onExceeded: () => undefined });
  let source: AlpacaSource | undefined;
  let controls: LiveControls | undefined;
  let isDone = false;
  let toldInAll = 0;
  const standing = new Map<string, Omit<MarketQuote, 'tUs'>>();
  const running = runLive({
    scenario,
    outDir: spec.outDir,
    kind: 'live',
    clock,
    sessionCount: 1,
    signal: stop.signal,
    latency,
    openBroker: async () => brokerOf(twin),
    openSource: async ({ symbols }) => {
      source = createAlpacaSource({
        settings: { ...FAST_DATA, dataUrl: twin.tradingUrl, streamUrl: twin.dataStreamUrl },
        symbols,
        credentials: () => twin.keys,
        clock,
        random: () => 0.5,
      });
      return source;
    },
    openControls: async (opened) => {
      controls = opened;
      return { close: async () => undefined };
    },
    attach: ({ derived$ }) => {
      derived$.subscribe(({ event }) => {
        if (event.type === 'ErrorRaised' || event.type === 'KillSwitchTripped')
          errors.push(JSON.stringify(event));
      });
    },
    onTrouble: (error) => errors.push(String(error)),
  }).finally(() => {
    isDone = true;
  });
  running.catch(() => undefined);
  try {
    await quiet(() => isDone || (controls !== undefined && controls.engine.nowUs > 0));
    for (let minute = 0; minute < spec.minutes && !isDone; minute += 1) {
      const fromUs = quickstartDay.openUs + minute * MINUTE_US;
      if (spec.repeatsQuotes === true) {
        for (const quote of standing.values()) twin.market.quote({ ...quote, tUs: clock.nowUs() });
        toldInAll += standing.size;
        await quiet(() => isDone || (source?.counters.heard ?? 0) >= toldInAll);
      }
      await advanceTo(fromUs + 30_000_000);
      const told = tellMinute(twin, table, { endUs: fromUs + MINUTE_US, nowUs: clock.nowUs(), standing });
      toldInAll += told;
      await quiet(() => isDone || (source?.counters.heard ?? 0) >= toldInAll);
      spec.onMinute?.(twin, minute + 1);
      await advanceTo(fromUs + MINUTE_US + 2_000_000);
    }
    if (spec.minutes >= 390) await advanceTo(quickstartDay.closeUs + 10_000_000);
    else stop.abort();
    return { twin, result: await running, latency, errors };
  } finally {
    stop.abort();
    await running.catch(() => undefined);
    await twin.close();
  }

  async function advanceTo(tUs: number): Promise<void> {
    while (clock.nowUs() < tUs && !isDone) {
      clock.advance(Math.min(spec.stepUs ?? STEP_US * 8, tUs - clock.nowUs()));
      await quiet(() => isDone || isStill());
    }
  }

  function isStill(): boolean {
    const engine = controls?.engine;
    return (
      engine !== undefined &&
      engine.openCycle === 0 &&
      engine.orders.working.every(({ status }) => status !== 'intended')
    );
  }
}

/** Gives sockets and the loop their turns until something holds. */
async function quiet(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  do {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() > deadline) throw new Error('the live day stood still for 20 s');
  } while (!holds());
}

/** The bars that end at a time, as quotes and trades of their minute. @returns how many messages that is */
function tellMinute(
  twin: AlpacaTwin,
  table: MarketTable,
  {
    endUs,
    nowUs: tUs,
    standing,
  }: {
    readonly endUs: number;
    readonly nowUs: number;
    readonly standing: Map<string, Omit<MarketQuote, 'tUs'>>;
  },
): number {
  let told = 0;
  for (let row = 0; row < table.rowCount; row += 1) {
    if (table.endUs[row] !== endUs) continue;
    const symbol = table.symbols[table.symbolIx[row]];
    const quote = {
      bidE4: table.bidCloseE4[row],
      askE4: table.askCloseE4[row],
      bidSize: table.bidSize[row],
      askSize: table.askSize[row],
    };
    if (quote.bidE4 > 0 && quote.askE4 > quote.bidE4) {
      twin.market.quote({ symbol, ...quote, tUs });
      standing.set(symbol, { symbol, ...quote });
      twin.book.setQuote(symbol, { ...quote, bidSize: 1e6, askSize: 1e6 });
      told += 1;
    }
    if (table.volume[row] > 0) {
      twin.market.trade({ symbol, priceE4: table.closeE4[row], size: table.volume[row], tUs });
      told += 1;
    }
  }
  return told;
}
