import type { DurationUs, TimeUs } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Seen } from './alerts.ts';

/** Whether cycles go on while a session is open, by a monotonic clock of this machine. */
export interface Heartbeat {
  input(seen: Seen<InputEvent>): void;
  derived(seen: Seen<DerivedEvent>): void;
  /** What is wrong, in words; undefined while cycles go on or none is due. */
  missed(): string | undefined;
}

export interface HeartbeatOptions {
  /** What was recorded before is history. */
  readonly fromUs: TimeUs;
  /** Between two cycles, by the run's own clock. */
  readonly cycleUs: DurationUs;
  /** How late a cycle may be, by the run's own clock. */
  readonly lateUs: DurationUs;
  /** How many times as fast as the wall's the run's clock is; infinity where it waits for nothing. */
  readonly speed: number;
  readonly nowMs: () => number;
}

/** However fast a market is played, work takes its time. */
const LEAST_MS = 10_000;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { fromUs, cycleUs, lateUs, speed, nowMs } = options;
  const limitMs = Math.max(LEAST_MS, (cycleUs + lateUs) / 1000 / speed);
  /** Undefined while no session is open. */
  let lastMs: number | undefined;
  return {
    input: ({ event, tUs }) => {
      if (tUs < fromUs) return;
      if (event.type === 'SessionOpened') lastMs = event.session.closeUs > fromUs ? nowMs() : undefined;
      else if (event.type === 'SessionClosed' || event.type === 'RunStopped') lastMs = undefined;
    },
    derived: ({ event }) => {
      if (event.type === 'CycleCompleted' && lastMs !== undefined) lastMs = nowMs();
    },
    missed: () => {
      const sinceMs = lastMs === undefined ? 0 : nowMs() - lastMs;
      if (sinceMs <= limitMs) return undefined;
      return `no cycle for ${Math.floor(sinceMs / 1000)} s, limit ${Math.floor(limitMs / 1000)} s`;
    },
  };
}
