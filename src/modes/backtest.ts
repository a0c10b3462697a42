import { existsSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { join } from 'node:path';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { showScenario } from '../config/show-scenario.ts';
import { microsToDollars } from '../domain/money.ts';
import { viewEngine } from '../engine/state-view.ts';
import type { Json } from '../events/record.ts';
import { type BanditState, viewLearning } from '../learning/bandit-state.ts';
import type { CacheFolder } from '../models/cache-folder.ts';
import type { CacheUse } from '../models/cached-inference.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { Progress } from '../ports/progress.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { collectDerived, collectInput, createRunCollector, type RunCollector } from '../report/collect.ts';
import { type RunStatistics, statisticsOf } from '../report/statistics.ts';
import type { ClosedTrade } from '../report/trip-totals.ts';
import type { RunLoop } from '../runtime/run-loop.ts';
import { cyclesIn } from '../sources/session-timeline.ts';
import { createFileTape } from '../tape/file-tape.ts';
import { createRunFolder, type RunFolder, runFolderAt, writeJsonAtomic } from '../tape/run-folder.ts';
import { adopt, afterFailedRun } from './keep-run.ts';
import { type PreparedRun, prepareRun } from './prepare.ts';
import { type RunMode, runIdOf } from './run-identity.ts';
import { runSessions, type SessionRun, type SessionRunResult } from './run-sessions.ts';
import { keepWarmStart, writeWarmSnapshot } from './warm-start.ts';

export interface BacktestOptions {
  readonly scenario: LoadedScenario;
  /** Folder that the run folder is made in. */
  readonly outDir: string;
  readonly progress: Progress;
  /** Takes up what a crash left of this very run, where it left something; absent: such a run is made again. */
  readonly resume?: (tapeDir: string, inference: InferencePort | undefined) => ResumedRun | undefined;
  /** Where predictions are kept from run to run; absent: nowhere. */
  readonly cache?: CacheFolder;
  /** Makes it a paper run over the dataset: same pipeline and exchange, at its own pace, on a durable tape. */
  readonly paper?: PaperPlay;
}

/** What a paper run over a dataset adds to a backtest. */
export interface PaperPlay {
  readonly mode: RunMode;
  readonly pace: NonNullable<SessionRun['pace']>;
}

export interface RunResult {
  readonly runId: string;
  readonly runDir: string;
  readonly chainHead: string;
  readonly decisionHead: string;
  readonly cycles: number;
  readonly decisions: Readonly<Record<string, number>>;
  readonly orders: number;
  readonly fills: number;
  /** Dollars. */
  readonly finalEquity: number;
  /** Fraction of the peak. */
  readonly maxDrawdown: number;
  readonly wallSeconds: number;
  readonly cyclesPerSecond: number;
  readonly statistics: RunStatistics;
  readonly warnings: readonly string[];
  /** Sessions whose predictions came from the cache, and the others; absent without a cache. */
  readonly cacheUse?: Readonly<CacheUse>;
}

/** The tape of a crashed run, ready to be completed, and the models behind the answers it already holds. */
export interface ResumedRun {
  readonly tape: TapeWriter;
  readonly inference: InferencePort | undefined;
}

/**
 * Runs a scenario over its dataset and leaves a run folder, `<outDir>/<name>-<first 12 of the run id>`. A run that was
 * made before is made again and must come out the same: it is replaced only by an equal one, or where it did not complete.
 * @throws InputError for anything wrong with what the scenario names; CheckFailedError RUN_NOT_REPRODUCED when the
 *   same identity gave another tape than last time
 */
export async function runBacktest(options: BacktestOptions): Promise<RunResult> {
  const { scenario, outDir, progress, cache, paper } = options;
  const prepared = await prepareRun(scenario, {
    ...(cache === undefined ? {} : { cache }),
    ...(paper === undefined ? {} : { mode: paper.mode }),
  });
  const { identity, cacheUse } = prepared;
  const runId = runIdOf(identity);
  const runDir = join(outDir, `${scenario.name}-${runId.slice(0, 12)}`);
  const partialDir = `${runDir}.partial`;
  const { folder, tape, inference, isResumed } = openTape(partialDir, prepared, options);
  writeOrigins(folder, { scenario, prepared, runDir });
  const collector = createRunCollector({
    symbols: identity.layout.symbols,
    initialCashMicros: identity.settings.initialCashMicros,
  });
  const faults = new Map<string, number>();
  const startedMs = performance.now();
  let result: SessionRunResult;
  try {
    result = await runSessions({
      identity,
      sessions: prepared.sessions,
      actions: prepared.dataset.actions,
      loadSession: (date) => prepared.dataset.loadSession(date),
      inference,
      tape,
      discoveries: prepared.discoveries,
      warmSnapshot: prepared.warmSnapshot,
      ...(paper === undefined ? {} : { pace: paper.pace }),
      attach: (loop) => {
        attachCollector(loop, collector);
        countFaults(loop, faults);
        attachProgress(loop, prepared, progress);
      },
    });
  } catch (error) {
    tape.close();
    throw afterFailedRun(error, { partialDir, runDir, chainHead: tape.head, isResumed });
  } finally {
    progress.stop();
    await inference?.close();
  }
  tape.close();
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const statistics = statisticsOf(collector);
  const summary = {
    runId,
    chainHead: tape.head,
    decisionHead: tape.decisionHead,
    cycles: collector.cycles,
    decisions: countKinds(collector),
    orders: collector.orders.intended,
    fills: collector.orders.fills,
    finalEquity: microsToDollars(
      collector.sessions.at(-1)?.equityMicros ?? identity.settings.initialCashMicros,
    ),
    maxDrawdown: statistics.maxDrawdown.frac,
  };
  writeViews(folder, {
    scenario,
    prepared,
    summary: { ...summary, statistics: plainJson(statistics) },
    result,
    trades: collector.trades,
    runDir,
  });
  if (prepared.warmSnapshot !== undefined) keepWarmStart(partialDir, prepared.warmSnapshot);
  writeWarmSnapshot(partialDir, identity, result.engine);
  adopt({ partialDir, runDir, chainHead: tape.head });
  return {
    ...summary,
    runDir,
    wallSeconds,
    cyclesPerSecond: collector.cycles / wallSeconds,
    statistics,
    warnings: warningsOf(prepared, faults),
    ...(cacheUse === undefined ? {} : { cacheUse }),
  };
}

function warningsOf(
  { warnings, cacheUse, identity }: PreparedRun,
  faults: ReadonlyMap<string, number>,
): readonly string[] {
  const isLimited = identity.layout.columns.length === 0;
  return [
    ...warnings.map(({ message }) => message),
    ...(cacheUse?.notes ?? []),
    ...[...faults].map(([fault, cycles]) => `${fault} in ${cycles} cycles, and weighed nothing there`),
    ...(isLimited
      ? ['limited mode: the scenario names no run root (models.runRoot), so no predictions were made']
      : []),
  ];
}

/** A new tape, or what a crash left of this run and may be gone on with. */
function openTape(
  partialDir: string,
  { inference, identity }: PreparedRun,
  { resume }: BacktestOptions,
): ResumedRun & { readonly folder: RunFolder; readonly isResumed: boolean } {
  const left = runFolderAt(partialDir);
  const resumed = existsSync(left.tapeDir) ? resume?.(left.tapeDir, inference) : undefined;
  if (resumed !== undefined) return { ...resumed, folder: left, isResumed: true };
  const folder = createRunFolder(partialDir, { existing: 'replace' });
  const tape = createFileTape({ dir: folder.tapeDir, durable: identity.mode !== undefined });
  return { tape, inference, folder, isResumed: false };
}

function attachCollector(loop: RunLoop, collector: RunCollector): void {
  loop.inputs$.subscribe(({ event }) => collectInput(collector, event));
  loop.derived$.subscribe(({ event, tUs }) => collectDerived(collector, event, tUs));
}

/** @param faults receives the cycles with a fault, by model and reason */
function countFaults(loop: RunLoop, faults: Map<string, number>): void {
  loop.derived$.subscribe(({ event }) => {
    if (event.type !== 'ModelFaulted') return;
    const fault = `model ${event.model} failed (${event.reason})`;
    faults.set(fault, (faults.get(fault) ?? 0) + 1);
  });
}

function attachProgress(loop: RunLoop, { sessions, identity }: PreparedRun, progress: Progress): void {
  const total = sessions.reduce((sum, session) => sum + cyclesIn(session, identity.settings.cycleMinutes), 0);
  let session = '';
  loop.inputs$.subscribe(({ event }) => {
    if (event.type === 'SessionOpened') session = event.session.date;
  });
  loop.derived$.subscribe(({ event }) => {
    if (event.type === 'CycleCompleted') progress.update(event.cycle, total, session);
  });
}

function countKinds({ decisions }: RunCollector): Record<string, number> {
  const counts: Record<string, number> = { TRADE: 0, HOLD: 0, BLOCKED: 0, EXIT: 0 };
  for (const [kind, reasons] of Object.entries(decisions)) {
    counts[kind] = Object.values(reasons).reduce((sum, n) => sum + n, 0);
  }
  return counts;
}

/** What people and scripts read beside the tape; the tape stays the truth. */
function writeViews(
  folder: RunFolder,
  views: {
    readonly scenario: LoadedScenario;
    readonly prepared: PreparedRun;
    readonly summary: { readonly [key: string]: Json };
    readonly result: SessionRunResult;
    readonly trades: readonly ClosedTrade[];
    readonly runDir: string;
  },
): void {
  const { summary, result } = views;
  writeJsonAtomic(folder.summaryFile, summary);
  writeJsonAtomic(join(folder.stateDir, 'engine_state.json'), viewEngine(result.engine));
  writeJsonAtomic(join(folder.stateDir, 'trades.json'), plainJson(views.trades));
  const { learning } = result.engine.pipeline;
  if (learning !== null) {
    writeJsonAtomic(join(folder.stateDir, 'bandit_state.json'), plainJson(viewLearning(learning)));
  }
  writeOrigins(folder, views);
}

/** What a run is made from and where: written before it starts, so that a crashed one can be replayed and recovered. */
function writeOrigins(
  folder: RunFolder,
  {
    scenario,
    prepared,
    runDir,
  }: { readonly scenario: LoadedScenario; readonly prepared: PreparedRun; readonly runDir: string },
): void {
  writeFileSync(folder.scenarioFile, showScenario(scenario, runDir));
  const { datasetDir, runRootDir } = scenario.resolvedPaths;
  writeJsonAtomic(folder.hostFile, {
    arch: arch(),
    cpu: cpus()[0]?.model ?? 'unknown',
    datasetDir,
    datasetSha256: prepared.dataset.sha256,
    node: process.version,
    ...(prepared.cacheUse === undefined ? {} : { predictionCache: { ...prepared.cacheUse } }),
    platform: platform(),
    ...(runRootDir === undefined ? {} : { runRootDir }),
    timeZone: process.env.TZ ?? null,
    writtenAt: new Date().toISOString(),
  });
}

/** Numbers, strings, null and plain objects and lists of them are JSON as they stand. */
function plainJson(value: RunStatistics | BanditState | readonly ClosedTrade[]): Json {
  return value as unknown as Json;
}
