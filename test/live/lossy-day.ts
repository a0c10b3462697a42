import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAlpacaBroker } from '../../src/brokers/alpaca/broker.ts';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { openDataset } from '../../src/data/dataset.ts';
import type { AlpacaBrokerSettings, AlpacaDataSettings } from '../../src/domain/alpaca-settings.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { runLive } from '../../src/modes/live.ts';
import type { LiveControls, LiveResult } from '../../src/modes/live-options.ts';
import { type AlpacaSource, createAlpacaSource } from '../../src/sources/alpaca/source.ts';
import { FAST_BROKER, FAST_DATA } from '../twins/alpaca/fast-settings.ts';
import { feedRow } from '../twins/alpaca/feed.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { type ManualClock, manualClock, until } from '../twins/clocks.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SECOND_US = 1_000_000;
const MINUTE_US = 60 * SECOND_US;
/** The clock stands while requests are under way: none of them takes any of its time. */
const PATIENT_US = 10 * MINUTE_US;

const BROKER: AlpacaBrokerSettings = {
  ...FAST_BROKER,
  answerUs: PATIENT_US,
  reconcileUs: 15 * SECOND_US,
  readyUs: PATIENT_US,
  stream: { ...FAST_BROKER.stream, answerUs: PATIENT_US, pingUs: PATIENT_US },
};

const DATA: AlpacaDataSettings = {
  ...FAST_DATA,
  answerUs: PATIENT_US,
  stream: { ...FAST_DATA.stream, answerUs: PATIENT_US, pingUs: PATIENT_US },
};

export interface LossyDayOptions {
  readonly outDir: string;
  readonly date: string;
  readonly minutes: number;
  /** What happens at the twin, once the bar that ends then has been played. */
  readonly onMinute?: (twin: AlpacaTwin, minute: number) => void;
}

export interface LossyDay {
  readonly twin: AlpacaTwin;
  readonly result: LiveResult;
  readonly troubles: readonly string[];
}

/**
 * The first minutes of a day of the quickstart, live against a twin that something happens to. The clock moves on when
 * nothing is under way any more.
 */
export async function lossyDay(options: LossyDayOptions): Promise<LossyDay> {
  const dataset = await openDataset(join(root, 'datasets/quickstart'));
  const session = dataset.sessions.find(({ date }) => date === options.date);
  if (session === undefined) throw new Error(`no session ${options.date}`);
  const table = await dataset.loadSession(options.date);
  const clock = manualClock(session.openUs - MINUTE_US);
  const twin = await startAlpacaTwin({ nowUs: clock.nowUs });
  const given = { credentials: () => twin.keys, clock, random: () => 0.5 };
  const broker = createAlpacaBroker({
    ...given,
    settings: { ...BROKER, tradingUrl: twin.tradingUrl, streamUrl: twin.streamUrl },
  });
  let source: AlpacaSource | undefined;
  let controls: LiveControls | undefined;
  const troubles: string[] = [];
  const stop = new AbortController();
  const running = runLive({
    scenario: loadScenario({
      file: join(root, 'scenarios/quickstart.yaml'),
      overrides: ['data.source=alpaca', 'broker.source=alpaca', 'data.warmupSessions=0'].map((text) =>
        parseSetOption(text, root),
      ),
    }),
    outDir: options.outDir,
    kind: 'live',
    clock,
    sessionCount: 1,
    nonce: 'lossy-day',
    signal: stop.signal,
    openSource: async ({ symbols }) => {
      const urls = { dataUrl: twin.tradingUrl, streamUrl: twin.dataStreamUrl };
      source = createAlpacaSource({
        ...given,
        symbols,
        settings: { ...DATA, ...urls },
      });
      return source;
    },
    openBroker: async () => broker,
    openControls: async (opened) => {
      controls = opened;
      return { close: async () => undefined };
    },
    onTrouble: (error) => troubles.push(String(error)),
  });
  running.catch(() => undefined);
  try {
    await Promise.race([running, until('the run', () => controls !== undefined, 30_000)]);
    const look = (): number =>
      twin.seen.length +
      twin.book.executions.length +
      (source?.counters.heard ?? 0) +
      (controls?.engine.orders.nextOrdinal ?? 0) +
      (controls?.engine.nowUs ?? 0);
    await play({ ...options, twin, clock, table, openUs: session.openUs, look });
    stop.abort();
    return { twin, result: await running, troubles };
  } finally {
    await twin.close();
  }
}

interface Play extends Pick<LossyDayOptions, 'minutes' | 'onMinute'> {
  readonly twin: AlpacaTwin;
  readonly clock: ManualClock;
  readonly table: MarketTable;
  readonly openUs: number;
  readonly look: () => number;
}

/** Plays each minute's rows ten seconds before its end. */
async function play({ twin, clock, table, openUs, minutes, onMinute, look }: Play): Promise<void> {
  clock.advance(MINUTE_US);
  await idle(look);
  let row = 0;
  for (let minute = 1; minute <= minutes; minute++) {
    const endUs = openUs + minute * MINUTE_US;
    clock.advance(endUs - 10 * SECOND_US - clock.nowUs());
    await idle(look);
    for (; row < table.rowCount && table.endUs[row] === endUs; row++) feedRow(twin, table, row);
    onMinute?.(twin, minute);
    await idle(look);
    clock.advance(endUs + 600_000 - clock.nowUs());
    await idle(look);
  }
}

/** Until nothing has changed for a while. */
async function idle(look: () => number, quietMs = 5): Promise<void> {
  let seen = look();
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < quietMs) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = look();
    if (now !== seen) sinceMs = performance.now();
    seen = now;
  }
}
