import { type KnownExecution, lookUpExecution } from './execution-journal.ts';
import type { Ledger } from './ledger.ts';
import {
  bookAheadOf,
  chargeExecution,
  correctExecution,
  keepEarlyFee,
  type LedgerRevision,
  whyNotBookable,
} from './ledger-corrections.ts';
import type { Execution } from './orders.ts';
import type { MoneyMicros } from './units.ts';

/** What came of a report that changes what was booked; `fault` is what is wrong with it, booked or not. */
export interface LateBooking {
  readonly fault?: { readonly code: LateFault; readonly message: string };
  /** Absent where nothing was booked. */
  readonly booked?: Omit<LedgerRevision, 'feesMicros' | 'tripsBefore' | 'tripsAfter'> &
    Partial<Pick<LedgerRevision, 'tripsBefore' | 'tripsAfter'>>;
  /** What the executions of its order changed by. */
  readonly quantity: number;
}

export type LateFault = 'EXECUTION_UNKNOWN' | 'EXECUTION_CONFLICTING' | 'EXECUTION_NOT_BOOKED';

const NOTHING: LateBooking = { quantity: 0 };

/**
 * Books an execution in the place of another. One that is known is dropped where it says the same. One that takes the place
 * of an execution that never came is at fault, and booked: the other will not be, should it still come.
 */
export function bookCorrection(
  ledger: Ledger,
  { corrects, execution }: { readonly corrects: string; readonly execution: Execution },
): LateBooking {
  const { executionId } = execution;
  const repeated = lookUpExecution(ledger.journal!, executionId);
  if (repeated !== undefined) {
    const message = whyNotRepeated(repeated, execution);
    return message === undefined
      ? NOTHING
      : { fault: { code: 'EXECUTION_CONFLICTING', message }, quantity: 0 };
  }
  const known = lookUpExecution(ledger.journal!, corrects);
  if (known === undefined) return bookUnannounced(ledger, { corrects, execution });
  const conflict = whyNotCorrected(known, { corrects, execution });
  if (conflict !== undefined) {
    return { fault: { code: 'EXECUTION_CONFLICTING', message: conflict }, quantity: 0 };
  }
  const problem = whyNotBookable(ledger, execution, { least: 0, isNew: false });
  if (problem !== undefined) return notBooked(executionId, problem);
  const before = known.kind === 'kept' ? known.entry.versions.at(-1)!.quantity : 0;
  const booked = correctExecution(ledger, { corrects, execution });
  return { booked, quantity: execution.quantity - before };
}

/** Books the whole fee of an execution; one that comes before its execution is at fault, and waits for it. */
export function bookCommission(
  ledger: Ledger,
  { executionId, feeMicros }: { readonly executionId: string; readonly feeMicros: MoneyMicros },
): LateBooking {
  const known = lookUpExecution(ledger.journal!, executionId);
  if (known?.kind === 'kept') {
    // one that another took the place of costs nothing any more
    const isSettled = !known.isNewest || known.version?.feeMicros === feeMicros;
    return isSettled ? NOTHING : { booked: chargeExecution(ledger, { executionId, feeMicros }), quantity: 0 };
  }
  const isKept = known === undefined && keepEarlyFee(ledger, executionId, feeMicros);
  const rest = isKept ? '' : '; it will not be charged';
  const message = `fee of ${feeMicros} micro-dollars for unknown execution ${executionId}${rest}`;
  return { fault: { code: 'EXECUTION_UNKNOWN', message }, quantity: 0 };
}

/** What a repeated execution contradicts, if it does. The fee may have been reported since. */
export function whyNotRepeated(known: KnownExecution, execution: Execution): string | undefined {
  const version = known.kind === 'kept' ? known.version : undefined;
  if (version === undefined || hasSameTerms(version, execution)) return undefined;
  return `execution ${execution.executionId} came again as ${termsOf(execution)}, not ${termsOf(version)}`;
}

function bookUnannounced(
  ledger: Ledger,
  { corrects, execution }: { readonly corrects: string; readonly execution: Execution },
): LateBooking {
  const { executionId, quantity, symbol } = execution;
  const problem = whyNotBookable(ledger, execution, { least: 0, isNew: true });
  if (problem !== undefined) return notBooked(executionId, problem);
  const message = `execution ${executionId} corrects ${corrects}, which is unknown`;
  const fault = { code: 'EXECUTION_UNKNOWN', message } as const;
  const { cashMicros, realizedMicros } = ledger;
  const change = bookAheadOf(ledger, corrects, execution);
  if (change === undefined) return { fault, quantity: 0 };
  const booked = {
    symbol,
    symbolIx: change.symbolIx,
    shares: change.shares,
    cashMicros: ledger.cashMicros - cashMicros,
    realizedMicros: ledger.realizedMicros - realizedMicros,
    tripsAfter: change.roundTrip === undefined ? [] : [change.roundTrip],
  };
  return { fault, booked, quantity };
}

function notBooked(executionId: string, problem: string): LateBooking {
  const message = `execution ${executionId}: ${problem}`;
  return { fault: { code: 'EXECUTION_NOT_BOOKED', message }, quantity: 0 };
}

function hasSameTerms(a: Execution, b: Execution): boolean {
  return (
    a.clientOrderId === b.clientOrderId &&
    a.symbol === b.symbol &&
    a.side === b.side &&
    a.quantity === b.quantity &&
    (a.priceE4 === b.priceE4 || a.quantity === 0)
  );
}

function termsOf({ clientOrderId, side, quantity, symbol, priceE4 }: Execution): string {
  return `${side} ${quantity} ${symbol} at ${priceE4 / 10_000} for order ${clientOrderId}`;
}

function whyNotCorrected(
  known: KnownExecution,
  { corrects, execution }: { readonly corrects: string; readonly execution: Execution },
): string | undefined {
  const { executionId } = execution;
  if (known.kind === 'settled' || !known.isNewest) {
    return `execution ${executionId} corrects ${corrects}, which another has corrected`;
  }
  const of = known.version!;
  const isSame =
    of.clientOrderId === execution.clientOrderId &&
    of.symbol === execution.symbol &&
    of.side === execution.side;
  return isSame
    ? undefined
    : `execution ${executionId} is ${termsOf(execution)}, and corrects ${termsOf(of)}`;
}
