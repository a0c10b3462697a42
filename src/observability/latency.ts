import { LATENCY_STAGES, type LatencySettings, type LatencyStage } from '../domain/latency.ts';
import type { StageProbe } from '../domain/stage-probe.ts';
import type { JsonObject } from '../events/record.ts';
import type { LatencyProbe } from '../ports/latency.ts';
import { addTo, bucketsOf, createHistogram, quantileNs } from './histogram.ts';

/** A span that took longer than its limit. Telemetry: it depends on the machine and is never on the tape. */
export interface LatencyExceeded {
  readonly type: 'LatencyExceeded';
  readonly severity: 'warning' | 'error';
  readonly stage: LatencyStage;
  readonly elapsedMs: number;
  readonly limitMs: number;
  /** How often it has happened in this run. */
  readonly times: number;
}

export interface LatencySummary {
  readonly stage: LatencyStage;
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly budgetMs: number;
  readonly overBudget: number;
  readonly limitMs: number;
  readonly overLimit: number;
}

export interface LatencyMonitor {
  /** The clock of all marks. */
  readonly nowNs: () => number;
  /** For the loop. */
  readonly probe: LatencyProbe;
  /** For the engine, whose stages know no time. */
  readonly stageProbe: StageProbe;
  /** Stages that were seen, in the order of the loop. */
  summaries(): readonly LatencySummary[];
  /** What `state/latency.json` holds. */
  snapshot(): JsonObject;
}

export interface LatencyOptions {
  readonly settings: LatencySettings;
  /** Monotonic nanoseconds; default: this machine's. */
  readonly nowNs?: () => number;
  readonly onExceeded: (event: LatencyExceeded) => void;
  /** Told of every span. */
  readonly onLap?: (stage: LatencyStage, elapsedNs: number) => void;
}

const NS_PER_MS = 1e6;

/** Monotonic nanoseconds of this machine, exact to the double for months. */
function monotonicNs(): number {
  return performance.now() * NS_PER_MS;
}

/** Times the spans of a loop: a histogram a stage, and an event for each that passes its limit. */
export function createLatencyMonitor(options: LatencyOptions): LatencyMonitor {
  const { settings, nowNs = monotonicNs, onExceeded, onLap } = options;
  const stages = Object.fromEntries(
    LATENCY_STAGES.map((stage) => [
      stage,
      { histogram: createHistogram(), startNs: Number.NaN, overBudget: 0, overLimit: 0 },
    ]),
  ) as Record<
    LatencyStage,
    { histogram: ReturnType<typeof createHistogram>; startNs: number; overBudget: number; overLimit: number }
  >;

  function lap(stage: LatencyStage, now: number): void {
    const state = stages[stage];
    const elapsedNs = now - state.startNs;
    // not started, or a clock that is not monotonic
    if (!(elapsedNs >= 0)) return;
    addTo(state.histogram, elapsedNs);
    onLap?.(stage, elapsedNs);
    const { budgetMs, limitMs, severity } = settings[stage];
    const elapsedMs = elapsedNs / NS_PER_MS;
    if (elapsedMs > budgetMs) state.overBudget += 1;
    if (elapsedMs <= limitMs) return;
    state.overLimit += 1;
    onExceeded({ type: 'LatencyExceeded', severity, stage, elapsedMs, limitMs, times: state.overLimit });
  }

  const probe: LatencyProbe = {
    begin: (stage, now) => {
      stages[stage].startNs = now;
    },
    end: (stage, now) => {
      lap(stage, now);
      stages[stage].startNs = Number.NaN;
    },
    lap,
  };

  function summaries(): readonly LatencySummary[] {
    return LATENCY_STAGES.filter((stage) => stages[stage].histogram.count > 0).map((stage) => {
      const { histogram, overBudget, overLimit } = stages[stage];
      const { budgetMs, limitMs } = settings[stage];
      const ms = (frac: number): number => quantileNs(histogram, frac) / NS_PER_MS;
      return {
        stage,
        count: histogram.count,
        meanMs: histogram.sumNs / histogram.count / NS_PER_MS,
        p50Ms: ms(0.5),
        p90Ms: ms(0.9),
        p99Ms: ms(0.99),
        maxMs: histogram.maxNs / NS_PER_MS,
        budgetMs,
        overBudget,
        limitMs,
        overLimit,
      };
    });
  }

  return {
    nowNs,
    probe,
    stageProbe: {
      begin: (stage) => probe.begin(stage, nowNs()),
      end: (stage) => probe.end(stage, nowNs()),
    },
    summaries,
    snapshot: () => ({
      stages: Object.fromEntries(
        summaries().map(({ stage, ...summary }) => [
          stage,
          { ...summary, bucketsUs: bucketsOf(stages[stage].histogram).map((bucket) => [...bucket]) },
        ]),
      ),
    }),
  };
}
