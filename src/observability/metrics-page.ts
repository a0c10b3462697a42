import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { LATENCY_STAGES, type LatencyStage } from '../domain/latency.ts';
import { METRIC_ROWS, type MetricRow, type MetricsSource } from './metrics-table.ts';

/** What a scrape is answered with, in a registry of its own. */
export interface MetricsPage {
  readonly contentType: string;
  /** A span of the loop that has been timed. */
  lap(stage: LatencyStage, seconds: number): void;
  render(source: MetricsSource): Promise<string>;
}

/** Upper bounds, seconds: limits of `latency:` lie among them. */
const BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10,
];

export function createMetricsPage(): MetricsPage {
  const registry = new Registry();
  const metrics = METRIC_ROWS.map((row) => ({ row, put: registered(row, registry) }));
  const latency = new Histogram({
    name: 'sametape_latency_seconds',
    help: 'Spans of the loop, by stage.',
    labelNames: ['stage'],
    buckets: BUCKETS,
    registers: [registry],
  });
  for (const stage of LATENCY_STAGES) latency.zero({ stage });
  return {
    contentType: registry.contentType,
    lap: (stage, seconds) => latency.observe({ stage }, seconds),
    render: (source) => {
      for (const { row, put } of metrics) put(row.read(source));
      return registry.metrics();
    },
  };
}

/** Puts the samples of a scrape in place of those of the one before. */
function registered(
  { kind, name, help, labels }: MetricRow,
  registry: Registry,
): (samples: ReturnType<MetricRow['read']>) => void {
  const spec = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'gauge') {
    const gauge = new Gauge(spec);
    return (samples) => {
      gauge.reset();
      for (const { labels: of, value } of samples) gauge.set(of, value);
    };
  }
  const counter = new Counter(spec);
  return (samples) => {
    counter.reset();
    for (const { labels: of, value } of samples) counter.inc(of, value);
  };
}
