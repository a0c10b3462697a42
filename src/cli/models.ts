import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDate } from '../data/calendar.ts';
import { openDataset } from '../data/dataset.ts';
import { compareCodeUnits } from '../domain/compare.ts';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import { createOnnxInference } from '../models/onnx-inference.ts';
import { loadRunRoot, type ModelArtifact, type RunRoot } from '../models/run-root.ts';
import { buildLayout } from '../models/signal-layout.ts';
import { FEATURE_NAMES } from '../pipeline/0-features/feature-names.ts';
import { TRAINABLE_FAMILIES, type TrainReport, trainRunRoot } from '../research/training/train-run-root.ts';
import { createProgress } from './progress.ts';
import { type Column, createPainter, formatNumber, renderTable } from './terminal.ts';

interface TrainCommandOptions {
  readonly dataset: string;
  readonly sessions: string;
  readonly out: string;
  readonly horizons: readonly string[];
  readonly seed: number;
  readonly symbols?: readonly string[];
  readonly families?: readonly string[];
  readonly barrier: boolean;
  readonly sequence: boolean;
  readonly json?: boolean;
}

interface InspectCommandOptions {
  readonly check?: boolean;
  readonly json?: boolean;
}

/** Adds `sametape models train` and `sametape models inspect`. */
export function registerModelsCommands(program: Command): void {
  const models = program
    .command('models')
    .summary('train models and look into run roots')
    .description('Train models on a dataset, and look into the run roots that training leaves.')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape models train --dataset datasets/quickstart --sessions 2024-01-02..2024-01-09 --out my-models
  $ sametape models inspect my-models`,
    );
  addTrain(models);
  addInspect(models);
}

function addTrain(models: Command): void {
  models
    .command('train')
    .summary('train a run root on sessions of a dataset')
    .description(
      'Train ridge, boosted trees and a small network for each horizon, a convolution over bar sequences for the shortest one, and peak and valley classifiers. Targets are forward mid returns, within the session or over whole ones. The same options and data give the same bytes.',
    )
    .requiredOption('--dataset <dir>', 'dataset folder, made by "sametape data import" or "data synth"')
    .requiredOption('--sessions <from..to>', 'dates to learn from, both ends included, or a single date')
    .requiredOption('--out <dir>', 'where the run root goes; an earlier run root there is replaced')
    .addOption(
      new Option('--horizons <list>', 'horizons, separated by commas, such as 5m, 1h or 1d')
        .argParser(parseList)
        .default(['5m', '15m'], '5m,15m'),
    )
    .option('--seed <n>', 'seed of every random draw', parseSeed, 1)
    .option('--symbols <list>', 'symbols to learn from, separated by commas (default: all)', parseList)
    .option(
      '--families <list>',
      `families to train, separated by commas, of ${TRAINABLE_FAMILIES.join(', ')}`,
      parseList,
    )
    .option('--no-barrier', 'leave out the peak and valley classifiers')
    .option('--no-sequence', 'leave out the sequence model')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape models train --dataset datasets/quickstart --sessions 2024-01-02..2024-01-09 --out my-models
  $ sametape models train --dataset datasets/quickstart --sessions 2024-01-02..2024-01-09 --families RankRidge,JointLogistic --out m
  $ sametape models train --dataset lean --sessions 2013-10-04 --symbols SPY,IBM --horizons 5m --out m --seed 7

The figures are rank correlations of forecast and outcome (ic) or areas under the curve (auc). "train" is of the model as
written, on rows it has seen; "validation" is of the same model fitted without the last fifth of the sessions, on those.`,
    )
    .action(train);
}

function addInspect(models: Command): void {
  models
    .command('inspect')
    .summary('show the models of a run root')
    .description('Show the models of a run root, which of them a run would use, and what is wrong with it.')
    .argument('<run-root>', 'folder with manifest.json and targets/')
    .option('--check', 'also load each used model and check its inputs and outputs')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape models inspect datasets/quickstart-models
  $ sametape models inspect my-models --check
  $ sametape models inspect my-models --json | jq '.models[].metrics'

Exit code 0: every model is the file its metadata names. 1: one is not, and is named.`,
    )
    .action(inspect);
}

async function train(options: TrainCommandOptions): Promise<void> {
  const dataset = await openDataset(options.dataset);
  const progress = createProgress();
  let report: TrainReport;
  try {
    report = await trainRunRoot({
      dataset,
      trainSessions: sessionsBetween(
        dataset.sessions.map((session) => session.date),
        options.sessions,
      ),
      symbols: options.symbols ?? dataset.symbols,
      horizons: options.horizons,
      seed: options.seed,
      outDir: options.out,
      ...(options.families === undefined ? {} : { families: options.families }),
      barrier: options.barrier,
      sequence: options.sequence,
      progress,
    });
  } finally {
    progress.stop();
  }
  process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : trainSummary(report));
}

/** @throws InputError SESSIONS_INVALID, DATE_INVALID */
function sessionsBetween(dates: readonly string[], range: string): readonly string[] {
  const match = /^(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?$/.exec(range);
  if (match === null) {
    throw new InputError(
      'SESSIONS_INVALID',
      `--sessions ${range}: expected FROM..TO or one date, such as 2024-01-02..2024-01-09`,
    );
  }
  const from = match[1]!;
  const to = match[2] ?? from;
  for (const date of [from, to]) parseDate(date);
  const chosen = dates.filter((date) => date >= from && date <= to);
  if (chosen.length === 0) {
    throw new InputError(
      'SESSIONS_INVALID',
      `--sessions ${range}: the dataset has none of them, it covers ${dates[0] ?? 'none'} to ${dates.at(-1) ?? 'none'}`,
    );
  }
  return chosen;
}

function trainSummary(report: TrainReport): string {
  const first = report.sessions[0] ?? '';
  const last = report.sessions.at(-1) ?? '';
  const columns: Column[] = [
    { title: 'model' },
    { title: 'score' },
    { title: 'train', align: 'right' },
    { title: 'validation', align: 'right' },
    { title: 'bytes', align: 'right' },
  ];
  const rows = report.models.map(({ id, metrics, bytes }) => {
    const name = 'auc_train' in metrics ? 'auc' : 'ic';
    return [
      id,
      name,
      figure(metrics[`${name}_train`]),
      figure(metrics[`${name}_validation`]),
      formatNumber(bytes),
    ];
  });
  const sessions =
    report.sessions.length === 1 ? first : `${report.sessions.length} sessions, ${first} to ${last}`;
  return `${renderTable(columns, rows)}\n\n${report.models.length} models from ${formatNumber(report.rows)} rows of ${sessions}: ${report.outDir}\n`;
}

async function inspect(dir: string, options: InspectCommandOptions): Promise<void> {
  const runRoot = await loadRunRoot(dir, { strict: false, knownFeatures: FEATURE_NAMES });
  if (options.check === true) await loadEveryModel(runRoot);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(jsonOf(runRoot))}\n`
      : inspectSummary(runRoot, options.check === true),
  );
  const changed = runRoot.models.filter(({ sha256, meta }) => sha256 !== meta.checksum);
  if (changed.length === 0) return;
  throw new CheckFailedError(
    'MODEL_CHECKSUM_MISMATCH',
    `${dir}: ${changed.length} of ${runRoot.models.length} models are not the files their metadata names: ${changed.map(({ id }) => id).join(', ')}; strict runs refuse them`,
  );
}

/** @throws InputError for the first model that does not load or does not fit its metadata */
async function loadEveryModel(runRoot: RunRoot): Promise<void> {
  const horizons = runRoot.models.filter((model) => model.kind === 'return').map((model) => model.horizon);
  const layout = buildLayout(runRoot, { symbols: ['A', 'B'], horizons });
  const inference = await createOnnxInference({ runRoot, layout });
  try {
    await inference.load();
  } finally {
    await inference.close();
  }
}

function isUsed(runRoot: RunRoot, { target, view, family }: ModelArtifact): boolean {
  const route = runRoot.routes[target];
  return route !== undefined && route.view === view && route.families.includes(family);
}

function inspectSummary(runRoot: RunRoot, isChecked: boolean): string {
  const { yellow } = createPainter(process.stdout);
  const columns: Column[] = [
    { title: 'model' },
    { title: 'forecasts', isExtra: true },
    { title: 'horizon' },
    { title: 'input', isExtra: true },
    { title: 'bar', isExtra: true },
    { title: 'used' },
    { title: 'metrics', isExtra: true },
    { title: 'sha256', isExtra: true },
  ];
  const rows = runRoot.models.map((model) => [
    model.id,
    model.kind,
    model.horizon.label,
    inputShape(model),
    `${model.meta.intervalMinutes}m`,
    isUsed(runRoot, model) ? 'yes' : 'no',
    metricsText(model),
    model.sha256.slice(0, 12),
  ]);
  const bytes = runRoot.models.reduce((sum, model) => sum + model.bytes, 0);
  const checked = isChecked ? ', all used models load' : '';
  const warnings = runRoot.warnings.map((warning) => `${yellow('warning')}  ${warning.message}\n`).join('');
  return `${renderTable(columns, rows)}\n\n${runRoot.models.length} models, ${formatNumber(bytes)} bytes${checked}, run root ${runRoot.sha256.slice(0, 12)}\n${warnings}`;
}

function inputShape({ meta }: ModelArtifact): string {
  const features = meta.features.length;
  return meta.sequenceLength > 1 ? `[N, ${meta.sequenceLength}, ${features}]` : `[N, ${features}]`;
}

/** The scores a person looks for first; every metric is in `--json`. */
function metricsText({ meta }: ModelArtifact): string {
  return Object.entries(meta.metrics)
    .filter((entry): entry is [string, number] => /^(ic|auc)/.test(entry[0]) && typeof entry[1] === 'number')
    .sort((a, b) => compareCodeUnits(a[0], b[0]))
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(' ');
}

function figure(value: number | undefined): string {
  return value === undefined ? 'n/a' : value.toFixed(3);
}

function jsonOf(runRoot: RunRoot): object {
  return {
    runRoot: runRoot.dir,
    sha256: runRoot.sha256,
    manifest: runRoot.manifest,
    models: runRoot.models.map((model) => ({
      id: model.id,
      kind: model.kind,
      horizon: model.horizon.label,
      used: isUsed(runRoot, model),
      sha256: model.sha256,
      checksumMatches: model.sha256 === model.meta.checksum,
      bytes: model.bytes,
      features: model.meta.features,
      intervalMinutes: model.meta.intervalMinutes,
      sequenceLength: model.meta.sequenceLength,
      crossSectionalRanking: model.meta.crossSectionalRanking,
      metrics: model.meta.metrics,
    })),
    warnings: runRoot.warnings,
  };
}

function parseList(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) throw new InvalidArgumentError('expected names separated by commas');
  return names;
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw new InvalidArgumentError('expected a whole number from 0 to 2^53');
}
