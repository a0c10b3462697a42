import { Subject } from 'rxjs';
import type { OrderRequest } from '../../src/domain/orders.ts';
import type { PriceE4, Shares } from '../../src/domain/units.ts';
import type { Broker, BrokerNews, BrokerOrder, BrokerRules } from '../../src/ports/broker.ts';

/** How the broker of a test behaves beyond the ordinary. */
export interface Behaviour {
  /** What it makes of an order; default: market orders fill at once, others work. */
  readonly onSubmit?: (order: OrderRequest, broker: ScriptedBroker) => void;
  /** What it makes of a cancel; default: the order is cancelled. */
  readonly onCancel?: (clientOrderId: string, broker: ScriptedBroker) => void;
  readonly rules?: Partial<BrokerRules>;
  readonly accountId?: string;
}

const RULES: BrokerRules = {
  orderTypes: ['market', 'limit', 'marketable_limit'],
  timesInForce: ['day', 'ioc'],
  isShortAllowed: true,
  isFractionalAllowed: false,
  mustCloseBeforeReversal: false,
  tickE4: 100,
  subDollarTickE4: 1,
  maxRequestsPerMinute: 0,
  maxOrdersPerSymbolSide: 0,
  maxClientOrderIdLength: 128,
};

/** A broker in memory with real books: orders, positions and reports, which come as microtasks. */
export interface ScriptedBroker extends Broker {
  readonly orders: Map<string, BrokerOrder>;
  readonly positions: Map<string, Shares>;
  /** Every request it got, in order: `connect`, `submit SYMBOL`, `cancel ID`, `close`. */
  readonly log: string[];
  say(news: BrokerNews): void;
  accept(order: OrderRequest): void;
  fill(clientOrderId: string, quantity: Shares, priceE4: PriceE4): void;
  end(clientOrderId: string): void;
}

export function scriptedBroker(behaviour: Behaviour = {}): ScriptedBroker {
  const news$ = new Subject<BrokerNews>();
  const orders = new Map<string, BrokerOrder>();
  const positions = new Map<string, Shares>();
  const log: string[] = [];
  let executions = 0;
  const broker: ScriptedBroker = {
    name: 'scripted',
    rules: { ...RULES, ...behaviour.rules },
    news$,
    orders,
    positions,
    log,
    say: (news) => queueMicrotask(() => news$.next(news)),
    accept(order) {
      orders.set(order.clientOrderId, bookOf(order));
      broker.say({ type: 'OrderAccepted', clientOrderId: order.clientOrderId });
    },
    fill(clientOrderId, quantity, priceE4) {
      const order = orders.get(clientOrderId)!;
      const filledQuantity = order.filledQuantity + quantity;
      const leavesQuantity = order.quantity - filledQuantity;
      orders.set(clientOrderId, {
        ...order,
        filledQuantity,
        status: leavesQuantity > 0 ? 'working' : 'filled',
      });
      const signed = order.side === 'buy' ? quantity : -quantity;
      const shares = (positions.get(order.symbol) ?? 0) + signed;
      if (shares === 0) positions.delete(order.symbol);
      else positions.set(order.symbol, shares);
      executions += 1;
      const { symbol, side } = order;
      const execution = {
        ...{ executionId: `e${executions}`, clientOrderId, symbol, side },
        ...{ quantity, priceE4, feeMicros: 0, tradeTimeUs: 0 },
      };
      broker.say(
        leavesQuantity > 0
          ? { type: 'OrderPartiallyFilled', execution, leavesQuantity }
          : { type: 'OrderFilled', execution },
      );
    },
    end(clientOrderId) {
      orders.set(clientOrderId, { ...orders.get(clientOrderId)!, status: 'cancelled' });
      broker.say({ type: 'OrderCancelled', clientOrderId });
    },
    connect: async () => void log.push('connect'),
    async submitOrder(order) {
      log.push(`submit ${order.side} ${order.quantity} ${order.symbol}`);
      if (behaviour.onSubmit !== undefined) behaviour.onSubmit(order, broker);
      else {
        broker.accept(order);
        if (order.type === 'market') broker.fill(order.clientOrderId, order.quantity, 1_000_000);
      }
    },
    async cancelOrder(clientOrderId) {
      log.push(`cancel ${clientOrderId}`);
      if (behaviour.onCancel !== undefined) behaviour.onCancel(clientOrderId, broker);
      else broker.end(clientOrderId);
    },
    replaceOrder: () => Promise.reject(new Error('nobody replaces here')),
    findOrder: async (clientOrderId) => orders.get(clientOrderId),
    getOpenOrders: async () => [...orders.values()].filter(({ status }) => status === 'working'),
    getPositions: async () => Object.fromEntries([...positions].sort()),
    getCash: async () => 1_000_000_000,
    getPortfolioValue: async () => 2_000_000_000,
    getExecutions: async () => [],
    async close() {
      log.push('close');
      news$.complete();
    },
  };
  return broker;
}

function bookOf({ clientOrderId, symbol, side, quantity, limitPriceE4 }: OrderRequest): BrokerOrder {
  return {
    ...{ clientOrderId, brokerOrderId: `b-${clientOrderId}`, symbol, side, quantity },
    ...{ filledQuantity: 0, status: 'working' },
    ...(limitPriceE4 === undefined ? {} : { limitPriceE4 }),
  };
}
