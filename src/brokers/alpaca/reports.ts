import type { Execution, OrderProgress } from '../../domain/orders.ts';
import type { Shares, TimeUs } from '../../domain/units.ts';
import type { BrokerNews } from '../../ports/broker.ts';
import { type AlpacaOrder, type FillActivity, inOrder, type TradeUpdate } from './mapper.ts';
import { type HeardFill, isOpen, missing, newPiece, noteFill, type Piece } from './order-piece.ts';

export interface ReportsOptions {
  readonly tell: (news: BrokerNews) => void;
  /** More is filled than has been told: the account's list must be read. */
  readonly onMissing: () => void;
  /** Something was said that cannot be told: the order's state must be read. */
  readonly onPuzzle: () => void;
  /** How many orders are remembered at least: beyond them, the oldest that ended are forgotten. Default 5000. */
  readonly keptOrders?: number;
}

/** Makes news of what Alpaca says, in whatever order and however often it says it. */
export interface Reports {
  takeUpdate(update: TradeUpdate): void;
  /** The state of an order as read, not heard. */
  takeOrder(order: AlpacaOrder): void;
  takeFills(fills: readonly FillActivity[]): void;
  /** An order that is known already: what becomes of it from now on is told, that it works is no news. */
  watch(order: AlpacaOrder): void;
  /** Tells what was held back although executions before it are missing: the list did not have them. */
  release(): void;
  /** Orders that have not ended, or of which executions are missing. */
  open(): readonly AlpacaOrder[];
  hasMissing(): boolean;
  /** Orders that took the place of known ones, and of which nothing has been heard. */
  unheard(): readonly string[];
  /**
   * From when on fills may not have been told, where those up to `listedUs` have been read; infinite where there was
   * never an order.
   */
  unlistedSinceUs(listedUs: TimeUs | undefined): TimeUs;
  /** The newest order under a client id. */
  newest(clientOrderId: string): AlpacaOrder | undefined;
  /** The client id of an order, and the id under which an execution of it was told. */
  told(fill: FillActivity): { readonly clientOrderId: string; readonly executionId: string } | undefined;
}

const PROGRESS: ReadonlySet<string> = new Set<OrderProgress>([
  ...(['pending_new', 'held', 'pending_cancel', 'pending_replace', 'replaced'] as const),
  ...(['stopped', 'suspended', 'calculated', 'done_for_day'] as const),
]);
const ENDS: ReadonlySet<string> = new Set(['canceled', 'expired', 'rejected', 'replaced', 'done_for_day']);
/** States of an order that mean no more than that it is known. */
const ACCEPTS: ReadonlySet<string> = new Set([
  'new',
  'accepted',
  'accepted_for_bidding',
  'partially_filled',
  'filled',
]);
const KEPT_ORDERS = 5000;
const FILLS: ReadonlySet<string> = new Set(['fill', 'partial_fill']);

export function createReports(options: ReportsOptions): Reports {
  const { tell, onMissing, onPuzzle, keptOrders = KEPT_ORDERS } = options;
  const pieces = new Map<string, Piece>();
  const newestByClientId = new Map<string, Piece>();
  /** Orders known to have been replaced: what is said of their states is of no order of ours any more. */
  const superseded = new Set<string>();

  const pieceOf = (order: AlpacaOrder): Piece => {
    const known = pieces.get(order.id);
    if (known === undefined) return addPiece(order);
    known.filledQuantity = Math.max(known.filledQuantity, order.filledQuantity);
    known.replacedBy ??= order.replacedBy;
    return known;
  };
  const addPiece = (order: AlpacaOrder): Piece => {
    const isReplacement = order.replaces !== undefined;
    const piece = newPiece(order, isReplacement);
    pieces.set(order.id, piece);
    // that it took another's place comes before anything that is said of it
    if (isReplacement && !superseded.has(order.id)) {
      tellProgress(piece, { status: 'replaced', brokerOrderId: order.id }, tell);
    }
    if (order.replaces !== undefined) superseded.add(order.replaces);
    const before = newestByClientId.get(order.clientOrderId);
    // what was replaced may be heard of after what replaced it
    if (order.clientOrderId !== '' && (before === undefined || order.replacedBy === undefined)) {
      newestByClientId.set(order.clientOrderId, piece);
    }
    if (pieces.size > keptOrders) forgetOldest(pieces, newestByClientId);
    return piece;
  };
  const takeFill = (piece: Piece, heard: HeardFill): void => {
    const execution = noteFill(piece, heard);
    tell(fillNews(execution, leavesOf(piece, { pieces, newestByClientId })));
  };
  const flush = (piece: Piece): void => {
    while (piece.held.length > 0 && missing(piece) <= 0)
      tellEvent(piece, piece.held.shift() as TradeUpdate, tell);
  };
  const takeUpdate = (update: TradeUpdate): void => {
    const { event, order } = update;
    const piece = pieceOf(order);
    if (update.fill !== undefined && FILLS.has(event)) {
      const { fill } = update;
      takeFill(piece, { fill, cumulativeQuantity: order.filledQuantity, isFromList: false });
    } else if (ENDS.has(event)) {
      piece.held.push(update);
    } else if (!(superseded.has(order.id) && PROGRESS.has(event)) && !tellEvent(piece, update, tell)) {
      onPuzzle();
    }
    flush(piece);
    if (missing(piece) > 0) onMissing();
  };
  return {
    takeUpdate,
    takeOrder: (order) => {
      const piece = pieceOf(order);
      if (ACCEPTS.has(order.status)) takeUpdate({ event: 'new', order });
      else if (piece.endedBy === undefined) takeUpdate({ event: order.status, order });
      if (missing(piece) > 0) onMissing();
    },
    takeFills: (fills) => {
      for (const { brokerOrderId, cumulativeQuantity, fill } of inOrder(fills)) {
        const piece = pieces.get(brokerOrderId);
        if (piece === undefined) continue;
        const same = piece.byCumulative.get(cumulativeQuantity);
        if (piece.executionIds.has(fill.executionId) || same?.quantity === fill.quantity) continue;
        takeFill(piece, { fill, cumulativeQuantity, isFromList: true });
        flush(piece);
      }
    },
    watch: (order) => {
      pieceOf(order).isAccepted = true;
    },
    release: () => releaseAll(pieces, tell),
    ...questions(pieces),
    newest: (clientOrderId) => newestByClientId.get(clientOrderId)?.order,
    told: (activity) => toldOf(pieces, activity),
  };
}

function fillNews(execution: Execution, leavesQuantity: Shares): BrokerNews {
  return leavesQuantity > 0
    ? { type: 'OrderPartiallyFilled', execution, leavesQuantity }
    : { type: 'OrderFilled', execution };
}

/** What may still be told to be filled under a client id: all that the newest piece leaves, and what others lack. */
function leavesOf(
  told: Piece,
  known: {
    readonly pieces: ReadonlyMap<string, Piece>;
    readonly newestByClientId: ReadonlyMap<string, Piece>;
  },
): Shares {
  const { clientOrderId } = told.order;
  const newest = known.newestByClientId.get(clientOrderId);
  if (newest === undefined) return told.order.quantity - told.knownQuantity;
  let leaves = newest.order.quantity - newest.knownQuantity;
  for (const piece of known.pieces.values()) {
    if (piece !== newest && piece.order.clientOrderId === clientOrderId)
      leaves += Math.max(0, missing(piece));
  }
  return leaves;
}

type Questions = Pick<Reports, 'open' | 'hasMissing' | 'unheard' | 'unlistedSinceUs'>;

function questions(pieces: ReadonlyMap<string, Piece>): Questions {
  const all = (): Piece[] => [...pieces.values()];
  const lacking = (): Piece[] => all().filter((piece) => missing(piece) > 0);
  return {
    open: () =>
      all()
        .filter(isOpen)
        .map(({ order }) => order),
    hasMissing: () => lacking().length > 0,
    unheard: () => all().flatMap(({ replacedBy: id }) => (id === undefined || pieces.has(id) ? [] : [id])),
    unlistedSinceUs: (listedUs) => {
      const times = (listedUs === undefined ? all() : lacking()).map(({ order }) => order.submittedUs ?? 0);
      return times.reduce((earliest, tUs) => Math.min(earliest, tUs), listedUs ?? Number.POSITIVE_INFINITY);
    },
  };
}

function toldOf(pieces: ReadonlyMap<string, Piece>, activity: FillActivity): ReturnType<Reports['told']> {
  const { brokerOrderId, cumulativeQuantity, fill } = activity;
  const piece = pieces.get(brokerOrderId);
  if (piece === undefined) return undefined;
  const same = piece.byCumulative.get(cumulativeQuantity);
  const executionId = same?.quantity === fill.quantity ? same.executionId : fill.executionId;
  return { clientOrderId: piece.order.clientOrderId, executionId };
}

/** A run of months does not grow: what ended long ago is no longer heard of. */
function forgetOldest(pieces: Map<string, Piece>, newestByClientId: Map<string, Piece>): void {
  for (const [id, piece] of pieces) {
    if (isOpen(piece)) continue;
    pieces.delete(id);
    if (newestByClientId.get(piece.order.clientOrderId) === piece)
      newestByClientId.delete(piece.order.clientOrderId);
    return;
  }
}

function releaseAll(pieces: ReadonlyMap<string, Piece>, tell: ReportsOptions['tell']): void {
  for (const piece of pieces.values()) {
    for (const update of piece.held.splice(0)) tellEvent(piece, update, tell);
  }
}

/** @returns false when there is no news that says this */
function tellEvent(piece: Piece, update: TradeUpdate, tell: ReportsOptions['tell']): boolean {
  const { event, order } = update;
  const { clientOrderId } = piece.order;
  switch (event) {
    case 'new':
    case 'accepted':
      if (!piece.isAccepted && piece.endedBy === undefined) tell({ type: 'OrderAccepted', clientOrderId });
      piece.isAccepted = true;
      return true;
    case 'canceled':
    case 'expired':
    case 'rejected':
      // all of it was filled before this was heard: there is nothing left that could have ended otherwise
      if (piece.endedBy !== event && piece.endedBy !== 'filled')
        tell(endOf(clientOrderId, event, update.reason));
      piece.endedBy ??= event;
      return true;
    case 'order_cancel_rejected':
    case 'order_replace_rejected': {
      const what = event === 'order_cancel_rejected' ? 'cancel' : 'replace';
      tell({
        type: 'CancelRejected',
        clientOrderId,
        reason: `${what} refused: ${update.reason ?? 'no reason given'}`,
      });
      return true;
    }
    case 'trade_bust':
    case 'trade_correct':
      return tellCorrection(piece, update, tell);
    default:
      if (!PROGRESS.has(event)) return false;
      if (event === 'replaced') piece.endedBy ??= event;
      // of an order that another took the place of, no state but this one is one of ours
      else if (piece.endedBy === 'replaced') return true;
      return tellProgress(
        piece,
        { status: event as OrderProgress, brokerOrderId: order.replacedBy ?? order.id },
        tell,
      );
  }
}

function endOf(
  clientOrderId: string,
  event: 'canceled' | 'expired' | 'rejected',
  reason: string | undefined,
): BrokerNews {
  if (event === 'canceled') return { type: 'OrderCancelled', clientOrderId };
  if (event === 'expired') return { type: 'OrderExpired', clientOrderId };
  return {
    type: 'OrderRejected',
    clientOrderId,
    reason: 'refused',
    detail: reason ?? 'rejected after acceptance',
  };
}

/** A state on the way, once: the stream says them again after it was lost, long after they were true. */
function tellProgress(
  piece: Piece,
  { status, brokerOrderId }: { readonly status: OrderProgress; readonly brokerOrderId: string },
  tell: ReportsOptions['tell'],
): true {
  const key = `${status} ${brokerOrderId}`;
  if (!piece.progressTold.has(key)) {
    piece.progressTold.add(key);
    tell({ type: 'OrderUpdated', clientOrderId: piece.order.clientOrderId, brokerOrderId, status });
  }
  return true;
}

function tellCorrection(piece: Piece, update: TradeUpdate, tell: ReportsOptions['tell']): boolean {
  if (update.fill === undefined || update.corrects === undefined) return false;
  const { clientOrderId, symbol, side } = piece.order;
  const quantity = update.event === 'trade_bust' ? 0 : update.fill.quantity;
  const { executionId, priceE4, feeMicros, tradeTimeUs } = update.fill;
  const execution = { executionId, clientOrderId, symbol, side, quantity, priceE4, feeMicros, tradeTimeUs };
  tell({ type: 'ExecutionCorrected', execution, corrects: update.corrects });
  return true;
}
