import { canMove, type OrderRequest, type OrderStatus } from '../../src/domain/orders.ts';
import type { BrokerNews } from '../../src/ports/broker.ts';
import type { TwinOrder } from '../twins/alpaca/book.ts';
import type { AlpacaTwin } from '../twins/alpaca/twin.ts';

/** What a script left: what was asked for, what was told, what went wrong in words, and the twin with its books. */
export interface Outcome {
  readonly twin: AlpacaTwin;
  readonly submitted: readonly OrderRequest[];
  readonly news: readonly BrokerNews[];
  readonly errors: readonly string[];
  readonly positions: Readonly<Record<string, number>>;
  readonly cashMicros: number;
}

interface Told {
  readonly executions: ReadonlyMap<string, number>;
  readonly quantity: number;
  readonly ends: readonly string[];
  readonly isRejected: boolean;
}

const ENDS: ReadonlySet<string> = new Set(['OrderCancelled', 'OrderExpired', 'OrderRejected']);

/** What news say of one order, each execution once. */
function toldOf(news: readonly BrokerNews[], clientOrderId: string): Told {
  const executions = new Map<string, number>();
  const ends: string[] = [];
  for (const one of news) {
    if ('execution' in one && one.execution.clientOrderId === clientOrderId) {
      executions.set(one.execution.executionId, one.execution.quantity);
      if (one.type === 'OrderFilled') ends.push(one.type);
    } else if ('clientOrderId' in one && one.clientOrderId === clientOrderId && ENDS.has(one.type)) {
      ends.push(one.type);
    }
  }
  const quantity = [...executions.values()].reduce((sum, shares) => sum + shares, 0);
  return { executions, quantity, ends, isRejected: ends.includes('OrderRejected') };
}

/** An order of the twin and what it was replaced by. */
function chainOf(twin: AlpacaTwin, first: TwinOrder): TwinOrder[] {
  const chain = [first];
  for (let next = first.replacedBy; next !== undefined; next = chain.at(-1)?.replacedBy) {
    const order = twin.book.byId(next);
    if (order === undefined) break;
    chain.push(order);
  }
  return chain;
}

export type Check = (outcome: Outcome) => string | undefined;

/** Whether what was told has caught up with the books: what a script waits for once nothing goes wrong any more. */
export function isSettled(outcome: Outcome): boolean {
  return CONVERGING.every((name) => CHECKS[name](outcome) === undefined);
}

function first(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}

function originals(twin: AlpacaTwin, clientOrderId: string): TwinOrder[] {
  return twin.book.orders.filter((order) => order.clientOrderId === clientOrderId);
}

/** Names are those of the invariants in print. */
export const CHECKS = {
  one_order_per_client_id: ({ twin, submitted }) =>
    first(
      submitted.map(({ clientOrderId }) => {
        const count = originals(twin, clientOrderId).length;
        return count <= 1 ? undefined : `${clientOrderId}: ${count} orders`;
      }),
    ),
  looked_up_before_resent: ({ twin }) => resentBlindly(twin),
  nothing_before_listening: ({ twin }) => {
    const early = twin.seen.find(({ method }) => method === 'POST');
    return early === undefined || early.isHeard ? undefined : 'an order was sent before reports were heard';
  },
  every_order_has_an_outcome: ({ twin, submitted, news }) =>
    first(
      submitted.map(({ clientOrderId }) => {
        const { isRejected } = toldOf(news, clientOrderId);
        const isThere = originals(twin, clientOrderId).length > 0;
        if (isThere === !isRejected) return undefined;
        return `${clientOrderId}: ${isThere ? 'told as refused, and there' : 'not there, and not told as refused'}`;
      }),
    ),
  ends_as_in_the_book: ({ twin, submitted, news }) =>
    first(submitted.map(({ clientOrderId }) => endProblem(twin, clientOrderId, toldOf(news, clientOrderId)))),
  fills_as_in_the_book: ({ twin, submitted, news }) =>
    first(
      submitted.map(({ clientOrderId }) => {
        const [original] = originals(twin, clientOrderId);
        const filled =
          original === undefined ? 0 : chainOf(twin, original).reduce((sum, one) => sum + one.filled, 0);
        const { quantity } = toldOf(news, clientOrderId);
        return quantity === filled
          ? undefined
          : `${clientOrderId}: ${quantity} shares told, ${filled} filled`;
      }),
    ),
  unique_executions_make_the_position: ({ twin, news, positions }) => {
    const sums = new Map<string, number>();
    const seen = new Set<string>();
    for (const one of news) {
      if (!('execution' in one) || seen.has(one.execution.executionId)) continue;
      seen.add(one.execution.executionId);
      const { symbol, side, quantity } = one.execution;
      sums.set(symbol, (sums.get(symbol) ?? 0) + (side === 'buy' ? quantity : -quantity));
    }
    const book = twin.book.positions();
    const symbols = [...new Set([...sums.keys(), ...Object.keys(book)])];
    return first(
      symbols.map((symbol) => {
        const [told, held, asked] = [sums.get(symbol) ?? 0, book[symbol] ?? 0, positions[symbol] ?? 0];
        return told === held && asked === held
          ? undefined
          : `${symbol}: ${told} told, ${held} held, ${asked} asked for`;
      }),
    );
  },
  cash_is_exact: ({ twin, cashMicros }) =>
    cashMicros === twin.book.cashMicros
      ? undefined
      : `${cashMicros} asked for, ${twin.book.cashMicros} there`,
  fills_never_exceed_the_order: ({ twin, submitted, news }) =>
    first(
      submitted.map(({ clientOrderId }) => {
        const [original] = originals(twin, clientOrderId);
        const most =
          original === undefined ? 0 : chainOf(twin, original).reduce((sum, one) => sum + one.quantity, 0);
        return toldOf(news, clientOrderId).quantity <= most
          ? undefined
          : `${clientOrderId}: more than ${most} shares`;
      }),
    ),
  moves_are_legal: ({ twin, submitted, news }) => {
    const isLate = twin.dealer.dealt.some(({ on }) => on === 'cancelled');
    return first(submitted.map(({ clientOrderId }) => illegalMove(news, clientOrderId, isLate)));
  },
  one_broker_order_at_a_time: ({ submitted, news }) =>
    first(submitted.map(({ clientOrderId }) => secondBrokerOrder(news, clientOrderId))),
  losses_and_returns_alternate: ({ news }) => {
    const links = news.filter(({ type }) => type === 'ConnectionLost' || type === 'ConnectionRestored');
    const isWrong = links.some(({ type }, at) => (type === 'ConnectionLost') !== (at % 2 === 0));
    return isWrong ? `in the order ${links.map(({ type }) => type).join(' ')}` : undefined;
  },
  no_secret_is_shown: ({ twin, news, errors }) => {
    const text = JSON.stringify([news, errors]);
    return Object.values(twin.keys).some((key) => text.includes(key))
      ? 'a key is in news or errors'
      : undefined;
  },
} satisfies Readonly<Record<string, Check>>;

export type Invariant = keyof typeof CHECKS;

const CONVERGING: readonly Invariant[] = [
  'every_order_has_an_outcome',
  'ends_as_in_the_book',
  'fills_as_in_the_book',
  'unique_executions_make_the_position',
];

function endProblem(twin: AlpacaTwin, clientOrderId: string, told: Told): string | undefined {
  const [original] = originals(twin, clientOrderId);
  if (original === undefined) return undefined;
  const last = chainOf(twin, original).at(-1) as TwinOrder;
  const ends: Readonly<Record<string, string>> = { filled: 'OrderFilled', canceled: 'OrderCancelled' };
  const expected = ends[last.status];
  if (expected === undefined) {
    return told.ends.length === 0
      ? undefined
      : `${clientOrderId}: ${last.status}, and told as ${told.ends.join(' ')}`;
  }
  if (told.ends.includes(expected)) return undefined;
  // a fill after the end may be heard before it
  if (last.filled === last.quantity && told.ends.includes('OrderFilled')) return undefined;
  return `${clientOrderId}: ${last.status}, and told as ${told.ends.join(' ') || 'not ended'}`;
}

/** What no order may do. @param isLate whether a fill after the end was made on purpose */
function illegalMove(
  news: readonly BrokerNews[],
  clientOrderId: string,
  isLate: boolean,
): string | undefined {
  const booked = new Set<string>();
  let status: OrderStatus = 'intended';
  for (const one of news) {
    let next: OrderStatus | undefined;
    if ('execution' in one && one.execution.clientOrderId === clientOrderId) {
      if (booked.has(one.execution.executionId)) continue;
      booked.add(one.execution.executionId);
      next = one.type === 'OrderFilled' ? 'filled' : 'partially_filled';
      if (isLate && status === 'cancelled') continue;
    } else if ('clientOrderId' in one && one.clientOrderId === clientOrderId) {
      next = STATUS_OF[one.type];
    }
    if (next === undefined) continue;
    if (!canMove(status, next)) return `${clientOrderId}: ${status} -> ${next}`;
    status = next;
  }
  return undefined;
}

const STATUS_OF: Readonly<Record<string, OrderStatus>> = {
  OrderAccepted: 'accepted',
  OrderCancelled: 'cancelled',
  OrderExpired: 'expired',
  OrderRejected: 'rejected',
};

/** Another broker order under a client id, without having taken the place of the one before. */
function secondBrokerOrder(news: readonly BrokerNews[], clientOrderId: string): string | undefined {
  let known: string | undefined;
  for (const one of news) {
    if (one.type !== 'OrderUpdated' || one.clientOrderId !== clientOrderId) continue;
    if (known !== undefined && known !== one.brokerOrderId && one.status !== 'replaced') {
      return `${clientOrderId}: ${one.status} of ${one.brokerOrderId}, and ${known} is the one`;
    }
    known = one.brokerOrderId;
  }
  return undefined;
}

/** Two attempts under one id without a look in between, unless the first was turned away for the number of requests. */
function resentBlindly(twin: AlpacaTwin): string | undefined {
  const open = new Set<string>();
  for (const { method, path, clientOrderId, fault } of twin.seen) {
    if (clientOrderId === undefined) continue;
    if (method === 'POST' || method === 'PATCH') {
      if (open.has(clientOrderId)) return `${clientOrderId}: sent again without a look`;
      if (fault !== 'too_many') open.add(clientOrderId);
    } else if (path.endsWith(':by_client_order_id')) {
      open.delete(clientOrderId);
    }
  }
  return undefined;
}
