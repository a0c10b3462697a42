/** Reports that a gateway sends unasked. */
export type ReportKind = 'openOrder' | 'orderStatus' | 'execDetails' | 'commissionReport';

/**
 * One thing that goes wrong, once. `nth` counts reports of a kind, orders, cancels, executions or requests over the
 * twin's life, from 1. Lists that were asked for come whole and in order, as over any TCP connection that lasts.
 */
export type Fault =
  | { readonly kind: 'duplicate'; readonly of: ReportKind; readonly nth: number; readonly times: number }
  | { readonly kind: 'drop'; readonly of: ReportKind; readonly nth: number }
  | { readonly kind: 'delay'; readonly of: ReportKind; readonly nth: number; readonly milliseconds: number }
  /** Comes after the report that follows it. */
  | { readonly kind: 'reorder'; readonly of: ReportKind; readonly nth: number }
  /** The connection dies when so many bytes have been sent in all: in the middle of a field, if it so happens. */
  | { readonly kind: 'disconnect'; readonly afterBytes: number }
  /** The connection dies as a request comes: before it is taken, or after. */
  | {
      readonly kind: 'hang_up';
      readonly on: 'place' | 'cancel' | 'any';
      readonly nth: number;
      readonly isTaken: boolean;
    }
  /** The request is taken, and nothing is said on this connection from then on. */
  | { readonly kind: 'silence'; readonly on: 'place' | 'cancel' | 'time' | 'any'; readonly nth: number }
  | { readonly kind: 'partial'; readonly nth: number; readonly shares: number }
  | { readonly kind: 'reject'; readonly nth: number; readonly code: number; readonly hasBadDetails: boolean }
  /** A trade that comes after the order was reported as cancelled. */
  | { readonly kind: 'late_fill'; readonly nth: number; readonly shares: number }
  /** Frames are sent in pieces of so many bytes, for so many bytes. */
  | { readonly kind: 'split'; readonly pieceBytes: number; readonly forBytes: number }
  /** The gateway stops reading for a while. */
  | { readonly kind: 'slow_reader'; readonly nth: number; readonly milliseconds: number }
  /** Code 100: the request is not taken. */
  | { readonly kind: 'rate'; readonly nth: number }
  /** 1100, and later 1102 or 1101. In between nothing is reported, nor taken. */
  | {
      readonly kind: 'link';
      readonly nth: number;
      readonly milliseconds: number;
      readonly isDataKept: boolean;
    }
  /** Code 103, for an order that is placed or that is not. */
  | { readonly kind: 'duplicate_id'; readonly nth: number; readonly isPlaced: boolean }
  | {
      readonly kind: 'correct';
      readonly nth: number;
      readonly sharesDown: number;
      readonly priceUpMicros: number;
    }
  | { readonly kind: 'bust'; readonly nth: number }
  | { readonly kind: 'late_commission'; readonly nth: number; readonly milliseconds: number }
  | { readonly kind: 'early_commission'; readonly nth: number }
  /** An order about which only executions are reported. */
  | { readonly kind: 'no_status'; readonly nth: number };

export type FaultKind = Fault['kind'];

const EVERY_KIND: Readonly<Record<FaultKind, true>> = {
  duplicate: true,
  drop: true,
  delay: true,
  reorder: true,
  disconnect: true,
  hang_up: true,
  silence: true,
  partial: true,
  reject: true,
  late_fill: true,
  split: true,
  slow_reader: true,
  rate: true,
  link: true,
  duplicate_id: true,
  correct: true,
  bust: true,
  late_commission: true,
  early_commission: true,
  no_status: true,
};

export const FAULT_KINDS = Object.keys(EVERY_KIND) as FaultKind[];

/** A script being played: each fault is taken out when its moment has come. */
export class FaultScript {
  #faults: Fault[];
  readonly #counts = new Map<string, number>();

  constructor(faults: readonly Fault[]) {
    this.#faults = [...faults];
  }

  /** Kinds of the faults that have come about. */
  readonly fired = new Set<FaultKind>();

  /** From now on nothing goes wrong. */
  heal(): void {
    this.#faults = [];
  }

  /** Counts something, and says which number it is. */
  count(what: string): number {
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    return count;
  }

  /** Takes out the first fault of a kind that is due. */
  due<K extends FaultKind>(
    kind: K,
    isDue: (fault: Extract<Fault, { readonly kind: K }>) => boolean,
  ): Extract<Fault, { readonly kind: K }> | undefined {
    const at = this.#faults.findIndex(
      (fault) => fault.kind === kind && isDue(fault as Extract<Fault, { readonly kind: K }>),
    );
    if (at < 0) return undefined;
    this.fired.add(kind);
    return this.#faults.splice(at, 1)[0] as Extract<Fault, { readonly kind: K }>;
  }
}
