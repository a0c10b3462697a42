import type { DerivedEvent } from '../events/derived.ts';

export type Difference = Omit<Extract<DerivedEvent, { readonly type: 'ReconciliationMismatched' }>, 'type'>;

/** How far the broker's account and the books agree. Plain data. */
export interface Reconciliation {
  /** N: 1 where risk lets no order of the symbol through, until a snapshot agrees. */
  readonly unreconciled: Uint8Array;
  isCashUnreconciled: boolean;
  /** What the newest snapshot differed in. */
  open: OpenDifference[];
  /** Orders unknown to the books that were called back in this session: their end is no surprise. */
  calledBack: Record<string, true>;
  /** Cycles since the broker was last asked. */
  cycles: number;
  /** The broker is to be asked again when a cycle is complete. */
  isRecheckDue: boolean;
  /** Times it was asked again at once since nothing waited for another answer. */
  rechecks: number;
}

export interface OpenDifference {
  readonly difference: Difference;
  /** Snapshots in a row that showed it. */
  readonly seen: number;
  /** It was raised, and is not raised again while it stays. */
  isActedOn: boolean;
}

export function createReconciliation(symbolCount: number): Reconciliation {
  return {
    unreconciled: new Uint8Array(symbolCount),
    isCashUnreconciled: false,
    open: [],
    calledBack: {},
    cycles: 0,
    isRecheckDue: false,
    rechecks: 0,
  };
}
