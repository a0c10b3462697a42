import {
  annualizedReturn,
  calmarRatio,
  createDrawdown,
  ratio,
  returnsOf,
  sharpeRatio,
  sortinoRatio,
  updateDrawdown,
} from '../../../src/report/measures.ts';
import { SESSIONS_PER_YEAR } from '../../../src/report/statistics.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';
import { vectorComponent as broker, type Op, roundingOf } from './backtest_broker.ts';

interface MetricsInput {
  readonly config: {
    readonly start_date: string;
    readonly end_date: string;
    readonly initial_cash: number;
    readonly slippage_bps: number;
    readonly fee_bps: number;
    readonly interval: string;
  };
  readonly equity: readonly number[];
  readonly trades: readonly { readonly pnl?: number }[];
  readonly broker_ops: readonly Op[];
}

const MINUTES_PER_SESSION = 390;
const DAYS_PER_YEAR = 365.25;

function periodsPerYear(interval: string): number {
  const [, count, unit] = /^(\d+)([mhd])$/.exec(interval)!;
  if (unit === 'd') return SESSIONS_PER_YEAR / Number(count);
  return (SESSIONS_PER_YEAR * MINUTES_PER_SESSION) / (Number(count) * (unit === 'h' ? 60 : 1));
}

function yearsOf({ start_date, end_date }: MetricsInput['config']): number {
  return (Date.parse(end_date) - Date.parse(start_date)) / 86_400_000 / DAYS_PER_YEAR;
}

function lossesOf(trades: MetricsInput['trades']): number {
  return trades.reduce((sum, { pnl = 0 }) => sum + Math.max(0, -pnl), 0);
}

function gainsOf(trades: MetricsInput['trades']): number {
  return trades.reduce((sum, { pnl = 0 }) => sum + Math.max(0, pnl), 0);
}

function feesOf(input: MetricsInput): number {
  const { initial_cash, slippage_bps, fee_bps } = input.config;
  const given = { initial_cash, slippage_bps, fee_bps, slippage_model: null, ops: input.broker_ops };
  return (broker.run(given) as { final: { total_fees: number } }).final.total_fees;
}

const UNDEFINED = 'what is not defined is null, not 0 or infinity';
const SORTINO = 'textbook: downside deviation from 0 over all periods, at the frequency of the returns';
const ROUNDING = 'money is integer: fees round up to a micro-dollar on prices rounded to 1e-4 dollars';
const NOT_REPORTED = 'not among our statistics';
const BY_ROUND_TRIP = 'trades are round trips, flat to flat, after fees; there, every order counted';

/** Figures of the vectors that are not ours, and why. */
const NOT_OURS: Readonly<Record<string, string>> = {
  win_rate: BY_ROUND_TRIP,
  num_trades: BY_ROUND_TRIP,
  avg_slippage_bps: 'slippage is measured from the mid at the decision, weighted by value',
  avg_trade_return: NOT_REPORTED,
  avg_holding_period_days: 'holding time is measured by lots; there, it was the length of the run by trades',
  monthly_returns: NOT_REPORTED,
  rolling_sharpe: NOT_REPORTED,
};

export const vectorComponent: VectorComponent = {
  component: 'backtest_metrics',
  run(input: MetricsInput) {
    const { config, equity, trades } = input;
    const final = equity.at(-1) ?? config.initial_cash;
    const totalReturn = equity.length === 0 ? 0 : final / config.initial_cash - 1;
    const returns = returnsOf(equity);
    const drawdown = createDrawdown({ equityMicros: equity[0] ?? 0, tUs: 0 });
    const depths = equity.map((equityMicros, tUs) => updateDrawdown(drawdown, { equityMicros, tUs }));
    const yearly = annualizedReturn(totalReturn, yearsOf(config));
    return {
      final_value: final,
      total_return: totalReturn,
      sharpe: sharpeRatio(returns, periodsPerYear(config.interval)),
      max_drawdown: drawdown.maxFrac,
      total_fees: equity.length === 0 ? 0 : feesOf(input),
      annualized_return: yearly,
      sortino: sortinoRatio(returns, periodsPerYear(config.interval)),
      calmar: calmarRatio(yearly, drawdown.maxFrac),
      profit_factor: ratio(gainsOf(trades), lossesOf(trades)),
      returns,
      drawdown_series: depths.map((depth) => -depth),
    };
  },
  deviates: ({ input }) =>
    (input as MetricsInput).equity.slice(0, -1).some((value) => value <= 0)
      ? 'there is no return on an equity of nothing; there, it was infinite'
      : undefined,
  restate: restateFigures,
  deviatingFields: ({ input }) => {
    const { config, broker_ops } = input as MetricsInput;
    return { total_fees: { reason: ROUNDING, within: roundingOf({ ...config, ops: broker_ops }) } };
  },
};

/** What is undefined is null, and the Sortino ratio is the textbook's; figures we do not report are gone. */
function restateFigures({ input, output }: VectorFacts): Restated {
  const { config, equity, trades } = input as MetricsInput;
  const returns = equity.slice(1).map((value, k) => value / equity[k] - 1);
  const varies = Math.max(...returns) - Math.min(...returns) > 1e-12;
  const falls = equity.some((value, k) => k > 0 && value < equity[k - 1]);
  const isTimeless = yearsOf(config) === 0;
  const undefinedFigures = {
    ...(returns.length < 2 || !varies ? { sharpe: null } : {}),
    ...(isTimeless ? { annualized_return: null } : {}),
    ...(isTimeless || !falls ? { calmar: null } : {}),
    ...(lossesOf(trades) === 0 ? { profit_factor: null } : {}),
  };
  const reported = Object.entries(output as object).filter(([figure]) => !Object.hasOwn(NOT_OURS, figure));
  const sortino = sortinoRule(returns, periodsPerYear(config.interval));
  return {
    output: { ...Object.fromEntries(reported), ...undefinedFigures, sortino },
    reasons: [SORTINO, UNDEFINED, ...new Set(Object.values(NOT_OURS))],
  };
}

/** Mean over downside deviation from 0 over all periods, by the square root of periods a year. */
function sortinoRule(returns: readonly number[], periods: number): number | null {
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const downside = Math.sqrt(meanOf(returns.map((value) => Math.min(0, value) ** 2)));
  return returns.length < 2 || downside === 0 ? null : (meanOf(returns) / downside) * Math.sqrt(periods);
}
