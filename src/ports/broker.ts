import type { Observable } from 'rxjs';
import type { Execution, OrderRequest, OrderType, Side, TimeInForce } from '../domain/orders.ts';
import type { MoneyMicros, PriceE4, Shares, TimeUs } from '../domain/units.ts';
import type { BrokerReport, InputEvent } from '../events/inputs.ts';

/** An input before the sequencer has given it its time. */
export type Untimed<E> = E extends unknown ? Omit<E, 'tUs'> : never;

/** What a broker says unasked: reports on orders, and whether it can be heard. */
export type BrokerNews = Untimed<
  | BrokerReport
  | Extract<
      InputEvent,
      { readonly type: 'BrokerSnapshot' | 'BorrowFeeCharged' | 'ConnectionLost' | 'ConnectionRestored' }
    >
>;

/** What a broker allows, as data: checked before anything is sent. */
export interface BrokerRules {
  readonly orderTypes: readonly OrderType[];
  readonly timesInForce: readonly TimeInForce[];
  readonly isShortAllowed: boolean;
  readonly isFractionalAllowed: boolean;
  /** Whether a position must be closed before one on the other side is opened. */
  readonly mustCloseBeforeReversal: boolean;
  /** Price step from one dollar up, and below. */
  readonly tickE4: PriceE4;
  readonly subDollarTickE4: PriceE4;
  /** Messages a minute, all kinds together; 0 is no limit. */
  readonly maxRequestsPerMinute: number;
  /** Orders at work a symbol and side; 0 is no limit. */
  readonly maxOrdersPerSymbolSide: number;
  readonly maxClientOrderIdLength: number;
}

/** An order as the broker has it. */
export interface BrokerOrder {
  /** Empty where it was not sent by sametape. */
  readonly clientOrderId: string;
  readonly brokerOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Shares;
  readonly filledQuantity: Shares;
  readonly status: 'working' | 'filled' | 'cancelled' | 'expired' | 'rejected';
  readonly limitPriceE4?: PriceE4;
}

/** An execution as it was reported at first, or one that takes the place of another. */
export interface ToldExecution extends Execution {
  /** Id of the execution that it takes the place of. */
  readonly corrects?: string;
}

export interface OrderChange {
  readonly clientOrderId: string;
  readonly quantity?: Shares;
  readonly limitPriceE4?: PriceE4;
}

/**
 * Where order intents go. Reports come back through `news$` only, in the order the broker gave them; a promise says no
 * more than that the request was dealt with. An order is placed at most once, whatever is resent: what became of it is
 * looked up by client order id before anything is said twice.
 */
export interface Broker {
  /** As a scenario names it. */
  readonly name: string;
  readonly rules: BrokerRules;
  /** Hot; from `connect` on; completes after `close`; never errors. */
  readonly news$: Observable<BrokerNews>;
  /** Done when reports on orders can be heard: nothing is sent before. @throws ServiceError */
  connect(): Promise<void>;
  /**
   * Done when the order is known to be placed or refused (then news says so).
   * @param sent `mayBePlaced`: an earlier attempt, of this process or of one that crashed, may have placed it. It is looked
   *   up first (open and ended orders, executions), and what is found is told as news; only what is not there is sent.
   * @throws ServiceError when neither could be found out; the caller asks again with `mayBePlaced`
   */
  submitOrder(order: OrderRequest, sent?: { readonly mayBePlaced: boolean }): Promise<void>;
  /** Done when the broker has the request; a refusal is news. */
  cancelOrder(clientOrderId: string): Promise<void>;
  /** Changes a working order in place of cancelling it; what becomes of it is news. */
  replaceOrder(change: OrderChange): Promise<void>;
  /** Undefined when the broker knows no such order, which does not prove that it will not. */
  findOrder(clientOrderId: string): Promise<BrokerOrder | undefined>;
  getOpenOrders(): Promise<readonly BrokerOrder[]>;
  /** Signed shares of symbols held, keys in code-unit order. */
  getPositions(): Promise<Readonly<Record<string, Shares>>>;
  getCash(): Promise<MoneyMicros>;
  /** Cash and positions at the broker's own prices. */
  getPortfolioValue(): Promise<MoneyMicros>;
  /**
   * Executions at or after a time, oldest first: what a lost connection may have kept from us. Their ids are those that
   * news gives, so that one told twice is booked once; fees are what is known by now. One that was corrected comes as it
   * was at first, and what corrects it after it.
   */
  getExecutions(sinceUs: TimeUs): Promise<readonly ToldExecution[]>;
  /** The broker's name of the account, which an operator types to confirm what concerns it. Not every broker has one. */
  getAccountId?(): Promise<string>;
  /** For a simulated broker: what passes through the loop, in its order. Others have no such method. */
  observe?(event: InputEvent): void;
  /** Ends connections; nothing is cancelled by it. */
  close(): Promise<void>;
}
