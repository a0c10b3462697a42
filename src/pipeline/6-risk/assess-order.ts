import type { RiskCheck } from '../../domain/decisions.ts';
import { InvariantError } from '../../domain/errors.ts';
import type { OrderRequest } from '../../domain/orders.ts';
import type { MoneyMicros, Shares } from '../../domain/units.ts';
import { type CheckLog, logCheck, startLog } from './check-log.ts';
import { RISK_CHECKS } from './checks.ts';
import type { OrderDraft, RiskBook } from './risk-book.ts';
import { openCase, type RiskLimits } from './risk-case.ts';
import type { RiskMemory } from './risk-memory.ts';

declare const approvedByRisk: unique symbol;

/** A check that cut the order: it asked for `value` against `limit` and was left with `quantity`. */
export interface ScaledBy {
  readonly check: RiskCheck;
  readonly quantity: Shares;
  readonly value: number;
  readonly limit: number;
}

/** An order risk let through. Only `assessOrder` can make one, so holding it is the proof. */
export interface RiskApproved {
  readonly kind: 'approved';
  readonly draft: OrderDraft;
  /** Shares allowed: the draft's, or fewer when `scaledBy` is not empty. */
  readonly quantity: Shares;
  readonly scaledBy: readonly ScaledBy[];
  /** What the order takes of buying power; 0 for a reduction. For `recordIntent`. */
  readonly costMicros: MoneyMicros;
  readonly [approvedByRisk]: true;
}

export interface RiskRefused {
  readonly kind: 'refused';
  readonly draft: OrderDraft;
  /** The first check that failed. */
  readonly check: RiskCheck;
  /** What failed, and the limit it failed against, in the unit of the check. */
  readonly value: number;
  readonly limit: number;
}

export type RiskVerdict = RiskApproved | RiskRefused;

export interface RiskContext {
  readonly book: RiskBook;
  readonly memory: RiskMemory;
  readonly settings: RiskLimits;
  /** Takes what every check measured, for traces. */
  readonly log: CheckLog;
}

/**
 * Stage 6 for one order: every check in its fixed order against the book as it would stand if all working orders
 * filled. A refusal names the first that fails; the rest still run, so that the log shows each. Changes nothing but
 * the log; the caller takes an approval into the book with `recordIntent` before it asks for the next.
 * @throws InvariantError when the draft's quantity is not a positive integer
 */
export function assessOrder(draft: OrderDraft, context: RiskContext): RiskVerdict {
  if (!Number.isSafeInteger(draft.quantity) || draft.quantity <= 0) {
    throw new InvariantError(
      `order draft for ${draft.symbol}: quantity ${draft.quantity} is not a positive integer`,
    );
  }
  const { book, memory, settings, log } = context;
  const order = openCase(draft, book, memory, settings);
  const scaledBy: ScaledBy[] = [];
  let refused: RiskRefused | undefined;
  startLog(log, draft);
  for (let c = 0; c < RISK_CHECKS.length; c += 1) {
    const { check, reductionsPass, run } = RISK_CHECKS[c];
    const result = run(order);
    const { kind, value, limit } = result;
    const stops = kind === 'blocked' || kind === 'scaled';
    const outcome = stops && reductionsPass && order.isReducing ? 'waived' : kind;
    logCheck(log, { symbolIx: draft.symbolIx, check: c, outcome, value, limit });
    if (!stops || outcome === 'waived') continue;
    if (kind === 'blocked') refused ??= { kind: 'refused', draft, check, value, limit };
    else {
      scaledBy.push({ check, quantity: result.quantity, value, limit });
      order.quantity = result.quantity;
    }
  }
  if (refused !== undefined) return refused;
  const costMicros = order.isReducing ? 0 : order.quantity * order.valueE4 * 100;
  return {
    kind: 'approved',
    draft,
    quantity: order.quantity,
    scaledBy,
    costMicros,
  } as unknown as RiskApproved;
}

/** What a broker is asked for: an approved order under its client id. */
export function orderRequestOf({ draft, quantity }: RiskApproved, clientOrderId: string): OrderRequest {
  const { symbol, side, type, timeInForce, limitPriceE4, purpose } = draft;
  // two literals: a spread with one more key costs microseconds on Node 20
  return limitPriceE4 === undefined
    ? { clientOrderId, symbol, side, type, timeInForce, quantity, purpose }
    : { clientOrderId, symbol, side, type, timeInForce, quantity, purpose, limitPriceE4 };
}
