import { Subject } from 'rxjs';
import { ServiceError } from '../../domain/errors.ts';
import { universeIndexOf } from '../../domain/marks.ts';
import type { OrderRequest } from '../../domain/orders.ts';
import type { ExchangeSettings } from '../../domain/settings.ts';
import type { MoneyMicros, TimeUs } from '../../domain/units.ts';
import type { DerivedEvent } from '../../events/derived.ts';
import type { InputEvent } from '../../events/inputs.ts';
import * as exchange from '../../exchange/exchange.ts';
import { createExchange, type WorkingOrder } from '../../exchange/state.ts';
import type { Broker, BrokerNews, BrokerOrder, BrokerRules } from '../../ports/broker.ts';

export interface SimulatedBrokerOptions {
  readonly settings: ExchangeSettings;
  readonly symbols: readonly string[];
  readonly initialCashMicros: MoneyMicros;
}

export interface SimulatedBroker extends Broker {
  /**
   * Before `connect`: takes one step of the tape of a run that crashed, so that the books stand where they stood. What the
   * exchange told then and the tape does not hold is told at `connect`.
   */
  mirror(event: InputEvent, derived: readonly DerivedEvent[]): void;
}

const RULES: BrokerRules = {
  orderTypes: ['market', 'limit', 'marketable_limit'],
  timesInForce: ['day', 'ioc'],
  isShortAllowed: true,
  isFractionalAllowed: false,
  mustCloseBeforeReversal: false,
  tickE4: 1,
  subDollarTickE4: 1,
  maxRequestsPerMinute: 0,
  maxOrdersPerSymbolSide: 0,
  maxClientOrderIdLength: 128,
};

/**
 * The exchange of the backtest behind the broker's port. It sees the market as the run records it, and its books are a
 * function of that and of the intents, so a crashed run's come back from its tape.
 */
export function createSimulatedBroker(options: SimulatedBrokerOptions): SimulatedBroker {
  const state = createExchange(options.settings, options);
  const news$ = new Subject<BrokerNews>();
  let nowUs: TimeUs = 0;
  let isConnected = false;
  /** Before `connect`: what was told, and how much of it the tape holds. */
  let produced: BrokerNews[] = [];
  let recorded = 0;

  function tell(events: readonly InputEvent[]): void {
    for (const event of events) {
      const { tUs: _stampedByTheSequencer, ...untimed } = event;
      const news = untimed as BrokerNews;
      if (isConnected) news$.next(news);
      else produced.push(news);
    }
  }

  function observe(event: InputEvent): void {
    nowUs = event.tUs;
    switch (event.type) {
      case 'SessionOpened':
        tell(exchange.openSession(state, event.session));
        return;
      case 'SessionClosed':
        tell(exchange.closeSession(state, nowUs));
        return;
      case 'CorporateActionApplied':
        tell(exchange.applyCorporateAction(state, event.action, nowUs));
        return;
      case 'MarketSlice': {
        const { slice } = event;
        tell(exchange.applySlice(state, slice, universeIndexOf(state.symbols, slice.table.symbols), nowUs));
        return;
      }
      default:
        return;
    }
  }

  function submit(order: OrderRequest): void {
    if (!state.sessionOrderIds.has(order.clientOrderId)) {
      tell(exchange.submitOrder(state, order, nowUs));
    }
  }

  return {
    name: 'simulated',
    rules: { ...RULES, isShortAllowed: options.settings.allowShort },
    news$,
    connect: async () => {
      isConnected = true;
      const missed = produced.slice(recorded);
      produced = [];
      for (const news of missed) news$.next(news);
    },
    submitOrder: async (order) => submit(order),
    cancelOrder: async (clientOrderId) => tell(exchange.cancelOrder(state, clientOrderId, nowUs)),
    replaceOrder: async () => {
      throw new ServiceError(
        'REPLACE_UNSUPPORTED',
        'broker simulated: an order at work cannot be changed; cancel it and send another',
        { retryable: false },
      );
    },
    findOrder: async (clientOrderId) => {
      const order = state.working.find(({ request }) => request.clientOrderId === clientOrderId);
      return order === undefined ? undefined : orderOf(order);
    },
    getOpenOrders: async () => state.working.map(orderOf),
    getPositions: async () => exchange.accountSnapshot(state).positions,
    getCash: async () => exchange.accountSnapshot(state).cashMicros,
    getPortfolioValue: async () => exchange.exchangeEquityMicros(state),
    getExecutions: async () => [],
    observe,
    close: async () => news$.complete(),
    mirror: (event, derived) => {
      if (REPORTS.has(event.type)) recorded += 1;
      observe(event);
      for (const followed of derived) {
        if (followed.type === 'OrderIntended') submit(followed.order);
        else if (followed.type === 'CancelIntended') {
          tell(exchange.cancelOrder(state, followed.clientOrderId, nowUs));
        }
      }
    },
  };
}

/** What the exchange tells, as recorded. */
const REPORTS: ReadonlySet<InputEvent['type']> = new Set([
  'OrderAccepted',
  'OrderRejected',
  'OrderPartiallyFilled',
  'OrderFilled',
  'OrderCancelled',
  'OrderExpired',
  'BorrowFeeCharged',
]);

function orderOf({ request, leavesQuantity, ordinal }: WorkingOrder): BrokerOrder {
  const { clientOrderId, symbol, side, quantity, limitPriceE4 } = request;
  return {
    clientOrderId,
    brokerOrderId: String(ordinal),
    symbol,
    side,
    quantity,
    filledQuantity: quantity - leavesQuantity,
    status: 'working',
    ...(limitPriceE4 === undefined ? {} : { limitPriceE4 }),
  };
}
