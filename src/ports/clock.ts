import type { TimeUs } from '../domain/units.ts';

/** Time outside the engine: the wall's, or a test's. The engine knows only the times of its inputs. */
export interface Clock {
  nowUs(): TimeUs;
  /** Calls back once, at or soon after `tUs`. @returns takes the call back */
  at(tUs: TimeUs, call: () => void): () => void;
}
