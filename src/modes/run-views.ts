import { writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { join } from 'node:path';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { showScenario } from '../config/show-scenario.ts';
import { microsToDollars } from '../domain/money.ts';
import type { Engine } from '../engine/engine-state.ts';
import { viewEngine } from '../engine/state-view.ts';
import type { Json } from '../events/record.ts';
import { type BanditState, viewLearning } from '../learning/bandit-state.ts';
import type { CacheUse } from '../models/cached-inference.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { collectDerived, collectInput, createRunCollector, type RunCollector } from '../report/collect.ts';
import { type RunStatistics, statisticsOf } from '../report/statistics.ts';
import type { ClosedTrade } from '../report/trip-totals.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import { type RunFolder, writeJsonAtomic } from '../tape/run-folder.ts';
import type { PreparedRun } from './prepare.ts';
import { type RunIdentity, runIdOf } from './run-identity.ts';
import { noteAnswers, type SilentModels, silentAtFirst, silentWarnings } from './silent-models.ts';

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

/** What a run gathers on its way for its summary. */
export interface RunAccount {
  readonly collector: RunCollector;
  /** Cycles with a fault, by model and reason. */
  readonly faults: Map<string, number>;
  readonly silent: SilentModels;
  readonly startedMs: number;
}

export function openAccount({ layout, settings }: RunIdentity): RunAccount {
  const { initialCashMicros } = settings;
  return {
    collector: createRunCollector({ symbols: layout.symbols, initialCashMicros }),
    faults: new Map(),
    silent: silentAtFirst(layout),
    startedMs: performance.now(),
  };
}

/** @param fromUs what was recorded before is not counted: history that a live run took in */
export function attachAccount(
  { collector, faults, silent }: RunAccount,
  streams: RunStreams,
  fromUs = 0,
): void {
  streams.inputs$.subscribe(({ event, tUs }) => {
    if (tUs >= fromUs) collectInput(collector, event);
    if (event.type === 'PredictionsMade') noteAnswers(silent, event.predictions);
  });
  streams.derived$.subscribe(({ event, tUs }) => {
    if (tUs < fromUs) return;
    collectDerived(collector, event, tUs);
    if (event.type === 'ModelFaulted') countFault(faults, event);
  });
}

function countFault(
  faults: Map<string, number>,
  { model, reason }: { readonly model: string; readonly reason: string },
): void {
  const fault = `model ${model} failed (${reason})`;
  faults.set(fault, (faults.get(fault) ?? 0) + 1);
}

/** What the views say of where a run came from. */
type Origins = Pick<PreparedRun, 'identity' | 'cacheUse' | 'warnings'> & {
  readonly dataset: Pick<PreparedRun['dataset'], 'sha256'>;
};

/** Writes the views of a run that ended. @returns what it has to say for itself */
export function closeAccount(
  account: RunAccount,
  run: {
    readonly scenario: LoadedScenario;
    readonly prepared: Origins;
    readonly engine: Engine;
    readonly tape: TapeWriter;
    readonly folder: RunFolder;
    /** Where the folder will lie. */
    readonly runDir: string;
  },
): RunResult {
  const { collector, startedMs } = account;
  const { prepared, tape, runDir } = run;
  const { identity, cacheUse } = prepared;
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const statistics = statisticsOf(collector);
  const summary = {
    runId: runIdOf(identity),
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
  writeViews({
    ...run,
    summary: { ...summary, statistics: plainJson(statistics) },
    trades: collector.trades,
  });
  return {
    ...summary,
    runDir,
    wallSeconds,
    cyclesPerSecond: collector.cycles / wallSeconds,
    statistics,
    warnings: warningsOf(account, run),
    ...(cacheUse === undefined ? {} : { cacheUse }),
  };
}

function warningsOf(
  { collector, faults, silent }: RunAccount,
  { prepared, engine }: { readonly prepared: Origins; readonly engine: Engine },
): readonly string[] {
  const { warnings, cacheUse, identity } = prepared;
  const { symbols, columns } = identity.layout;
  const isLimited = columns.length === 0;
  const ranking = columns.filter((column) => column.crossSectionalRanking === true).length;
  const { rankMinSymbols } = identity.settings.prediction;
  return [
    ...warnings.map(({ message }) => message),
    ...(cacheUse?.notes ?? []),
    ...[...faults].map(([fault, cycles]) => `${fault} in ${cycles} cycles, and weighed nothing there`),
    ...(collector.cycles === 0 ? [] : silentWarnings(silent, engine.pipeline.features)),
    ...(ranking > 0 && symbols.length < rankMinSymbols
      ? [
          `${symbols.length} symbols are too few to rank, so ${ranking} ranking models weighed nothing (prediction.rankMinSymbols: ${rankMinSymbols})`,
        ]
      : []),
    ...(isLimited
      ? ['limited mode: the scenario names no run root (models.runRoot), so no predictions were made']
      : []),
  ];
}

function countKinds({ decisions }: RunCollector): Record<string, number> {
  const counts: Record<string, number> = { TRADE: 0, HOLD: 0, BLOCKED: 0, EXIT: 0 };
  for (const [kind, reasons] of Object.entries(decisions)) {
    counts[kind] = Object.values(reasons).reduce((sum, n) => sum + n, 0);
  }
  return counts;
}

/** What people and scripts read beside the tape; the tape stays the truth. */
function writeViews(views: {
  readonly scenario: LoadedScenario;
  readonly prepared: Origins;
  readonly engine: Engine;
  readonly folder: RunFolder;
  readonly summary: { readonly [key: string]: Json };
  readonly trades: readonly ClosedTrade[];
  readonly runDir: string;
}): void {
  const { folder, summary, engine, trades } = views;
  writeJsonAtomic(folder.summaryFile, summary);
  writeJsonAtomic(join(folder.stateDir, 'trades.json'), plainJson(trades));
  writeEngineViews(folder, engine);
  writeOrigins(folder, views);
}

/** The engine's state, as it stands. */
export function writeEngineViews({ stateDir }: RunFolder, engine: Engine): void {
  writeJsonAtomic(join(stateDir, 'engine_state.json'), viewEngine(engine));
  const { learning } = engine.pipeline;
  if (learning !== null) {
    writeJsonAtomic(join(stateDir, 'bandit_state.json'), plainJson(viewLearning(learning)));
  }
}

/** What a run is made from and where: written before it starts, so that a crashed one can be replayed and recovered. */
export function writeOrigins(
  folder: RunFolder,
  {
    scenario,
    prepared,
    runDir,
  }: { readonly scenario: LoadedScenario; readonly prepared: Origins; readonly runDir: string },
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
