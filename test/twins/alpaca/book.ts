import { createHash } from 'node:crypto';
import type { Side } from '../../../src/domain/orders.ts';
import { decimalText, priceE4Of, sharesOf } from '../../../src/net/wire-text.ts';

export interface TwinQuote {
  readonly bidE4: number;
  readonly askE4: number;
  readonly bidSize: number;
  readonly askSize: number;
}

export interface TwinOrder {
  readonly id: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly type: 'market' | 'limit';
  readonly timeInForce: 'day' | 'ioc';
  readonly quantity: number;
  readonly limitE4?: number;
  readonly submittedUs: number;
  readonly replaces?: string;
  status: string;
  filled: number;
  replacedBy?: string;
}

export interface TwinExecution {
  readonly executionId: string;
  readonly order: TwinOrder;
  readonly quantity: number;
  readonly cumulative: number;
  readonly priceE4: number;
  readonly tUs: number;
}

/** One message of the trading stream, before it has a shape. */
export interface TwinUpdate {
  readonly event: string;
  /** A copy: what the order was when this was said. */
  readonly order: TwinOrder;
  readonly execution?: TwinExecution;
  readonly positionQuantity: number;
  readonly tUs: number;
}

export interface Refused {
  readonly status: 403 | 404 | 422;
  readonly code: number;
  readonly message: string;
}

export interface BookOptions {
  readonly cashMicros: number;
  readonly nowUs: () => number;
  readonly onUpdate: (update: TwinUpdate) => void;
  /** How many executions the next fill comes in. */
  readonly piecesOfFill?: () => number;
  /** Whether a client id may be used twice: then nothing but the client keeps orders from doubling. */
  readonly acceptsUsedIds?: boolean;
}

/** What Alpaca would know: an account, its orders, and a market they fill in. */
export interface TwinBook {
  readonly orders: readonly TwinOrder[];
  readonly executions: readonly TwinExecution[];
  readonly cashMicros: number;
  positions(): Readonly<Record<string, number>>;
  quote(symbol: string): TwinQuote | undefined;
  /** A new quote fills what it can. */
  setQuote(symbol: string, quote: TwinQuote): void;
  place(body: Readonly<Record<string, unknown>>): TwinOrder | Refused;
  cancel(id: string): TwinOrder | Refused;
  replace(id: string, body: Readonly<Record<string, unknown>>): TwinOrder | Refused;
  byId(id: string): TwinOrder | undefined;
  byClientId(clientOrderId: string): TwinOrder | undefined;
  /** An execution of an order that has ended: venues report those, too. */
  fillLate(id: string, quantity: number): void;
  /** A state in between, for messages that the rule of this book never makes. */
  say(id: string, event: string): void;
}

const WORKING: ReadonlySet<string> = new Set(['new', 'partially_filled', 'pending_cancel', 'accepted']);
const LEVERAGE = 2;

export function isWorking(order: TwinOrder): boolean {
  return WORKING.has(order.status);
}

export function isRefused(result: TwinOrder | Refused): result is Refused {
  return 'code' in result;
}

/** Ids as Alpaca's, the same in every run. */
function idOf(kind: string, n: number): string {
  const hex = createHash('sha256').update(`${kind} ${n}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

export function createBook(options: BookOptions): TwinBook {
  const { nowUs, onUpdate } = options;
  const orders: TwinOrder[] = [];
  const executions: TwinExecution[] = [];
  const held = new Map<string, number>();
  const quotes = new Map<string, TwinQuote>();
  let cashMicros = options.cashMicros;

  const update = (order: TwinOrder, event: string, execution?: TwinExecution): void =>
    onUpdate({
      event,
      order: { ...order },
      positionQuantity: held.get(order.symbol) ?? 0,
      tUs: nowUs(),
      ...(execution === undefined ? {} : { execution }),
    });
  const execute = (order: TwinOrder, quantity: number, priceE4: number): void => {
    const sign = order.side === 'buy' ? 1 : -1;
    order.filled += quantity;
    held.set(order.symbol, (held.get(order.symbol) ?? 0) + sign * quantity);
    cashMicros -= sign * quantity * priceE4 * 100;
    const execution: TwinExecution = {
      executionId: idOf('execution', executions.length),
      order,
      quantity,
      cumulative: order.filled,
      priceE4,
      tUs: nowUs(),
    };
    executions.push(execution);
    const isWhole = order.filled === order.quantity;
    if (isWorking(order)) order.status = isWhole ? 'filled' : 'partially_filled';
    update(order, isWhole ? 'fill' : 'partial_fill', execution);
  };
  const end = (order: TwinOrder, status: string): void => {
    order.status = status;
    update(order, status);
  };
  const match = (order: TwinOrder): void => {
    const quote = quotes.get(order.symbol);
    const touch = quote === undefined ? undefined : order.side === 'buy' ? quote.askE4 : quote.bidE4;
    if (quote !== undefined && touch !== undefined && touch > 0 && reaches(order, touch)) {
      const displayed = order.side === 'buy' ? quote.askSize : quote.bidSize;
      let left = Math.min(order.quantity - order.filled, displayed);
      const pieces = Math.min(options.piecesOfFill?.() ?? 1, Math.ceil(left));
      for (let piece = pieces; piece > 0 && left > 0; piece--) {
        const part = piece === 1 ? left : Math.ceil(left / piece);
        left -= part;
        execute(order, part, touch);
      }
    }
    if (order.timeInForce === 'ioc' && isWorking(order)) end(order, 'canceled');
  };
  const open = (order: TwinOrder): TwinOrder => {
    orders.push(order);
    update(order, 'pending_new');
    order.status = 'new';
    update(order, 'new');
    return order;
  };
  const refusal = (body: Readonly<Record<string, unknown>>): Refused | undefined => {
    const used = orders.some(({ clientOrderId }) => clientOrderId === body.client_order_id);
    return used && options.acceptsUsedIds !== true
      ? { status: 422, code: 40_010_001, message: 'client_order_id must be unique' }
      : undefined;
  };
  return {
    orders,
    executions,
    get cashMicros() {
      return cashMicros;
    },
    positions: () => Object.fromEntries([...held].filter(([, shares]) => shares !== 0)),
    quote: (symbol) => quotes.get(symbol),
    setQuote: (symbol, quote) => {
      quotes.set(symbol, quote);
      for (const order of orders) if (order.symbol === symbol && isWorking(order)) match(order);
    },
    place: (body) => {
      const wish = readWish(body);
      const refused = 'code' in wish ? wish : (refusal(body) ?? shortOf(wish, { quotes, held, cashMicros }));
      if (refused !== undefined) return refused;
      const order = open({
        ...(wish as Wish),
        id: idOf('order', orders.length),
        submittedUs: nowUs(),
        status: 'pending_new',
        filled: 0,
      });
      match(order);
      return order;
    },
    cancel: (id) => {
      const order = orders.find((one) => one.id === id);
      if (order === undefined) return { status: 404, code: 40_410_000, message: 'order not found' };
      if (!isWorking(order)) {
        return { status: 422, code: 42_210_000, message: `order is already in "${order.status}" state` };
      }
      update({ ...order, status: 'pending_cancel' }, 'pending_cancel');
      end(order, 'canceled');
      return order;
    },
    replace: (id, body) => {
      const old = orders.find((one) => one.id === id);
      if (old === undefined) return { status: 404, code: 40_410_000, message: 'order not found' };
      if (!isWorking(old))
        return { status: 422, code: 42_210_000, message: `cannot replace order in ${old.status} status` };
      const limitE4 = body.limit_price === undefined ? old.limitE4 : priceE4Of(body.limit_price);
      const quantity = body.qty === undefined ? old.quantity - old.filled : sharesOf(body.qty);
      const refused = refusal(body);
      if (refused !== undefined) return refused;
      if (quantity === undefined || quantity <= 0)
        return { status: 422, code: 42_210_000, message: 'qty is invalid' };
      const order: TwinOrder = {
        ...old,
        id: idOf('order', orders.length),
        clientOrderId: String(body.client_order_id ?? idOf('client', orders.length)),
        quantity,
        submittedUs: nowUs(),
        replaces: old.id,
        status: 'pending_new',
        filled: 0,
        ...(limitE4 === undefined ? {} : { limitE4 }),
      };
      old.replacedBy = order.id;
      end(old, 'replaced');
      match(open(order));
      return order;
    },
    byId: (id) => orders.find((one) => one.id === id),
    byClientId: (clientOrderId) => orders.find((one) => one.clientOrderId === clientOrderId),
    fillLate: (id, quantity) => {
      const order = orders.find((one) => one.id === id);
      const quote = order === undefined ? undefined : quotes.get(order.symbol);
      if (order === undefined || quote === undefined) return;
      const left = Math.min(quantity, order.quantity - order.filled);
      if (left > 0) execute(order, left, order.side === 'buy' ? quote.askE4 : quote.bidE4);
    },
    say: (id, event) => {
      const order = orders.find((one) => one.id === id);
      if (order !== undefined) update(order, event);
    },
  };
}

function reaches(order: TwinOrder, touchE4: number): boolean {
  if (order.limitE4 === undefined) return true;
  return order.side === 'buy' ? touchE4 <= order.limitE4 : touchE4 >= order.limitE4;
}

type Wish = Omit<TwinOrder, 'id' | 'submittedUs' | 'status' | 'filled' | 'replaces'>;

/** The order as asked for, or what is wrong with it. */
function readWish(body: Readonly<Record<string, unknown>>): Wish | Refused {
  const bad = (message: string): Refused => ({ status: 422, code: 42_210_000, message });
  const { symbol, side, type } = body;
  const quantity = sizeOf(body.qty);
  const limitE4 = priceE4Of(body.limit_price);
  if (typeof symbol !== 'string' || symbol === '') return bad('symbol is required');
  if (symbol.startsWith('NO')) return bad(`asset "${symbol}" not found`);
  if (side !== 'buy' && side !== 'sell') return bad('side must be buy or sell');
  if (type !== 'market' && type !== 'limit') return bad('invalid type');
  if (quantity === undefined || quantity <= 0) return bad('qty must be > 0');
  if (type === 'limit' && limitE4 === undefined) return bad('limit orders require a limit price');
  if (limitE4 !== undefined && limitE4 >= 10_000 && limitE4 % 100 !== 0) {
    return bad(
      `invalid limit_price ${decimalText(limitE4, 4)}. sub-penny increment does not fulfill minimum pricing criteria`,
    );
  }
  const clientOrderId = typeof body.client_order_id === 'string' ? body.client_order_id : '';
  if (clientOrderId === '' || clientOrderId.length > 128)
    return bad('client_order_id must be 1 to 128 characters');
  const timeInForce = body.time_in_force === 'ioc' ? 'ioc' : 'day';
  return {
    clientOrderId,
    symbol,
    side,
    type,
    timeInForce,
    quantity,
    ...(limitE4 === undefined ? {} : { limitE4 }),
  };
}

/** Whole shares, or parts of one: Alpaca takes both. */
function sizeOf(text: unknown): number | undefined {
  return typeof text === 'string' && /^[0-9]+(\.[0-9]{1,9})?$/.test(text) ? Number(text) : undefined;
}

interface Means {
  readonly quotes: ReadonlyMap<string, TwinQuote>;
  readonly held: ReadonlyMap<string, number>;
  readonly cashMicros: number;
}

/** Not enough money, or shares that are not there: one code for both. */
function shortOf(wish: Wish | Refused, { quotes, held, cashMicros }: Means): Refused | undefined {
  if ('code' in wish) return wish;
  const position = held.get(wish.symbol) ?? 0;
  if (wish.side === 'sell' && position > 0 && wish.quantity > position) {
    const message = `insufficient qty available for order (requested: ${wish.quantity}, available: ${position})`;
    return { status: 403, code: 40_310_000, message };
  }
  const priceE4 = wish.limitE4 ?? quotes.get(wish.symbol)?.askE4 ?? 0;
  const costMicros = wish.side === 'buy' ? priceE4 * wish.quantity * 100 : 0;
  return costMicros > cashMicros * LEVERAGE
    ? { status: 403, code: 40_310_000, message: 'insufficient buying power' }
    : undefined;
}
