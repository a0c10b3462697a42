import type { AlpacaBrokerSettings } from '../../domain/alpaca-settings.ts';
import { assertNever, ServiceError } from '../../domain/errors.ts';
import type { OrderRequest } from '../../domain/orders.ts';
import { createBackoff } from '../../net/backoff.ts';
import type { JsonService } from '../../net/json-service.ts';
import type { RequestLane } from '../../net/request-budget.ts';
import { sleepUs } from '../../net/sleep.ts';
import type { BrokerNews, BrokerOrder, BrokerRules, OrderChange } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import { readOrder } from './account.ts';
import { type AlpacaOrder, changeBody, faultOf, orderBody, replacementId, toBrokerOrder } from './mapper.ts';
import { orderUnder, placeOnce } from './place.ts';
import type { Reports } from './reports.ts';

/** How often a cancel is sent at most; it may be repeated without harm. */
const MAX_CANCELS = 6;
/** How many replacements of one order are followed. */
const MAX_REPLACEMENTS = 100;

export interface OrderDeskOptions {
  readonly rest: JsonService;
  readonly reports: Reports;
  readonly rules: BrokerRules;
  readonly tell: (news: BrokerNews) => void;
  readonly settings: AlpacaBrokerSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly whenReady: () => Promise<boolean>;
}

export interface OrderDesk {
  submit(order: OrderRequest, mayBePlaced: boolean): Promise<void>;
  cancel(clientOrderId: string): Promise<void>;
  replace(change: OrderChange): Promise<void>;
  /** An order by its client id. What becomes of one that works is news from then on, whoever sent it. */
  find(clientOrderId: string): Promise<BrokerOrder | undefined>;
}

/** An order on its way to the broker, which may wait for its turn. */
interface Placing {
  done: Promise<void>;
  readonly callBack: AbortController;
  /** It was called back in time: nothing was sent. */
  isLeft: boolean;
}

/** Sends orders, cancels and changes. */
export function createOrderDesk(options: OrderDeskOptions): OrderDesk {
  const { reports, rest } = options;
  const placing = new Map<string, Placing>();

  /** What an order was replaced by in the end, or itself. */
  const newestUnder = async (
    found: AlpacaOrder | undefined,
    lane?: RequestLane,
  ): Promise<AlpacaOrder | undefined> => {
    let order = found;
    for (let step = 0; step < MAX_REPLACEMENTS && order?.replacedBy !== undefined; step++) {
      order = await readOrder(rest, order.replacedBy, lane);
    }
    return order;
  };
  const known = async (clientOrderId: string): Promise<AlpacaOrder | undefined> => {
    const heard = reports.newest(clientOrderId);
    if (heard !== undefined) return heard;
    const found = await newestUnder(await orderUnder(rest, clientOrderId, 'cancel'), 'cancel');
    if (found !== undefined) reports.watch(found);
    return found;
  };
  return {
    find: async (clientOrderId) => {
      const order = await newestUnder(await orderUnder(rest, clientOrderId));
      if (order === undefined) return undefined;
      const found = toBrokerOrder(order);
      if (found.status === 'working') reports.watch(order);
      return found;
    },
    submit: (order, mayBePlaced) => {
      const { clientOrderId } = order;
      // the same order asked for twice at a time is one order
      const before = placing.get(clientOrderId);
      const mine: Placing = { done: Promise.resolve(), callBack: new AbortController(), isLeft: false };
      mine.done = (before?.done ?? Promise.resolve())
        .catch(() => undefined)
        .then(() => submit(options, order, { mine, mayBePlaced: mayBePlaced || before !== undefined }));
      placing.set(clientOrderId, mine);
      return mine.done.finally(() => {
        if (placing.get(clientOrderId) === mine) placing.delete(clientOrderId);
      });
    },
    cancel: async (clientOrderId) => {
      const waiting = placing.get(clientOrderId);
      waiting?.callBack.abort();
      // a look of the cancel's own: those of the order may wait for a minute
      let found = await known(clientOrderId);
      if (found === undefined && waiting !== undefined) {
        await waiting.done.catch(() => undefined);
        if (waiting.isLeft) return;
        found = await known(clientOrderId);
      }
      await cancel(options, clientOrderId, found);
    },
    replace: async (change) => {
      await placing.get(change.clientOrderId)?.done.catch(() => undefined);
      await replace(options, change, await known(change.clientOrderId));
    },
  };
}

async function submit(
  options: OrderDeskOptions,
  order: OrderRequest,
  { mine, mayBePlaced }: { readonly mine: Placing; readonly mayBePlaced: boolean },
): Promise<void> {
  const { tell, reports } = options;
  const { clientOrderId } = order;
  const fault = faultOf({ ...order, needsLimit: order.type !== 'market' }, options.rules);
  if (fault !== undefined) {
    tell({ type: 'OrderRejected', clientOrderId, ...fault });
    return;
  }
  if (!(await options.whenReady())) {
    if (mayBePlaced) throw notListening(clientOrderId);
    const detail = 'the stream of reports did not come up in time; nothing was sent';
    tell({ type: 'OrderRejected', clientOrderId, reason: 'not_placed', detail });
    return;
  }
  const request = { method: 'POST', path: '/v2/orders', body: orderBody(order) } as const;
  const { signal } = mine.callBack;
  const placed = await placeOnce(options, { request, clientOrderId, mayBePlaced, signal });
  switch (placed.kind) {
    case 'placed':
      reports.takeOrder(placed.order);
      return;
    case 'refused':
      tell({ type: 'OrderRejected', clientOrderId, reason: 'refused', detail: placed.refusal.words });
      return;
    case 'called_back': {
      mine.isLeft = true;
      const detail = 'it was called back before it was sent';
      tell({ type: 'OrderRejected', clientOrderId, reason: 'not_placed', detail });
      return;
    }
    default:
      assertNever(placed);
  }
}

function notListening(clientOrderId: string): ServiceError {
  return new ServiceError(
    'BROKER_UNREACHABLE',
    `Alpaca: the stream of reports did not come up in time, order ${clientOrderId} was not looked for`,
    { retryable: true },
  );
}

/** Cancels go out also while reports are not heard: they take risk away. */
async function cancel(
  options: OrderDeskOptions,
  clientOrderId: string,
  found: AlpacaOrder | undefined,
): Promise<void> {
  const { rest, tell, reports, settings } = options;
  if (found === undefined) {
    tell({ type: 'CancelRejected', clientOrderId, reason: 'Alpaca has no such order' });
    return;
  }
  const backoff = createBackoff(
    { firstUs: settings.retryUs, maxUs: settings.maxRetryUs, jitterFrac: 0.5 },
    options.random,
  );
  let { id } = found;
  let last = '';
  for (let attempt = 0; attempt < MAX_CANCELS; attempt++) {
    const path = `/v2/orders/${encodeURIComponent(id)}`;
    const sent = await rest.send({ method: 'DELETE', path, lane: 'cancel' });
    if (sent.kind === 'done') return;
    if (sent.kind === 'refused') {
      const order = await readOrder(rest, id, 'cancel');
      if (order !== undefined) reports.takeOrder(order);
      if (order?.status !== 'replaced' || order.replacedBy === undefined) {
        const isWorking = order === undefined || toBrokerOrder(order).status === 'working';
        if (isWorking && order?.status !== 'pending_cancel') {
          tell({ type: 'CancelRejected', clientOrderId, reason: sent.refusal.words });
        }
        return;
      }
      id = order.replacedBy;
    } else {
      last = sent.detail;
      await sleepUs(options.clock, backoff.nextUs());
    }
  }
  throw new ServiceError(
    'BROKER_UNREACHABLE',
    `Alpaca: the cancel of order ${clientOrderId} was not answered after ${MAX_CANCELS} attempts (${last})`,
    { retryable: true },
  );
}

/**
 * Changes a working order. Alpaca makes a new order of it, under a client id of its own; both are reported under ours.
 */
async function replace(
  options: OrderDeskOptions,
  change: OrderChange,
  found: AlpacaOrder | undefined,
): Promise<void> {
  const { tell, reports } = options;
  const { clientOrderId } = change;
  const refuse = (why: string): void =>
    tell({ type: 'CancelRejected', clientOrderId, reason: `replace refused: ${why}` });
  if (found === undefined) return refuse('Alpaca has no such order');
  const { quantity = found.quantity, limitPriceE4 } = change;
  const checked = { clientOrderId, quantity, needsLimit: false };
  const fault = faultOf(limitPriceE4 === undefined ? checked : { ...checked, limitPriceE4 }, options.rules);
  if (fault !== undefined) return refuse(fault.detail);
  if (!(await options.whenReady()))
    return refuse('the stream of reports did not come up in time; nothing was sent');
  const newId = replacementId(clientOrderId, options.clock.nowUs());
  const placed = await placeOnce(options, {
    request: {
      method: 'PATCH',
      path: `/v2/orders/${encodeURIComponent(found.id)}`,
      body: changeBody(change, newId),
    },
    clientOrderId: newId,
    mayBePlaced: false,
  });
  if (placed.kind === 'placed') reports.takeOrder(placed.order);
  else if (placed.kind === 'refused') refuse(placed.refusal.words);
}
