import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSimulatedBroker } from '../../src/brokers/simulated/broker.ts';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { openDataset } from '../../src/data/dataset.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { runLive } from '../../src/modes/live.ts';
import type { LiveControls, LiveOptions, LiveResult } from '../../src/modes/live-options.ts';
import { createTableSource } from '../../src/sources/table-source.ts';
import { type ManualClock, type SteppingClock, steppingClock } from '../twins/clocks.ts';

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

/** Hurries the quickstart into trading after half an hour. */
export const HURRY: readonly string[] = [
  'prediction.standardizeMinSamples=3',
  'prediction.icMinPairs=3',
  'prediction.icShrinkPairs=1',
  'prediction.volMinReturns=1',
  'arbitration.entryThresholdBps=0',
  'arbitration.k2=0',
  'risk.cooldownSeconds=0',
];

export const quickstartDay = { openUs: 1704897000000000, closeUs: 1704920400000000 } as const;

export interface LiveDay {
  readonly clock: ManualClock;
  readonly options: LiveOptions;
}

/** The quickstart on a live loop: its dataset plays against a clock that the test moves, orders go to the simulated exchange. */
export async function liveDay(
  outDir: string,
  more: Partial<LiveOptions> & { readonly set?: readonly string[]; readonly startUs?: number } = {},
): Promise<LiveDay & { readonly clock: SteppingClock }> {
  const { set = [], startUs = quickstartDay.openUs - 60_000_000, ...rest } = more;
  const scenario = loadScenario({
    file: join(projectRoot, 'scenarios/quickstart.yaml'),
    overrides: ['data.source=simulated', 'data.warmupSessions=0', ...set].map((text) =>
      parseSetOption(text, projectRoot),
    ),
  });
  const clock = steppingClock(startUs);
  const dataset = await openDataset(scenario.resolvedPaths.datasetDir);
  // read before the clock moves: a night is over in no time here
  const tables = new Map<string, MarketTable>();
  const coming = dataset.sessions.filter(({ closeUs }) => closeUs > startUs).slice(0, rest.sessionCount ?? 1);
  for (const { date } of coming) tables.set(date, await dataset.loadSession(date));
  return {
    clock,
    options: {
      scenario,
      outDir,
      kind: 'paper',
      clock,
      sessionCount: 1,
      openSource: async ({ symbols }) =>
        createTableSource({
          ...dataset,
          name: 'table',
          symbols,
          clock,
          loadSession: async (date) => tables.get(date) ?? dataset.loadSession(date),
        }),
      openBroker: async ({ settings, symbols }) =>
        createSimulatedBroker({
          settings: settings.exchange,
          symbols,
          initialCashMicros: settings.initialCashMicros,
        }),
      onTrouble: (error) => {
        throw error;
      },
      ...rest,
    },
  };
}

/**
 * Runs the day, moving the clock on whenever the loop has nothing left to do: every bar and cycle is met, however slow the
 * machine is.
 * @param stepUs `next`: as far as to what falls due next
 */
export async function playDay(
  { clock, options }: LiveDay,
  {
    stepUs = 1_000_000,
    isQuiet = () => true,
  }: { readonly stepUs?: number | 'next'; readonly isQuiet?: () => boolean } = {},
): Promise<LiveResult> {
  let isDone = false;
  let controls: LiveControls | undefined;
  const spanUs = (): number =>
    stepUs === 'next' ? Math.max(0, (clock.nextDueUs() ?? 0) - clock.nowUs()) : stepUs;
  const running = runLive({
    ...options,
    openControls: async (opened) => {
      const line = await options.openControls?.(opened);
      controls = opened;
      return { ...line, close: async () => line?.close() };
    },
  }).finally(() => {
    isDone = true;
  });
  running.catch(() => undefined);
  while (!isDone) {
    if (controls === undefined || controls.engine.nowUs === 0 || controls.engine.openCycle !== 0) {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    let isSettled = false;
    // no race against the run: each would stay with its promise for as long as the run goes on
    void controls.loop.settled().then(() => {
      isSettled = true;
    });
    while (!isSettled && !isDone) await new Promise((resolve) => setImmediate(resolve));
    if (isDone) break;
    if (controls.engine.openCycle === 0 && isQuiet()) clock.advance(spanUs());
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return running;
}

export function scratch(name: string): string {
  return mkdtempSync(join(tmpdir(), `sametape-${name}-`));
}
