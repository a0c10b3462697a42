import type { LatencySummary } from '../observability/latency.ts';
import { type Column, formatNumber, renderTable } from './terminal.ts';

const COLUMNS: readonly Column[] = [
  { title: 'latency' },
  ...['count', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'over budget', 'over limit'].map(
    (title): Column => ({ title, align: 'right' }),
  ),
];

const NAMES = {
  prediction: 'prediction',
  blending: 'blending',
  cycle: 'cycle',
  inferenceToOrder: 'inference to order',
  tickToOrder: 'tick to order',
} as const;

/** The latencies of a run as a table; empty where nothing was timed. */
export function latencyText(summaries: readonly LatencySummary[]): string {
  if (summaries.length === 0) return '';
  const rows = summaries.map((summary) => [
    NAMES[summary.stage],
    formatNumber(summary.count),
    ...[summary.p50Ms, summary.p90Ms, summary.p99Ms, summary.maxMs].map((ms) => formatNumber(ms, 3)),
    over(summary.overBudget, summary.budgetMs),
    over(summary.overLimit, summary.limitMs),
  ]);
  return renderTable(COLUMNS, rows);
}

function over(count: number, ms: number): string {
  return `${formatNumber(count)} of ${formatNumber(ms)} ms`;
}
