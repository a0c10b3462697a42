import type { TimeUs } from '../domain/units.ts';

/** Wall clock, for telemetry and host facts only; logical time comes from the tape. */
export interface Clock {
  nowUs(): TimeUs;
}
