import { join } from 'node:path';
import { microsToDollars } from '../domain/money.ts';
import type { Json, JsonObject } from '../events/record.ts';
import { type ColumnTypes, createParquetTable, type Row } from '../report/parquet-table.ts';
import type { PartFigures } from '../report/part-score.ts';
import { writeTextAtomic } from '../tape/atomic-file.ts';
import { writeJsonAtomic } from '../tape/run-folder.ts';
import { curveOf, type FinishedTrial, type SweepResult } from './sweep.ts';
import type { PlannedTrial } from './sweep-plan.ts';

/** Writes `sweep.json`, `sweep.csv` and `sweep.parquet`: the same bytes whenever, and by however many jobs, it was made. */
export async function writeSweepFiles(result: SweepResult): Promise<void> {
  writeJsonAtomic(join(result.dir, 'sweep.json'), sweepJson(result));
  writeTextAtomic(join(result.dir, 'sweep.csv'), sweepCsv(result));
  await writeParquet(result);
}

/** Everything a sweep came to. Money is dollars. */
export function sweepJson(result: SweepResult): JsonObject {
  const { plan, metric, failed, finished } = result;
  const { axes, draw } = plan.spec;
  return {
    scenario: plan.scenario,
    sweepId: plan.sweepId,
    by: metric,
    vary: axes.map(({ key, values }) => ({ key, values: [...values] })),
    drawn: draw === undefined ? null : { count: draw.count, seed: draw.seed },
    sessions: plan.sessions === undefined ? null : [...plan.sessions],
    trials: finished.map((trial) => trialJson(result, trial)),
    failed: failed.map(({ planned, message }) => ({
      trial: planned.trial,
      settings: settingsOf(result, planned),
      message,
    })),
    walkForward: walkJson(result),
    overfitting: overfittingJson(result),
  };
}

function settingsOf({ plan }: SweepResult, { values }: PlannedTrial): Record<string, string> {
  return Object.fromEntries(plan.spec.axes.map(({ key }, at) => [key, values[at]!]));
}

function trialJson(result: SweepResult, trial: FinishedTrial): JsonObject {
  const { planned, rank } = trial;
  const { statistics, orders, fills, chainHead, decisionHead } = trial.summary;
  const curve = curveOf(trial);
  return {
    trial: planned.trial,
    settings: settingsOf(result, planned),
    rank,
    runId: planned.runId,
    runDir: trial.isKept ? `runs/${planned.runName}` : null,
    chainHead,
    decisionHead,
    finalEquity: microsToDollars(statistics.finalEquityMicros),
    pnl: microsToDollars(statistics.netPnlMicros),
    pnlBeforeFees: microsToDollars(statistics.grossPnlMicros),
    fees: microsToDollars(statistics.feesMicros + statistics.borrowFeesMicros),
    turnover: statistics.turnover,
    sharpe: statistics.sharpe,
    maxDrawdown: statistics.maxDrawdown.frac,
    orders,
    fills,
    roundTrips: statistics.roundTrips.count,
    sessionPnl: curve.slice(1).map((equity, at) => microsToDollars(equity - curve[at]!)),
  };
}

function walkJson({ plan, walk, finished }: SweepResult): Json {
  const dates = plan.sessions ?? [];
  if (walk.length === 0) return null;
  return walk.map((fold) => ({
    chooseFrom: dates[0]!,
    chooseTo: dates[fold.reportFrom - 1]!,
    reportFrom: dates[fold.reportFrom]!,
    reportTo: dates[fold.reportTo - 1]!,
    chosen: finished[fold.chosen]!.planned.trial,
    chosenOn: figuresJson(fold.chosenOn),
    reported: figuresJson(fold.reported),
    rank: fold.rank,
    medianPnl: microsToDollars(fold.medianPnlMicros),
  }));
}

function figuresJson({ pnlMicros, sharpe, drawdownFrac }: PartFigures): JsonObject {
  return { pnl: microsToDollars(pnlMicros), sharpe, drawdown: drawdownFrac };
}

function overfittingJson({ overfitting, priorTrials, finished, failed }: SweepResult): JsonObject {
  return {
    trials: finished.length,
    failedTrials: failed.length,
    distinctTrials: overfitting?.distinctTrials ?? 0,
    priorTrials,
    deflatedSharpe: { ...(overfitting?.deflatedSharpe ?? NONE_ENDED) },
    probability: { ...(overfitting?.probability ?? NONE_ENDED) },
  };
}

const NONE_ENDED = { refused: 'no trial ended' };

/** Columns after those of the settings. */
const COLUMNS = {
  rank: 'number?',
  run_id: 'text',
  final_equity_usd: 'number?',
  pnl_usd: 'number?',
  pnl_before_fees_usd: 'number?',
  fees_usd: 'number?',
  turnover: 'number?',
  sharpe: 'number?',
  max_drawdown: 'number?',
  orders: 'number?',
  fills: 'number?',
  round_trips: 'number?',
  failure: 'text?',
} as const satisfies ColumnTypes;

/** A row a trial, in the order of the grid; one that failed has no numbers. */
function rowsOf(
  result: SweepResult,
): { readonly planned: PlannedTrial; readonly row: Row<typeof COLUMNS> }[] {
  const ended = result.finished.map((trial) => ({ planned: trial.planned, row: finishedRow(trial) }));
  const failed = result.failed.map(({ planned, message }) => ({
    planned,
    row: { ...NO_NUMBERS, run_id: planned.runId, failure: message },
  }));
  return [...ended, ...failed].sort((a, b) => a.planned.trial - b.planned.trial);
}

const NO_NUMBERS = Object.fromEntries(
  Object.keys(COLUMNS).map((name) => [name, undefined]),
) as unknown as Row<typeof COLUMNS>;

function finishedRow({ planned, summary, rank }: FinishedTrial): Row<typeof COLUMNS> {
  const { statistics, orders, fills } = summary;
  return {
    rank,
    run_id: planned.runId,
    final_equity_usd: microsToDollars(statistics.finalEquityMicros),
    pnl_usd: microsToDollars(statistics.netPnlMicros),
    pnl_before_fees_usd: microsToDollars(statistics.grossPnlMicros),
    fees_usd: microsToDollars(statistics.feesMicros + statistics.borrowFeesMicros),
    turnover: statistics.turnover ?? undefined,
    sharpe: statistics.sharpe ?? undefined,
    max_drawdown: statistics.maxDrawdown.frac,
    orders,
    fills,
    round_trips: statistics.roundTrips.count,
    failure: undefined,
  };
}

function sweepCsv(result: SweepResult): string {
  const keys = result.plan.spec.axes.map(({ key }) => key);
  const lines = rowsOf(result).map(({ planned, row }) => [
    planned.trial,
    ...planned.values,
    ...Object.values(row),
  ]);
  return [['trial', ...keys, ...Object.keys(COLUMNS)], ...lines]
    .map((cells) => `${cells.map(csvCell).join(',')}\n`)
    .join('');
}

function csvCell(value: string | number | undefined): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function writeParquet(result: SweepResult): Promise<void> {
  const { axes } = result.plan.spec;
  const columns: ColumnTypes = {
    trial: 'integer',
    ...Object.fromEntries(axes.map(({ key }) => [key, 'text' as const])),
    ...COLUMNS,
  };
  const table = await createParquetTable(join(result.dir, 'sweep.parquet'), columns);
  for (const { planned, row } of rowsOf(result)) {
    const whole = { trial: planned.trial, ...settingsOf(result, planned), ...row };
    // columns that are named at run time: which of them allow nothing is not in their type
    await table.append(whole as unknown as Row<ColumnTypes>);
  }
  await table.close();
}
