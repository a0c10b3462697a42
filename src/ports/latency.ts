import type { LatencyStage } from '../domain/latency.ts';

/**
 * Marks of a loop on its way, by a monotonic clock in nanoseconds that the loop reads itself. Where there is none, a loop
 * marks nothing and pays nothing: `probe?.begin('cycle', nowNs())` does not even read the clock.
 */
export interface LatencyProbe {
  /** The span starts, again where it had started already. */
  begin(stage: LatencyStage, nowNs: number): void;
  /** The span ends, if it had started. */
  end(stage: LatencyStage, nowNs: number): void;
  /** Takes the time since the start and lets the span go on: several orders may follow from one tick. */
  lap(stage: LatencyStage, nowNs: number): void;
}
