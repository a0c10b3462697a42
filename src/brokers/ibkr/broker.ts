import type { Observable } from 'rxjs';
import type { IbkrSettings } from '../../domain/ibkr-settings.ts';
import type { OrderRejectReason, OrderRequest } from '../../domain/orders.ts';
import type { MoneyMicros, Shares, TimeUs } from '../../domain/units.ts';
import type {
  Broker,
  BrokerNews,
  BrokerOrder,
  BrokerRules,
  OrderChange,
  ToldExecution,
} from '../../ports/broker.ts';
import { askPositions, askSummary } from './account.ts';
import { microsOfText } from './amounts.ts';
import { rulesOf } from './config.ts';
import { IbkrDesk } from './desk.ts';
import { executionsSince, retell } from './executions.ts';
import { termsOf, toContract, toOrder } from './mapper.ts';
import { addEntry, brokerOrderOf, findEntry, isKnown, isOver, type OrderEntry } from './order-book.ts';
import { note } from './order-progress.ts';
import type { SessionOptions } from './session.ts';

/** Interactive Brokers through a gateway or TWS on this machine. See `createIbkrBroker`. */
class IbkrBroker implements Broker {
  readonly name = 'ibkr';
  readonly rules: BrokerRules;
  readonly news$: Observable<BrokerNews>;
  readonly #settings: IbkrSettings;
  readonly #desk: IbkrDesk;
  readonly #submissions = new Map<string, Promise<void>>();

  constructor(options: SessionOptions) {
    this.#settings = options.settings;
    this.rules = rulesOf(options.settings);
    this.#desk = new IbkrDesk(options);
    this.news$ = this.#desk.news$;
  }

  async connect(): Promise<void> {
    await this.#desk.open();
  }

  submitOrder(order: OrderRequest, sent?: { readonly mayBePlaced: boolean }): Promise<void> {
    const { clientOrderId } = order;
    const running = this.#submissions.get(clientOrderId);
    if (running !== undefined) return running;
    const submission = this.#submit(order, sent?.mayBePlaced === true).finally(() =>
      this.#submissions.delete(clientOrderId),
    );
    this.#submissions.set(clientOrderId, submission);
    return submission;
  }

  async cancelOrder(clientOrderId: string): Promise<void> {
    this.#desk.session.expectReady();
    const entry = await this.#desk.entryAnywhere(clientOrderId);
    const refuse = (reason: string): void =>
      this.#desk.tell([{ type: 'CancelRejected', clientOrderId, reason }]);
    if (entry === undefined) return refuse('the gateway knows no such order');
    if (isOver(entry)) return refuse(`the order is ${entry.phase} already`);
    if (!this.#desk.isMine(entry)) return refuse(`it belongs to API client ${entry.clientId ?? 'unknown'}`);
    const heard = entry.heard;
    await this.#desk.session.send('cancel', (gateway) => {
      entry.isCancelAsked = true;
      gateway.cancel(entry.orderId);
    });
    await this.#desk.hearsOf(entry, () => entry.heard > heard || isOver(entry), 'IBKR_CANCEL_UNCONFIRMED');
  }

  async replaceOrder({ clientOrderId, quantity, limitPriceE4 }: OrderChange): Promise<void> {
    this.#desk.session.expectReady();
    const entry = await this.#desk.entryAnywhere(clientOrderId);
    const refuse = (reason: string): void =>
      this.#desk.tell([{ type: 'CancelRejected', clientOrderId, reason }]);
    if (entry === undefined) return refuse('the gateway knows no such order');
    if (isOver(entry)) return refuse(`the order is ${entry.phase} already`);
    if (!this.#desk.isMine(entry)) return refuse(`it belongs to API client ${entry.clientId ?? 'unknown'}`);
    // to change what never came would be to place it
    if (!isKnown(entry)) throw this.#desk.unconfirmed(entry, 'IBKR_ORDER_IN_DOUBT');
    const change = {
      quantity: quantity ?? entry.quantity,
      limitPriceE4: limitPriceE4 ?? entry.limitPriceE4,
    };
    await this.#desk.session.send('ordinary', (gateway) => {
      entry.pendingChange = change;
      this.#desk.tell(note(entry, 'pending_replace'));
      const { account } = this.#desk.session;
      const { side, terms, symbol } = entry;
      const settings = this.#settings;
      gateway.place(
        entry.orderId,
        toContract(symbol, settings),
        toOrder({ clientOrderId, account, side, terms, ...change }),
      );
    });
    const isDone = (): boolean => entry.pendingChange !== change || isOver(entry);
    await this.#desk.hearsOf(entry, isDone, 'IBKR_REPLACE_UNCONFIRMED');
  }

  async findOrder(clientOrderId: string): Promise<BrokerOrder | undefined> {
    await this.#desk.look();
    const entry = this.#desk.book.entries.get(clientOrderId);
    return entry === undefined || !isKnown(entry) ? undefined : brokerOrderOf(entry);
  }

  async getOpenOrders(): Promise<readonly BrokerOrder[]> {
    const { open } = await this.#desk.look();
    // as they are listed, not as they were sent: a person may have changed one since
    const orders = new Map<string, BrokerOrder>();
    for (const { side, quantity, limitPriceE4, ...fact } of open) {
      const entry = findEntry(this.#desk.book, fact);
      if (entry === undefined || isOver(entry)) continue;
      const order = brokerOrderOf({ ...entry, side, quantity, limitPriceE4 });
      orders.set(order.brokerOrderId, order);
    }
    return [...orders.values()].map((order) =>
      order.clientOrderId.startsWith('ibkr:') ? { ...order, clientOrderId: '' } : order,
    );
  }

  async getPositions(): Promise<Readonly<Record<string, Shares>>> {
    return this.#desk.session.ask(askPositions(this.#desk.session.account));
  }

  getCash(): Promise<MoneyMicros> {
    return this.#summary('TotalCashValue');
  }

  getPortfolioValue(): Promise<MoneyMicros> {
    return this.#summary('NetLiquidation');
  }

  /** As the gateway named it when it was connected to. */
  async getAccountId(): Promise<string> {
    return this.#desk.session.account;
  }

  async getExecutions(sinceUs: TimeUs): Promise<readonly ToldExecution[]> {
    await this.#desk.look();
    return executionsSince(this.#desk.book, sinceUs);
  }

  async close(): Promise<void> {
    this.#desk.close();
  }

  async #submit(order: OrderRequest, mayBePlaced: boolean): Promise<void> {
    const { clientOrderId, symbol, side, quantity, limitPriceE4 } = order;
    const settings = this.#settings;
    this.#desk.session.expectReady();
    if (mayBePlaced) await this.#desk.search(clientOrderId);
    const known = this.#desk.book.entries.get(clientOrderId);
    if (known !== undefined) {
      if (!isKnown(known)) await this.#desk.hearsOf(known, () => isKnown(known), 'IBKR_ORDER_IN_DOUBT');
      return this.#desk.tell(retell(this.#desk.book, known));
    }
    const refusal = this.#refusalOf(order);
    if (refusal !== undefined) return this.#desk.tell([{ type: 'OrderRejected', clientOrderId, ...refusal }]);
    let entry: OrderEntry | undefined;
    await this.#desk.session.send('ordinary', (gateway) => {
      const orderId = this.#desk.session.takeOrderId();
      const terms = termsOf(order);
      entry = addEntry(this.#desk.book, {
        clientOrderId,
        orderId,
        clientId: settings.clientId,
        permId: 0,
        symbol,
        side,
        quantity,
        limitPriceE4,
        terms,
        phase: 'sent',
        sentAfterLook: this.#desk.looks,
      });
      const { account } = this.#desk.session;
      gateway.place(
        orderId,
        toContract(symbol, settings),
        toOrder({ clientOrderId, account, side, quantity, limitPriceE4, terms }),
      );
    });
    const sent = entry as OrderEntry | undefined;
    if (sent !== undefined) await this.#desk.hearsOf(sent, () => isKnown(sent), 'IBKR_ORDER_IN_DOUBT');
  }

  /** What need not be sent to be refused. */
  #refusalOf(
    order: OrderRequest,
  ): { readonly reason: OrderRejectReason; readonly detail: string } | undefined {
    const { maxOrdersPerSymbolSide, maxClientOrderIdLength } = this.rules;
    const { clientOrderId, quantity, type, limitPriceE4 } = order;
    if (!Number.isSafeInteger(quantity) || quantity <= 0) {
      return { reason: 'invalid_quantity', detail: `${quantity} shares` };
    }
    const needsPrice = type !== 'market';
    if (
      needsPrice &&
      (limitPriceE4 === undefined || !Number.isSafeInteger(limitPriceE4) || limitPriceE4 <= 0)
    ) {
      return { reason: 'invalid_price', detail: `a ${type} order at ${limitPriceE4}` };
    }
    if (clientOrderId === '' || clientOrderId.length > maxClientOrderIdLength) {
      const detail = `a client order id of ${clientOrderId.length} characters; 1 to ${maxClientOrderIdLength} travel`;
      return { reason: 'not_placed', detail };
    }
    if (maxOrdersPerSymbolSide === 0) return undefined;
    const working = [...this.#desk.book.entries.values()].filter(
      (entry) => !isOver(entry) && entry.symbol === order.symbol && entry.side === order.side,
    );
    if (working.length < maxOrdersPerSymbolSide) return undefined;
    const detail = `${working.length} orders at work in ${order.symbol} on this side; the gateway takes ${maxOrdersPerSymbolSide}`;
    return { reason: 'not_placed', detail };
  }

  async #summary(tag: string): Promise<MoneyMicros> {
    return microsOfText(await this.#desk.session.ask(askSummary(tag, this.#desk.session.account)), tag);
  }
}

/**
 * The broker behind a TWS or IB Gateway. Executions are the truth about fills; statuses only about what lies between.
 * What happened before the first connection is no news: `getExecutions` and `findOrder` have it, and `submitOrder` tells
 * the story of an order that is there already instead of placing it again.
 * @throws InputError IBKR_HOST for a host that may not be spoken to
 */
export function createIbkrBroker(options: SessionOptions): Broker {
  return new IbkrBroker(options);
}
