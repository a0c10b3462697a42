/** Spans that are timed in paper and live runs, in the order of the loop. */
export const LATENCY_STAGES = [
  /** From asking the models to their answer. */
  'prediction',
  /** Stage 2 of a cycle. */
  'blending',
  /** From a cycle falling due to the last of its orders sent. */
  'cycle',
  /** From the answer of the models to an order sent. */
  'inferenceToOrder',
  /** From the newest market data to an order sent. */
  'tickToOrder',
] as const;

export type LatencyStage = (typeof LATENCY_STAGES)[number];

export interface LatencyThreshold {
  /** What it should take; how often it took longer is counted. */
  readonly budgetMs: number;
  /** What raises a telemetry event. */
  readonly limitMs: number;
  readonly severity: 'warning' | 'error';
}

export type LatencySettings = Readonly<Record<LatencyStage, LatencyThreshold>>;

export const DEFAULT_LATENCY: LatencySettings = {
  prediction: { budgetMs: 100, limitMs: 200, severity: 'warning' },
  blending: { budgetMs: 10, limitMs: 50, severity: 'warning' },
  cycle: { budgetMs: 500, limitMs: 2000, severity: 'warning' },
  inferenceToOrder: { budgetMs: 1000, limitMs: 2000, severity: 'error' },
  tickToOrder: { budgetMs: 25, limitMs: 250, severity: 'warning' },
};
