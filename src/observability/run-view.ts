import type { ConnectionSource } from '../events/inputs.ts';

/** A run as it stands, read when somebody asks: plain numbers, in the units that metrics have. */
export interface RunView {
  readonly session: string;
  readonly isSessionOpen: boolean;
  readonly logicalTimeSeconds: number;
  readonly tapeSeq: number;
  readonly isPaused: boolean;
  /** Whether each is down. */
  readonly isLost: Readonly<Record<ConnectionSource, boolean>>;
  /** Whether each has tripped, by cause. */
  readonly isTripped: Readonly<Record<string, boolean>>;
  /** Differences between the books and the broker's account. */
  readonly differences: number;
  readonly cycles: number;
  /** By kind, then reason. */
  readonly decisions: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly orders: Readonly<Record<OrderOutcome, number>>;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly workingOrders: number;
  readonly fills: number;
  readonly tradedDollars: number;
  readonly feesDollars: number;
  readonly borrowFeesDollars: number;
  readonly realizedDollars: number;
  readonly equityDollars: number;
  readonly cashDollars: number;
  readonly drawdownFrac: number;
  readonly dailyLossFrac: number;
  readonly grossFrac: number;
  readonly netFrac: number;
  readonly positions: readonly {
    readonly symbol: string;
    readonly shares: number;
    readonly valueDollars: number;
  }[];
  /** Weights of horizons in arbitration; none where nothing is learned. */
  readonly horizonWeights: readonly { readonly horizon: string; readonly weight: number }[];
}

export type OrderOutcome = 'intended' | 'accepted' | 'rejected' | 'filled' | 'cancelled' | 'expired';

export interface Health {
  readonly isOk: boolean;
  /** Why not, a line each. */
  readonly reasons: readonly string[];
}

/** Whether a run trades as it should. @param missed what the heartbeat says */
export function healthOf(view: RunView | undefined, missed: string | undefined): Health {
  if (view === undefined) return { isOk: false, reasons: ['starting'] };
  const tripped = namesOf(view.isTripped);
  const reasons = [
    ...(tripped.length > 0 ? [`killed: ${tripped.join(', ')}`] : []),
    ...namesOf(view.isLost).map((source) => `connection lost: ${source}`),
    ...(view.differences > 0 ? [`unreconciled: ${view.differences} differences with the broker`] : []),
    ...(missed === undefined ? [] : [missed]),
  ];
  return { isOk: reasons.length === 0, reasons };
}

function namesOf(flags: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.keys(flags).filter((name) => flags[name] === true);
}
