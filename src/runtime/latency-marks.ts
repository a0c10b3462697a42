import type { StageProbe } from '../domain/stage-probe.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { LatencyProbe } from '../ports/latency.ts';

/** What times a loop. Telemetry: nothing of it comes back into the loop. */
export interface LoopLatency {
  readonly probe: LatencyProbe;
  readonly stageProbe: StageProbe;
  /** Monotonic nanoseconds. */
  readonly nowNs: () => number;
}

/** The loop's way, marked where it passes. */
export interface LatencyMarks {
  arrived(type: InputEvent['type']): void;
  recorded(event: InputEvent): void;
  modelsAsked(): void;
  orderSent(): void;
  /** What followed from one turn's inputs has been carried out. */
  carriedOut(derived: readonly DerivedEvent[]): void;
}

/** Marks nothing, and reads no clock, where nothing times the loop. */
export function createLatencyMarks(latency: LoopLatency | undefined): LatencyMarks | undefined {
  if (latency === undefined) return undefined;
  const { probe, nowNs } = latency;
  return {
    arrived: (type) => {
      if (type === 'MarketSlice') probe.begin('tickToOrder', nowNs());
      else if (type === 'PredictionsMade' || type === 'InferenceFailed') {
        const now = nowNs();
        probe.end('prediction', now);
        probe.begin('inferenceToOrder', now);
      }
    },
    recorded: ({ type }) => {
      if (type === 'CycleDue') probe.begin('cycle', nowNs());
    },
    modelsAsked: () => probe.begin('prediction', nowNs()),
    orderSent: () => {
      const now = nowNs();
      probe.lap('inferenceToOrder', now);
      probe.lap('tickToOrder', now);
    },
    carriedOut: (derived) => {
      if (derived.some(({ type }) => type === 'CycleCompleted')) probe.end('cycle', nowNs());
    },
  };
}
