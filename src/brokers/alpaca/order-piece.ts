import type { Execution } from '../../domain/orders.ts';
import type { Shares } from '../../domain/units.ts';
import type { AlpacaOrder, FillActivity, TradeUpdate } from './mapper.ts';

/** An order at Alpaca, and what has been told of it. A replaced order is two of them with one client id. */
export interface Piece {
  readonly order: AlpacaOrder;
  readonly executionIds: Set<string>;
  /** Executions by the quantity filled with them: what the stream and the account's list have in common. */
  readonly byCumulative: Map<Shares, ToldFill>;
  /** Sum of the executions told. */
  knownQuantity: Shares;
  /** Largest quantity that Alpaca said is filled. */
  filledQuantity: Shares;
  /** Whether it has been told that it works, or more. */
  isAccepted: boolean;
  endedBy: string | undefined;
  readonly progressTold: Set<string>;
  /** What ended it, until every execution before the end has been told. */
  readonly held: TradeUpdate[];
  /** The order that took its place. */
  replacedBy: string | undefined;
}

interface ToldFill {
  readonly executionId: string;
  readonly quantity: Shares;
  readonly isFromList: boolean;
}

export interface HeardFill {
  readonly fill: Omit<FillActivity['fill'], 'symbol' | 'side'>;
  readonly cumulativeQuantity: Shares;
  readonly isFromList: boolean;
}

export function newPiece(order: AlpacaOrder, isReplacement: boolean): Piece {
  return {
    order,
    executionIds: new Set(),
    byCumulative: new Map(),
    knownQuantity: 0,
    filledQuantity: order.filledQuantity,
    // the acceptance of a replacement is no news: its client id works already
    isAccepted: isReplacement,
    endedBy: undefined,
    progressTold: new Set(),
    held: [],
    replacedBy: order.replacedBy,
  };
}

/** Shares that Alpaca said are filled, and of which no execution has been told. */
export function missing(piece: Piece): Shares {
  return piece.filledQuantity - piece.knownQuantity;
}

export function isOpen(piece: Piece): boolean {
  return piece.endedBy === undefined || piece.held.length > 0 || missing(piece) > 0;
}

/** The execution to tell. One told before is told again with its id, by which it is known to be a repeat. */
export function noteFill(piece: Piece, { fill, cumulativeQuantity, isFromList }: HeardFill): Execution {
  const { clientOrderId, symbol, side, quantity } = piece.order;
  const same = piece.byCumulative.get(cumulativeQuantity);
  const isRepeatOfList = !isFromList && same?.isFromList === true && same.quantity === fill.quantity;
  const executionId = isRepeatOfList ? same.executionId : fill.executionId;
  if (!piece.executionIds.has(executionId)) {
    piece.executionIds.add(executionId);
    piece.knownQuantity += fill.quantity;
    if (same === undefined) {
      piece.byCumulative.set(cumulativeQuantity, { executionId, quantity: fill.quantity, isFromList });
    }
  }
  piece.isAccepted = true;
  if (piece.knownQuantity >= quantity) piece.endedBy ??= 'filled';
  const { priceE4, feeMicros, tradeTimeUs } = fill;
  return {
    executionId,
    clientOrderId,
    symbol,
    side,
    quantity: fill.quantity,
    priceE4,
    feeMicros,
    tradeTimeUs,
  };
}
