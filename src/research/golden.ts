import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import { parseSetOptions } from '../config/overrides.ts';
import { InputError } from '../domain/errors.ts';
import { decodeInput } from '../events/decode.ts';
import type { Predictions } from '../events/inputs.ts';
import { makeFolders } from '../files/make-folders.ts';
import { createPredictionWriter } from '../models/prediction-writer.ts';
import { predictionKeyOf } from '../modes/open-inference.ts';
import { prepareRun } from '../modes/prepare.ts';
import { parseIdentity, type RunIdentity } from '../modes/run-identity.ts';
import type { TapeLine } from '../ports/tape.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import {
  changedTotals,
  cycleLine,
  cyclesOfTape,
  firstDifference,
  type GoldenDifference,
  type GoldenFile,
  type GoldenPaths,
  type GoldenTotal,
  goldenPaths,
  readGolden,
  readGoldenFile,
} from './golden-file.ts';

export interface GoldenOptions {
  readonly scenarioFile: string;
  readonly goldenDir: string;
  /** `key=value` overrides of the scenario, as for `run`: where the dataset lies on this machine, for one. */
  readonly set: readonly string[];
}

export interface GoldenCheck {
  readonly scenario: string;
  readonly ok: boolean;
  readonly decisionHead: { readonly expected: string; readonly found: string };
  readonly difference: GoldenDifference | undefined;
  /** Sums over the run that are not the pinned ones. */
  readonly changedTotals: readonly GoldenTotal[];
  /** Models or data that are not those of the golden file. */
  readonly changedInputs: readonly string[];
  /** How live inference on this machine compares with the recorded predictions. */
  readonly inference: InferenceCheck;
}

export interface InferenceCheck {
  readonly verdict: 'same_bits' | 'close' | 'different' | 'not_run';
  /** Largest difference relative to the largest output of its column. */
  readonly largest: number;
  readonly firstCycle: number | undefined;
}

/** Processors may differ in the last bits of a float32 result; more than this is another model, or another input. */
const CLOSE = 1e-5;

interface RunOutput {
  readonly runDir: string;
  readonly decisionHead: string;
  readonly cycles: number;
  readonly orders: number;
  readonly fills: number;
  readonly finalEquity: number;
}

/**
 * Runs a scenario in two fresh processes with foreign time zone and locale: once on the recorded predictions, whose
 * decision head must be the golden one on any machine, and once with live inference, whose predictions must be the
 * recorded ones (to the bit on the kind of processor that made them).
 * @throws InputError when there is no golden file, or the scenario does not load or run
 */
export async function checkGolden(options: GoldenOptions): Promise<GoldenCheck> {
  const scenario = loadGoldenScenario(options);
  const paths = goldenPaths(options.goldenDir, scenario.name);
  const { golden, cycles } = readGolden(paths);
  const { identity, inference } = await prepareRun(scenario);
  await inference?.close();
  const changedInputs = inputChanges(golden, identity);
  const isRecorded = Object.keys(golden.models).length > 0 && changedInputs.length === 0;
  return inScratch(async (scratch) => {
    const predictions = isRecorded ? ['--predictions', paths.predictionsFile] : [];
    const host = { scratch, zone: 'Pacific/Auckland', locale: 'tr_TR.UTF-8' };
    const run = await freshRun([...runArgs(options), ...predictions], host);
    const difference = firstDifference(cycles, [...cyclesOfTape(tapeOf(run.runDir))]);
    const inferenceCheck = isRecorded
      ? await checkInference(options, { scratch, recordedRun: run.runDir })
      : NOT_RUN;
    const totals = changedTotals(golden, run);
    const isSame =
      difference === undefined && run.decisionHead === golden.decisionHead && totals.length === 0;
    return {
      scenario: scenario.name,
      ok: isSame && inferenceCheck.verdict !== 'different' && changedInputs.length === 0,
      decisionHead: { expected: golden.decisionHead, found: run.decisionHead },
      difference,
      changedTotals: totals,
      changedInputs,
      inference: inferenceCheck,
    };
  });
}

/** The scenario a check or an update is about. */
export function loadGoldenScenario({ scenarioFile, set }: Omit<GoldenOptions, 'goldenDir'>): LoadedScenario {
  return loadScenario({
    file: scenarioFile,
    overrides: parseSetOptions(set, process.cwd()),
  });
}

function runArgs({ scenarioFile, set }: GoldenOptions): string[] {
  return [scenarioFile, ...set.flatMap((text) => ['--set', text])];
}

const NOT_RUN: InferenceCheck = { verdict: 'not_run', largest: 0, firstCycle: undefined };

/**
 * Makes the golden files of a scenario anew, from a live run in a fresh process.
 * @param reason why; kept in the file's history
 */
export async function updateGolden(
  options: GoldenOptions & { readonly reason: string; readonly date: string },
): Promise<GoldenFile> {
  const { name } = loadGoldenScenario(options);
  const paths = goldenPaths(options.goldenDir, name);
  const history = existsSync(paths.file) ? readGoldenFile(paths.file).history : [];
  return inScratch(async (scratch) => {
    const run = await freshRun(runArgs(options), { scratch, zone: 'UTC', locale: 'C' });
    const identity = identityOf(run.runDir);
    const golden: GoldenFile = {
      scenario: name,
      decisionHead: run.decisionHead,
      datasetSha256: identity.datasetSha256,
      models: modelsOf(identity),
      cycles: run.cycles,
      orders: run.orders,
      fills: run.fills,
      finalEquity: run.finalEquity,
      history: [...history, { date: options.date, reason: options.reason }],
    };
    makeFolders(options.goldenDir);
    if (identity.layout.columns.length > 0) await recordPredictions(run.runDir, identity, paths);
    const lines = [...cyclesOfTape(tapeOf(run.runDir))].map(cycleLine);
    writeWhole(paths.cyclesFile, `${lines.join('\n')}\n`);
    writeWhole(paths.file, `${JSON.stringify(golden, null, 2)}\n`);
    return golden;
  });
}

async function recordPredictions(
  runDir: string,
  identity: RunIdentity,
  { predictionsFile }: GoldenPaths,
): Promise<void> {
  const writer = await createPredictionWriter({
    path: predictionsFile,
    layout: identity.layout,
    key: predictionKeyOf(identity),
  });
  for (const predictions of predictionsOf(runDir)) writer.append(predictions);
  await writer.finish();
}

async function checkInference(
  options: GoldenOptions,
  { scratch, recordedRun }: { readonly scratch: string; readonly recordedRun: string },
): Promise<InferenceCheck> {
  const live = await freshRun(runArgs(options), {
    scratch: join(scratch, 'live'),
    zone: 'America/Sao_Paulo',
    locale: 'de_DE.UTF-8',
  });
  const recorded = predictionsOf(recordedRun);
  let largest = 0;
  let firstCycle: number | undefined;
  for (const made of predictionsOf(live.runDir)) {
    const next = recorded.next();
    const difference = next.done === true ? Number.POSITIVE_INFINITY : relativeDifference(next.value, made);
    if (difference > 0) firstCycle ??= made.cycle;
    largest = Math.max(largest, difference);
  }
  const verdict = largest === 0 ? 'same_bits' : largest <= CLOSE ? 'close' : 'different';
  return { verdict, largest, firstCycle };
}

/** Largest difference of two cycles' outputs, relative to the largest output; infinite where validity differs. */
function relativeDifference(a: Predictions, b: Predictions): number {
  let scale = 0;
  let largest = 0;
  for (let k = 0; k < a.values.length; k += 1) {
    if (a.valid[k] !== b.valid[k]) return Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(a.values[k]));
    largest = Math.max(largest, Math.abs(a.values[k] - b.values[k]));
  }
  return largest === 0 ? 0 : largest / scale;
}

function* predictionsOf(runDir: string): Generator<Predictions> {
  for (const { record } of tapeOf(runDir)) {
    if (record.type !== 'PredictionsMade') continue;
    const event = decodeInput(record, unexpectedSlice, nodeBase64);
    if (event.type === 'PredictionsMade') yield event.predictions;
  }
}

function unexpectedSlice(): never {
  throw new InputError('GOLDEN_INVALID', 'a PredictionsMade record refers to market data');
}

function tapeOf(runDir: string): Iterable<TapeLine> {
  return readTape(openRunFolder(runDir).tapeDir);
}

function identityOf(runDir: string): RunIdentity {
  for (const { record } of tapeOf(runDir)) {
    const event = decodeInput(record, unexpectedSlice, nodeBase64);
    if (event.type === 'RunStarted') return parseIdentity(event.identity);
    break;
  }
  throw new InputError('TAPE_NOT_A_RUN', `${runDir}: the tape does not start with RunStarted`);
}

function modelsOf({ layout }: RunIdentity): Record<string, string> {
  return Object.fromEntries(layout.columns.map(({ id, modelSha256 }) => [id, modelSha256]));
}

function inputChanges(golden: GoldenFile, identity: RunIdentity): string[] {
  const models = modelsOf(identity);
  const ids = new Set([...Object.keys(golden.models), ...Object.keys(models)]);
  const changed = [...ids].sort().filter((id) => golden.models[id] !== models[id]);
  return [
    ...(golden.datasetSha256 === identity.datasetSha256 ? [] : ['dataset']),
    ...changed.map((id) => `model ${id}`),
  ];
}

async function inScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'sametape-golden-'));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs the CLI in a process of its own, so that nothing of this one (caches, zone, locale) can leak into the run. */
async function freshRun(
  args: readonly string[],
  host: { readonly scratch: string; readonly zone: string; readonly locale: string },
): Promise<RunOutput> {
  const launcher = fileURLToPath(new URL('../../src/cli/sametape.mjs', import.meta.url));
  const child = spawn(
    process.execPath,
    [launcher, 'run', ...args, '--out', host.scratch, '--no-cache', '--json'],
    {
      env: { ...process.env, TZ: host.zone, LANG: host.locale, LC_ALL: host.locale },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) {
    const said = stderr.trim().replace(/^sametape: /, '');
    throw new InputError('GOLDEN_RUN_FAILED', `run of ${args[0]} ended with code ${code}: ${said}`);
  }
  return JSON.parse(stdout) as RunOutput;
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.partial`, text);
  renameSync(`${path}.partial`, path);
}
