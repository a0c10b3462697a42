/** The gateway's own books, kept apart from anything the client believes. Money is micro-dollars. */
export interface TwinOrder {
  orderId: number;
  readonly clientId: number;
  readonly permId: number;
  readonly orderRef: string;
  readonly account: string;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  quantity: number;
  readonly orderType: string;
  limitPriceMicros: number | undefined;
  readonly timeInForce: string;
  status: 'Submitted' | 'PendingCancel' | 'Filled' | 'Cancelled' | 'Inactive';
  completedStatus: string;
  filled: number;
}

export interface TwinExecution {
  readonly id: string;
  /** Id without its revision. */
  readonly base: string;
  readonly revision: number;
  readonly order: TwinOrder;
  readonly shares: number;
  readonly priceMicros: number;
  readonly commissionMicros: number;
  readonly time: string;
}

export interface TwinQuote {
  readonly symbol: string;
  readonly bidMicros: number;
  readonly askMicros: number;
  readonly bidSize: number;
  readonly askSize: number;
}

/** What happens to the books, in order: what reports are made of. */
export type BookEvent =
  | { readonly kind: 'order'; readonly order: TwinOrder }
  | { readonly kind: 'status'; readonly order: TwinOrder }
  | { readonly kind: 'execution'; readonly execution: TwinExecution };

export interface NewOrder {
  readonly orderId: number;
  readonly clientId: number;
  readonly orderRef: string;
  readonly account: string;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: number;
  readonly orderType: string;
  readonly limitPriceMicros: number | undefined;
  readonly timeInForce: string;
}

const FIRST_PERM_ID = 700_000_001;

export class TwsBooks {
  readonly account: string;
  readonly orders: TwinOrder[] = [];
  /** Every revision of every execution, in order. */
  readonly executions: TwinExecution[] = [];
  readonly #cashMicros: number;
  readonly #quotes = new Map<string, TwinQuote>();
  readonly #nextOrderId = new Map<number, number>();
  readonly #emit: (event: BookEvent) => void;
  readonly #now: () => string;

  constructor({
    account,
    cashMicros,
    emit,
    now,
  }: {
    readonly account: string;
    readonly cashMicros: number;
    readonly emit: (event: BookEvent) => void;
    readonly now: () => string;
  }) {
    this.account = account;
    this.#cashMicros = cashMicros;
    this.#emit = emit;
    this.#now = now;
  }

  nextOrderId(clientId: number): number {
    return this.#nextOrderId.get(clientId) ?? 1;
  }

  isOrderIdFree(clientId: number, orderId: number): boolean {
    return orderId >= this.nextOrderId(clientId);
  }

  find(clientId: number, orderId: number): TwinOrder | undefined {
    return this.orders.find((order) => order.clientId === clientId && order.orderId === orderId);
  }

  isOpen({ status }: TwinOrder): boolean {
    return status === 'Submitted' || status === 'PendingCancel';
  }

  /** Takes a new order; `atMost` limits what it fills of at once. */
  place(request: NewOrder, atMost = Number.POSITIVE_INFINITY): TwinOrder {
    const order: TwinOrder = {
      ...request,
      permId: FIRST_PERM_ID + this.orders.length,
      status: 'Submitted',
      completedStatus: '',
      filled: 0,
    };
    this.#nextOrderId.set(request.clientId, request.orderId + 1);
    this.orders.push(order);
    this.#emit({ kind: 'order', order });
    this.#match(order, atMost);
    if (order.timeInForce === 'IOC' && this.isOpen(order))
      this.#end(order, 'Cancelled', 'Cancelled by exchange');
    return order;
  }

  reject(request: NewOrder, reason: string): TwinOrder {
    const order: TwinOrder = {
      ...request,
      permId: FIRST_PERM_ID + this.orders.length,
      status: 'Inactive',
      completedStatus: reason,
      filled: 0,
    };
    this.#nextOrderId.set(request.clientId, request.orderId + 1);
    this.orders.push(order);
    return order;
  }

  change(
    order: TwinOrder,
    { quantity, limitPriceMicros }: Pick<NewOrder, 'quantity' | 'limitPriceMicros'>,
  ): void {
    order.quantity = quantity;
    order.limitPriceMicros = limitPriceMicros;
    this.#emit({ kind: 'order', order });
    this.#match(order, Number.POSITIVE_INFINITY);
  }

  cancel(order: TwinOrder): void {
    if (this.isOpen(order)) this.#end(order, 'Cancelled', 'Cancelled by trader');
  }

  quote(quote: TwinQuote): void {
    this.#quotes.set(quote.symbol, quote);
    for (const order of this.orders) {
      if (order.symbol === quote.symbol && this.isOpen(order)) this.#match(order, Number.POSITIVE_INFINITY);
    }
  }

  /** A trade of an order, also of one that has ended. */
  fill(order: TwinOrder, shares: number, priceMicros: number): TwinExecution {
    const number = this.executions.length + 1;
    const base = `0000e0d5.${number.toString(16).padStart(8, '0')}.01`;
    const execution: TwinExecution = {
      id: `${base}.01`,
      base,
      revision: 1,
      order,
      shares,
      priceMicros,
      commissionMicros: commissionOf(shares, number),
      time: this.#now(),
    };
    this.executions.push(execution);
    order.filled += shares;
    this.#emit({ kind: 'execution', execution });
    return execution;
  }

  /** Corrects the newest revision of an execution; 0 shares bust it. */
  correct(
    execution: TwinExecution,
    { shares, priceMicros }: Pick<TwinExecution, 'shares' | 'priceMicros'>,
  ): void {
    const before = this.newest().find(({ base }) => base === execution.base) ?? execution;
    const revision = before.revision + 1;
    const corrected: TwinExecution = {
      ...before,
      id: `${before.base}.${String(revision).padStart(2, '0')}`,
      revision,
      shares,
      priceMicros,
      commissionMicros: shares === 0 ? 0 : commissionOf(shares, revision),
    };
    this.executions.push(corrected);
    before.order.filled += shares - before.shares;
    this.#emit({ kind: 'execution', execution: corrected });
  }

  /** The newest revision of every execution. */
  newest(): TwinExecution[] {
    const byBase = new Map<string, TwinExecution>();
    for (const execution of this.executions) byBase.set(execution.base, execution);
    return [...byBase.values()];
  }

  positions(): Record<string, number> {
    const held: Record<string, number> = {};
    for (const { order, shares } of this.newest()) {
      held[order.symbol] = (held[order.symbol] ?? 0) + (order.side === 'buy' ? shares : -shares);
    }
    return held;
  }

  cashMicros(): number {
    let cash = this.#cashMicros;
    for (const { order, shares, priceMicros, commissionMicros } of this.newest()) {
      cash += (order.side === 'buy' ? -1 : 1) * shares * priceMicros - commissionMicros;
    }
    return cash;
  }

  netLiquidationMicros(): number {
    let value = this.cashMicros();
    for (const [symbol, shares] of Object.entries(this.positions())) {
      value += shares * (this.#quotes.get(symbol)?.bidMicros ?? 0);
    }
    return value;
  }

  #match(order: TwinOrder, atMost: number): void {
    const quote = this.#quotes.get(order.symbol);
    const leaves = order.quantity - order.filled;
    if (quote !== undefined && leaves > 0) {
      const isBuy = order.side === 'buy';
      const priceMicros = isBuy ? quote.askMicros : quote.bidMicros;
      const limit = order.limitPriceMicros;
      const isMarketable = limit === undefined || (isBuy ? limit >= priceMicros : limit <= priceMicros);
      const shares = Math.min(leaves, isBuy ? quote.askSize : quote.bidSize, atMost);
      if (isMarketable && shares > 0) this.fill(order, shares, priceMicros);
    }
    if (order.filled >= order.quantity)
      this.#end(order, 'Filled', 'Filled Size: '.concat(String(order.filled)));
    else this.#emit({ kind: 'status', order });
  }

  #end(order: TwinOrder, status: 'Filled' | 'Cancelled', completedStatus: string): void {
    order.status = status;
    order.completedStatus = completedStatus;
    this.#emit({ kind: 'status', order });
  }
}

/** To the micro-dollar, so that a rounding on the way is seen. */
function commissionOf(shares: number, salt: number): number {
  return Math.max(350_000, shares * 3_500) + (salt % 7);
}
