import type { OpenAlert } from './alert-book.ts';
import type { RunCounts, Tally } from './run-counts.ts';
import type { Health, RunView } from './run-view.ts';
import type { WebhookCounts } from './webhook.ts';

/** What a scrape reads. */
export interface MetricsSource {
  readonly run: {
    readonly scenario: string;
    readonly runId: string;
    readonly mode: string;
    readonly source: string;
    readonly broker: string;
  };
  readonly view: RunView;
  readonly health: Health;
  readonly counts: RunCounts;
  readonly openAlerts: readonly OpenAlert[];
  /** By rule. */
  readonly alertsTold: Tally;
  readonly sinkFailures: Tally;
  readonly webhook: (WebhookCounts & { readonly waiting: number }) | undefined;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric: its name in base units, as Prometheus wants them, and where it is read. */
export interface MetricRow {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (source: MetricsSource) => readonly Sample[];
}

type Read<T> = (source: MetricsSource) => T;

function gauge(name: string, help: string, read: Read<number>): MetricRow {
  return row('gauge', { name, help, read: (source) => [{ labels: {}, value: read(source) }] });
}

function counter(name: string, help: string, read: Read<number>): MetricRow {
  return row('counter', { name, help, read: (source) => [{ labels: {}, value: read(source) }] });
}

/** One label, and a value for each of what it may be. */
function by(
  label: string,
  {
    kind,
    read,
    ...rest
  }: { kind: MetricRow['kind']; name: string; help: string; read: Read<Iterable<readonly [string, number]>> },
): MetricRow {
  return row(kind, {
    ...rest,
    labels: [label],
    read: (source) => [...read(source)].map(([of, value]) => ({ labels: { [label]: of }, value })),
  });
}

function row(
  kind: MetricRow['kind'],
  { labels = [], ...rest }: Omit<MetricRow, 'kind' | 'labels'> & { readonly labels?: readonly string[] },
): MetricRow {
  return { kind, labels, ...rest };
}

const total = (tally: Tally): number => [...tally.values()].reduce((sum, n) => sum + n, 0);
const flags = (record: Readonly<Record<string, boolean>>, value: (flag: boolean) => number) =>
  Object.entries(record).map(([name, flag]) => [name, value(flag)] as const);

const RUN_ROWS: readonly MetricRow[] = [
  row('gauge', {
    name: 'sametape_run_info',
    help: 'The run, by its labels; always 1.',
    labels: ['scenario', 'run_id', 'mode', 'source', 'broker'],
    read: ({ run: { runId, ...run } }) => [{ labels: { ...run, run_id: runId }, value: 1 }],
  }),
  gauge('sametape_healthy', '1 while /healthz answers 200.', ({ health }) => Number(health.isOk)),
  gauge('sametape_tape_seq', 'Sequence number of the newest record on the tape.', ({ view }) => view.tapeSeq),
  gauge(
    'sametape_logical_time_seconds',
    'Logical time of the newest input, since 1970.',
    ({ view }) => view.logicalTimeSeconds,
  ),
  gauge('sametape_session_open', '1 while a session is open.', ({ view }) => Number(view.isSessionOpen)),
  gauge('sametape_paused', '1 while an operator has entries paused.', ({ view }) => Number(view.isPaused)),
  by('source', {
    kind: 'gauge',
    name: 'sametape_connection_up',
    help: '0 while market data, the broker or the clock is lost.',
    read: ({ view }) => flags(view.isLost, (isLost) => Number(!isLost)),
  }),
  by('cause', {
    kind: 'gauge',
    name: 'sametape_kill_switch_tripped',
    help: '1 while the kill switch is tripped for this cause.',
    read: ({ view }) => flags(view.isTripped, Number),
  }),
  by('cause', {
    kind: 'counter',
    name: 'sametape_kill_switch_trips_total',
    help: 'Trips of the kill switch.',
    read: ({ counts }) => counts.killTrips,
  }),
];

const TRADING_ROWS: readonly MetricRow[] = [
  counter('sametape_cycles_total', 'Cycles completed.', ({ view }) => view.cycles),
  counter('sametape_cycles_skipped_total', 'Cycles that fell due while one was open.', ({ counts }) =>
    total(counts.cyclesSkipped),
  ),
  row('counter', {
    name: 'sametape_decisions_total',
    help: 'Decisions, one a symbol and cycle.',
    labels: ['kind', 'reason'],
    read: ({ view }) =>
      Object.entries(view.decisions).flatMap(([kind, reasons]) =>
        Object.entries(reasons).map(([reason, value]) => ({ labels: { kind, reason }, value })),
      ),
  }),
  by('outcome', {
    kind: 'counter',
    name: 'sametape_orders_total',
    help: 'Orders that came this far.',
    read: ({ view }) => Object.entries(view.orders),
  }),
  by('reason', {
    kind: 'counter',
    name: 'sametape_orders_rejected_total',
    help: 'Orders that the broker rejected.',
    read: ({ view }) => Object.entries(view.rejectedBy),
  }),
  gauge('sametape_orders_working', 'Orders at work.', ({ view }) => view.workingOrders),
  counter('sametape_fills_total', 'Executions, partial ones included.', ({ view }) => view.fills),
  gauge('sametape_traded_dollars', 'Value of all executions.', ({ view }) => view.tradedDollars),
  gauge('sametape_fees_dollars', 'Fees paid, less rebates.', ({ view }) => view.feesDollars),
  gauge('sametape_borrow_fees_dollars', 'Fees for borrowed shares.', ({ view }) => view.borrowFeesDollars),
  gauge(
    'sametape_realized_dollars',
    'Price gains of closed lots, before fees.',
    ({ view }) => view.realizedDollars,
  ),
  gauge(
    'sametape_equity_dollars',
    'Cash and positions at the newest marks.',
    ({ view }) => view.equityDollars,
  ),
  gauge('sametape_cash_dollars', 'Cash.', ({ view }) => view.cashDollars),
  gauge('sametape_drawdown_ratio', 'Fall from the highest equity.', ({ view }) => view.drawdownFrac),
  gauge(
    'sametape_daily_loss_ratio',
    'Loss since the last close; negative for a gain.',
    ({ view }) => view.dailyLossFrac,
  ),
  gauge('sametape_gross_exposure_ratio', 'Long and short positions by equity.', ({ view }) => view.grossFrac),
  gauge('sametape_net_exposure_ratio', 'Long less short positions by equity.', ({ view }) => view.netFrac),
  gauge('sametape_positions', 'Symbols held.', ({ view }) => view.positions.length),
  by('symbol', {
    kind: 'gauge',
    name: 'sametape_position_shares',
    help: 'Signed shares of a symbol that is held.',
    read: ({ view }) => view.positions.map(({ symbol, shares }) => [symbol, shares]),
  }),
  by('symbol', {
    kind: 'gauge',
    name: 'sametape_position_value_dollars',
    help: 'Signed value of a position at the newest mark.',
    read: ({ view }) => view.positions.map(({ symbol, valueDollars }) => [symbol, valueDollars]),
  }),
  by('horizon', {
    kind: 'gauge',
    name: 'sametape_horizon_weight_ratio',
    help: 'Weight of a horizon in arbitration, where learning is on.',
    read: ({ view }) => view.horizonWeights.map(({ horizon, weight }) => [horizon, weight]),
  }),
];

const TROUBLE_ROWS: readonly MetricRow[] = [
  by('limit', {
    kind: 'counter',
    name: 'sametape_risk_warnings_total',
    help: 'Limits of risk that were nearly reached.',
    read: ({ counts }) => counts.riskWarnings,
  }),
  by('reason', {
    kind: 'counter',
    name: 'sametape_gates_blocked_total',
    help: 'Times a gate began to block a symbol.',
    read: ({ counts }) => counts.gatesBlocked,
  }),
  counter('sametape_quotes_stale_total', 'Times the quote of a symbol grew too old.', ({ counts }) =>
    total(counts.quotesStale),
  ),
  counter('sametape_data_gaps_total', 'Gaps in the bars of a symbol.', ({ counts }) =>
    total(counts.dataGaps),
  ),
  by('item', {
    kind: 'counter',
    name: 'sametape_reconciliation_mismatches_total',
    help: "Differences found between books and the broker's account.",
    read: ({ counts }) => counts.mismatches,
  }),
  gauge(
    'sametape_reconciliation_differences',
    'Differences as of the newest reconciliation.',
    ({ view }) => view.differences,
  ),
  by('reason', {
    kind: 'counter',
    name: 'sametape_model_faults_total',
    help: 'Models that gave nothing to use in a cycle.',
    read: ({ counts }) => counts.modelFaults,
  }),
  by('code', {
    kind: 'counter',
    name: 'sametape_errors_total',
    help: 'Errors raised.',
    read: ({ counts }) => counts.errors,
  }),
  row('gauge', {
    name: 'sametape_alerts_open',
    help: 'Alerts that are open.',
    labels: ['rule', 'subject', 'severity'],
    read: ({ openAlerts }) =>
      openAlerts.map(({ rule, subject, severity }) => ({ labels: { rule, subject, severity }, value: 1 })),
  }),
  by('rule', {
    kind: 'counter',
    name: 'sametape_alerts_told_total',
    help: 'Notices told: starts, ends, and those still open where a run stopped.',
    read: ({ alertsTold }) => alertsTold,
  }),
  by('outcome', {
    kind: 'counter',
    name: 'sametape_alert_posts_total',
    help: 'Notices posted to the webhook, attempts made again, and notices dropped.',
    read: ({ webhook }) =>
      webhook === undefined
        ? []
        : [
            ['delivered', webhook.delivered],
            ['retried', webhook.retried],
            ['dropped', webhook.dropped],
          ],
  }),
  gauge(
    'sametape_alert_posts_waiting',
    'Notices that wait to be posted.',
    ({ webhook }) => webhook?.waiting ?? 0,
  ),
  by('sink', {
    kind: 'counter',
    name: 'sametape_sink_failures_total',
    help: 'Failures of telemetry itself.',
    read: ({ sinkFailures }) => sinkFailures,
  }),
];

export const METRIC_ROWS: readonly MetricRow[] = [...RUN_ROWS, ...TRADING_ROWS, ...TROUBLE_ROWS];
