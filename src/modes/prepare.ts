import { closest, distance } from 'fastest-levenshtein';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { horizonKeys, isOfProfile, resolveSettings, type ScenarioSettings } from '../config/resolve.ts';
import { openDataset } from '../data/dataset.ts';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import type { Horizon } from '../domain/horizon.ts';
import type { Session } from '../domain/market-table.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { CacheFolder } from '../models/cache-folder.ts';
import type { CacheUse } from '../models/cached-inference.ts';
import { type ArtifactWarning, loadRunRoot, type RunRoot } from '../models/run-root.ts';
import { buildLayout, discoverHorizons } from '../models/signal-layout.ts';
import { FEATURE_NAMES } from '../pipeline/0-features/feature-names.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import { cyclesIn } from '../sources/session-timeline.ts';
import { codeSha256 } from './code-identity.ts';
import { readLearningStart } from './learning-start-file.ts';
import { inTime, openInference } from './open-inference.ts';
import { type RunIdentity, type RunMode, runIdentity } from './run-identity.ts';
import type { Discovery } from './run-sessions.ts';
import { readWarmStart, type WarmSnapshot } from './warm-start.ts';

export interface PrepareOptions {
  /** Where predictions are kept from run to run; absent: nowhere. */
  readonly cache?: CacheFolder;
  /** Absent: a backtest. */
  readonly mode?: RunMode;
  /** Sessions that have yet to come, in place of the dataset's: models answer as they come, from no cache or recording. */
  readonly comingSessions?: readonly Session[];
}

/** A scenario with everything it names opened and checked. */
export interface PreparedRun {
  readonly identity: RunIdentity;
  readonly dataset: MarketDataset;
  readonly sessions: readonly Session[];
  /** Absent in limited mode: the scenario names no run root, so the run makes no predictions. */
  readonly inference: InferencePort | undefined;
  /** The state the run starts from; absent where it starts afresh. */
  readonly warmSnapshot: WarmSnapshot | undefined;
  /** What the cache does for the run; absent without one. */
  readonly cacheUse: CacheUse | undefined;
  readonly warnings: readonly ArtifactWarning[];
  /** What was found when the run root was opened, for the tape. */
  readonly discoveries: readonly Discovery[];
}

/** A scenario with everything it names found and checked, but for what answers for its models. */
interface IdentifiedRun extends Pick<PreparedRun, 'identity' | 'dataset' | 'sessions' | 'warmSnapshot'> {
  readonly runRoot: RunRoot | undefined;
}

/**
 * Works out what decides a run, without loading its models: for telling runs apart.
 * @throws InputError for a dataset, session range, universe or run root that does not fit
 */
export async function identifyRun(
  scenario: LoadedScenario,
  { mode, comingSessions }: Omit<PrepareOptions, 'cache'> = {},
): Promise<IdentifiedRun> {
  const { resolvedPaths } = scenario;
  const { families, excludeFamilies, views } = scenario.scenario.models;
  const selection = { families, excludeFamilies };
  const dataset = await openDataset(resolvedPaths.datasetDir);
  const sessions = comingSessions ?? chooseSessions(scenario, dataset);
  const symbols = chooseSymbols(scenario, dataset);
  checkSectors(scenario, symbols);
  checkRules(scenario, dataset);
  const runRoot =
    resolvedPaths.runRootDir === undefined
      ? undefined
      : await loadRunRoot(resolvedPaths.runRootDir, {
          strict: scenario.settings.engine.strict,
          knownFeatures: FEATURE_NAMES,
          views,
        });
  const settings =
    isDiscovering(scenario) && runRoot !== undefined
      ? discoveredSettings(scenario, runRoot, discoverHorizons(runRoot, selection))
      : scenario.settings;
  const { horizons } = settings;
  const layout =
    runRoot === undefined
      ? { symbols, columns: [] }
      : buildLayout(runRoot, { symbols, horizons, barSeconds: dataset.barSeconds, ...selection });
  const facts = {
    scenario: scenario.name,
    codeSha256: codeSha256(),
    datasetSha256: dataset.sha256,
    barSeconds: dataset.barSeconds,
    sessions: sessions.map(({ date }) => date),
    horizons,
    layout,
    settings: settings.engine,
    ...readLearningStart(scenario, layout),
    ...(settings.script === undefined ? {} : { script: settings.script }),
    ...(mode === undefined ? {} : { mode }),
  };
  const warm =
    resolvedPaths.warmStartDir === undefined
      ? undefined
      : readWarmStart(resolvedPaths.warmStartDir, { identity: facts, first: sessions[0]! });
  const identity = runIdentity(warm === undefined ? facts : { ...facts, warmStart: warm.warmStart });
  expectIncidentsInside(identity, sessions);
  return { identity, dataset, sessions, warmSnapshot: warm?.snapshot, runRoot };
}

function isDiscovering({ scenario }: LoadedScenario): boolean {
  return scenario.horizons === 'discover';
}

/**
 * Opens what a scenario names.
 * @throws InputError for a dataset, session range, universe, run root or recording that does not fit
 */
export async function prepareRun(
  scenario: LoadedScenario,
  { cache, mode, comingSessions }: PrepareOptions = {},
): Promise<PreparedRun> {
  const { runRoot, ...identified } = await identifyRun(scenario, {
    ...(mode === undefined ? {} : { mode }),
    ...(comingSessions === undefined ? {} : { comingSessions }),
  });
  const { identity, sessions } = identified;
  const opened = await openInference({
    runRoot,
    identity,
    recording: comingSessions === undefined ? scenario.resolvedPaths.predictionsFile : undefined,
    cache: comingSessions === undefined ? cache : undefined,
    sessions,
  });
  // live, a deadline is kept by the clock, not by made-up latencies
  const isTimed = comingSessions !== undefined;
  return {
    ...identified,
    cacheUse: opened.cacheUse,
    inference: opened.inference && (isTimed ? opened.inference : inTime(opened.inference, identity.settings)),
    warnings: runRoot?.warnings ?? [],
    discoveries: [
      ...(isDiscovering(scenario) ? [horizonsDiscovered(identity.horizons, identity.layout)] : []),
      ...(runRoot?.warnings ?? []).map(artifactWarned),
    ],
  };
}

/**
 * The scenario's settings for the horizons of a run root.
 * @throws InputError MODELS_HORIZON_MISSING when it has no return model; HORIZON_UNKNOWN for a value given to another horizon
 */
function discoveredSettings(
  { scenario, originOf }: LoadedScenario,
  runRoot: RunRoot,
  horizons: readonly Horizon[],
): ScenarioSettings {
  if (horizons.length === 0) {
    throw new InputError(
      'MODELS_HORIZON_MISSING',
      `horizons: discover found no return model in run root ${runRoot.dir}; expected targets such as ret_5m`,
    );
  }
  const labels = horizons.map(({ label }) => label);
  const stray = horizonKeys(scenario).find(({ path, label }) => {
    const origin = originOf([...path, label]);
    return !labels.includes(label) && !(origin !== undefined && isOfProfile(origin));
  });
  if (stray !== undefined) {
    throw new InputError(
      'HORIZON_UNKNOWN',
      `${stray.path.join('.')}: ${stray.label} is not one of the horizons found in run root ${runRoot.dir} (${labels.join(', ')})`,
    );
  }
  return resolveSettings(scenario, horizons);
}

/** An incident that never comes would pass for a rehearsal that went well. */
function expectIncidentsInside({ script }: RunIdentity, sessions: readonly Session[]): void {
  for (const [at, { session: date, minute }] of (script?.incidents ?? []).entries()) {
    const session = sessions.find((one) => one.date === date);
    const last = session === undefined ? undefined : (session.closeUs - session.openUs) / US_PER_MINUTE;
    if (last !== undefined && minute <= last) continue;
    const problem =
      last === undefined
        ? `session ${date} is not one of the run (${sessions[0]?.date} to ${sessions.at(-1)?.date})`
        : `session ${date} ends at minute ${last}, found ${minute}`;
    throw new InputError('INCIDENT_OUTSIDE', `incidents[${at}]: ${problem}`);
  }
}

function horizonsDiscovered(horizons: readonly Horizon[], { columns }: SignalLayout): Discovery {
  return {
    type: 'HorizonsDiscovered',
    horizons: horizons.map(({ label }) => label),
    targets: [...new Set(columns.map(({ target }) => target))].sort(compareCodeUnits),
  };
}

function artifactWarned({ code, path, detail }: ArtifactWarning): Discovery {
  return { type: 'ArtifactWarned', code, file: path, detail };
}

function chooseSessions({ settings, scenario }: LoadedScenario, dataset: MarketDataset): readonly Session[] {
  const { from, to } = settings;
  const { cycleMinutes } = settings.engine;
  const chosen = dataset.sessions.filter(
    ({ date }) => (from === undefined || date >= from) && (to === undefined || date <= to),
  );
  if (chosen.some((session) => cyclesIn(session, cycleMinutes) > 0)) return chosen;
  if (chosen.length > 0) {
    throw new InputError(
      'CYCLES_NONE',
      `cycle.minutes: ${cycleMinutes} is no shorter than any session of the run, so that no decision falls due before its close; make it shorter`,
    );
  }
  const range = `${dataset.sessions[0]?.date ?? 'none'} to ${dataset.sessions.at(-1)?.date ?? 'none'}`;
  throw new InputError(
    'SESSIONS_EMPTY',
    `data.from/to: no session of ${scenario.data.dataset} lies in ${from ?? 'the start'} to ${to ?? 'the end'}; it holds ${range}`,
  );
}

/** @throws InputError when sectors are set and a symbol of the universe is in none: its exposure would be limited by none */
function checkSectors({ settings, scenario }: LoadedScenario, symbols: readonly string[]): void {
  const { sectors } = settings.engine.risk;
  const missing = symbols.find((symbol) => !sectors.some((sector) => sector.symbols.includes(symbol)));
  if (sectors.length === 0 || missing === undefined) return;
  throw new InputError(
    'SECTOR_MISSING',
    `risk.sectors: ${missing} of ${scenario.data.dataset} is in no sector; list every symbol that is traded`,
  );
}

/**
 * A mistyped symbol in a rule would leave the one that was meant without it. Lists for more than one universe come from a
 * file that the scenario extends, and may name more symbols than the dataset has.
 * @throws InputError SYMBOL_UNKNOWN
 */
function checkRules({ scenario, originOf, root }: LoadedScenario, dataset: MarketDataset): void {
  const { restrictedSymbols } = scenario.risk;
  const { unavailable, annualBpsBySymbol } = scenario.broker.borrow;
  const rules = [
    { path: ['risk', 'restrictedSymbols'], symbols: restrictedSymbols },
    { path: ['broker', 'borrow', 'unavailable'], symbols: unavailable },
    { path: ['broker', 'borrow', 'annualBpsBySymbol'], symbols: Object.keys(annualBpsBySymbol) },
  ];
  for (const { path, symbols } of rules) {
    const origin = originOf(path);
    const isInherited = origin?.line !== undefined && origin.source !== root.origin.source;
    if (isInherited) continue;
    expectKnown(symbols, { key: path.join('.'), file: scenario.data.dataset, dataset });
  }
}

function chooseSymbols({ settings, scenario }: LoadedScenario, dataset: MarketDataset): readonly string[] {
  const chosen = settings.symbols ?? dataset.symbols;
  expectKnown(chosen, { key: 'data.symbols', file: scenario.data.dataset, dataset });
  return chosen;
}

function expectKnown(
  symbols: readonly string[],
  { key, file, dataset }: { readonly key: string; readonly file: string; readonly dataset: MarketDataset },
): void {
  const unknown = symbols.find((symbol) => !dataset.symbols.includes(symbol));
  if (unknown === undefined) return;
  const nearest = closest(unknown.toUpperCase(), [...dataset.symbols]);
  const hint = distance(unknown.toUpperCase(), nearest) <= 2 ? `; did you mean ${nearest}?` : '';
  throw new InputError(
    'SYMBOL_UNKNOWN',
    `${key}: ${unknown} is not in ${file}, which holds ${dataset.symbols.join(', ')}${hint}`,
  );
}
