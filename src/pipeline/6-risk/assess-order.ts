import type { RiskCheck } from '../../domain/decisions.ts';
import { InvariantError } from '../../domain/errors.ts';
import { type OrderRequest, sideSign } from '../../domain/orders.ts';
import type { RiskSettings } from '../../domain/settings.ts';
import type { MoneyMicros, Shares } from '../../domain/units.ts';
import { markE4 } from '../market-state.ts';
import { RISK_CHECKS, type RiskCase } from './checks.ts';
import {
  isReducing,
  type OrderDraft,
  type RiskBook,
  type RiskMemory,
  restOfBook,
  workingSharesOf,
} from './risk-book.ts';

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
  readonly check: RiskCheck;
  /** What failed, and the limit it failed against, in the unit of the check. */
  readonly value: number;
  readonly limit: number;
}

export type RiskVerdict = RiskApproved | RiskRefused;

/**
 * Stage 6 for one order: every check in its fixed order against the book as it would stand if all working orders
 * filled. Changes nothing; the caller takes an approval into the book with `recordIntent` before it asks for the next.
 * @throws InvariantError when the draft's quantity is not a positive integer
 */
export function assessOrder(
  draft: OrderDraft,
  book: RiskBook,
  memory: RiskMemory,
  settings: RiskSettings & { readonly lotShares: Shares },
): RiskVerdict {
  if (!Number.isSafeInteger(draft.quantity) || draft.quantity <= 0) {
    throw new InvariantError(
      `order draft for ${draft.symbol}: quantity ${draft.quantity} is not a positive integer`,
    );
  }
  const order = openCase(draft, book, memory, settings);
  const scaledBy: ScaledBy[] = [];
  for (const { check, reductionsPass, run } of RISK_CHECKS) {
    if (reductionsPass && order.isReducing) continue;
    const result = run(order);
    if (result.kind === 'blocked') {
      return { kind: 'refused', draft, check, value: result.value, limit: result.limit };
    }
    if (result.kind === 'scaled') {
      const { quantity, value, limit } = result;
      scaledBy.push({ check, quantity, value, limit });
      order.quantity = quantity;
    }
  }
  const costMicros = order.isReducing ? 0 : order.quantity * order.valueE4 * 100;
  return {
    kind: 'approved',
    draft,
    quantity: order.quantity,
    scaledBy,
    costMicros,
  } as unknown as RiskApproved;
}

function openCase(
  draft: OrderDraft,
  book: RiskBook,
  memory: RiskMemory,
  settings: RiskSettings & { readonly lotShares: Shares },
): RiskCase {
  const i = draft.symbolIx;
  const touchE4 = draft.side === 'buy' ? book.market.askE4[i] : book.market.bidE4[i];
  const mark = markE4(book.market, i);
  const valueE4 = draft.limitPriceE4 ?? (touchE4 > 0 ? touchE4 : mark);
  return {
    draft,
    quantity: draft.quantity,
    book,
    memory,
    settings,
    sign: sideSign(draft.side),
    isReducing: isReducing(book, draft),
    position: book.positionShares[i],
    working: workingSharesOf(book, i),
    rest: restOfBook(book, i),
    markE4: mark > 0 ? mark : valueE4,
    touchE4,
    valueE4,
  };
}

/** What a broker is asked for: an approved order under its client id. */
export function orderRequestOf({ draft, quantity }: RiskApproved, clientOrderId: string): OrderRequest {
  const { symbol, side, type, timeInForce, limitPriceE4, purpose } = draft;
  const base = { clientOrderId, symbol, side, type, timeInForce, quantity, purpose };
  return limitPriceE4 === undefined ? base : { ...base, limitPriceE4 };
}
