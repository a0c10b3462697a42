export type UpdateFault =
  | { readonly kind: 'drop' | 'duplicate' | 'replay' | 'reorder' | 'split' | 'garbage' }
  /** `stall`: everything behind it waits, too, and then comes at once: the consumer was slow. */
  | { readonly kind: 'delay' | 'stall'; readonly ms: number }
  | { readonly kind: 'disconnect'; readonly atByte: number };

export type RequestFault =
  | { readonly kind: 'error_before' | 'error_after' | 'silence_before' | 'silence_after' }
  /** Turned away, for so long where it is given. */
  | { readonly kind: 'too_many'; readonly forSeconds?: number }
  /** It is done, and the answer has no body, or the body of another order. */
  | { readonly kind: 'empty_after' | 'other_after' }
  | { readonly kind: 'cut_before' | 'cut_after'; readonly atByte: number };

/** What can go wrong, by what it goes wrong with. */
export interface FaultActions {
  /** A message of the trading stream. */
  readonly update: UpdateFault;
  /** A message of the market data stream. */
  readonly data: UpdateFault;
  /** A request that places or changes an order. */
  readonly order: RequestFault;
  readonly cancel: RequestFault;
  /** A request that looks for orders. */
  readonly lookup: RequestFault;
  readonly question: RequestFault;
  /** An order is refused. */
  readonly place: { readonly kind: 'reject' };
  /** A fill comes in pieces. */
  readonly fill: { readonly kind: 'pieces'; readonly count: number };
  /** After a cancel has ended an order, some of it fills all the same. */
  readonly cancelled: { readonly kind: 'late_fill'; readonly quantity: number };
}

export type FaultPlace = keyof FaultActions;

/** What goes wrong with the n-th thing of a kind (from 0). A script is data: it is printed where it found something. */
export type TwinFault = {
  readonly [P in FaultPlace]: { readonly on: P; readonly nth: number; readonly do: FaultActions[P] };
}[FaultPlace];

/** Deals a script out: each fault once, at its place. */
export interface FaultDealer {
  next<P extends FaultPlace>(on: P): FaultActions[P] | undefined;
  /** Another script, counted from now on. */
  deal(script: readonly TwinFault[]): void;
  /** From now on nothing goes wrong. */
  stop(): void;
  /** Faults that came about. */
  readonly dealt: readonly TwinFault[];
}

export function createFaultDealer(firstScript: readonly TwinFault[]): FaultDealer {
  const counts = new Map<FaultPlace, number>();
  const dealt: TwinFault[] = [];
  let script = firstScript;
  return {
    dealt,
    next: <P extends FaultPlace>(on: P) => {
      const nth = counts.get(on) ?? 0;
      counts.set(on, nth + 1);
      const fault = script.find((one) => one.on === on && one.nth === nth);
      if (fault !== undefined) dealt.push(fault);
      return fault?.do as FaultActions[P] | undefined;
    },
    deal: (next) => {
      script = next;
      counts.clear();
    },
    stop: () => {
      script = [];
    },
  };
}
