import type { TimeUs } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Seen } from './alerts.ts';

/** Counts of a run's events that nothing else keeps, by name and label. */
export interface RunCounts {
  input(seen: Seen<InputEvent>): void;
  derived(seen: Seen<DerivedEvent>): void;
  readonly cyclesSkipped: Tally;
  readonly riskWarnings: Tally;
  readonly gatesBlocked: Tally;
  readonly quotesStale: Tally;
  readonly dataGaps: Tally;
  readonly mismatches: Tally;
  readonly killTrips: Tally;
  readonly modelFaults: Tally;
  readonly errors: Tally;
}

/** How often, by label; the empty one where there is none. */
export type Tally = ReadonlyMap<string, number>;

/** Codes of errors are few; beyond so many labels the rest share one. */
const MAX_LABELS = 64;
const OTHER = 'other';

function add(tally: Map<string, number>, label = ''): void {
  const key = tally.has(label) || tally.size < MAX_LABELS ? label : OTHER;
  tally.set(key, (tally.get(key) ?? 0) + 1);
}

/** @param fromUs what was recorded before is history that the run took in */
export function createRunCounts(fromUs: TimeUs): RunCounts {
  const tally = (): Map<string, number> => new Map();
  const counts = {
    cyclesSkipped: tally(),
    riskWarnings: tally(),
    gatesBlocked: tally(),
    quotesStale: tally(),
    dataGaps: tally(),
    mismatches: tally(),
    killTrips: tally(),
    modelFaults: tally(),
    errors: tally(),
  };
  return {
    ...counts,
    input: ({ event, tUs }) => {
      if (tUs >= fromUs && event.type === 'DataGapDetected') add(counts.dataGaps);
    },
    derived: ({ event, tUs }) => {
      if (tUs < fromUs) return;
      switch (event.type) {
        case 'CycleSkipped':
          return add(counts.cyclesSkipped);
        case 'RiskLimitWarned':
          return add(counts.riskWarnings, event.limit);
        case 'GateBlocked':
          return add(counts.gatesBlocked, event.reason);
        case 'QuoteStale':
          return add(counts.quotesStale);
        case 'ReconciliationMismatched':
          return add(counts.mismatches, event.item);
        case 'KillSwitchTripped':
          return add(counts.killTrips, event.cause);
        case 'ModelFaulted':
          return add(counts.modelFaults, event.reason);
        case 'ErrorRaised':
          return add(counts.errors, event.code);
        default:
          return;
      }
    },
  };
}
