import type { AlpacaBrokerSettings } from '../../domain/alpaca-settings.ts';
import { ServiceError } from '../../domain/errors.ts';
import { createBackoff } from '../../net/backoff.ts';
import type { JsonRequest } from '../../net/json-client.ts';
import type { JsonService, Refusal } from '../../net/json-service.ts';
import type { RequestLane } from '../../net/request-budget.ts';
import { sleepUs } from '../../net/sleep.ts';
import type { Clock } from '../../ports/clock.ts';
import { type AlpacaOrder, parseAnyOrder, parseOrder, withoutMark } from './mapper.ts';

/** How a refusal for a client id that is in use reads. */
const ID_TAKEN = /client_order_id/i;

export interface PlaceOptions {
  readonly rest: JsonService;
  readonly settings: AlpacaBrokerSettings;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface Placement {
  /** The request that places something under `clientOrderId`. */
  readonly request: JsonRequest;
  readonly clientOrderId: string;
  /** An earlier attempt may have placed it: look first. */
  readonly mayBePlaced: boolean;
  /** Calls it back: it is not sent from then on. */
  readonly signal?: AbortSignal;
}

export type Placed =
  | { readonly kind: 'placed'; readonly order: AlpacaOrder }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'called_back' };

/** The order under a client id. @throws ServiceError when that cannot be found out */
export async function orderUnder(
  rest: JsonService,
  clientOrderId: string,
  lane: RequestLane = 'ordinary',
): Promise<AlpacaOrder | undefined> {
  const raw = await rest.get('/v2/orders:by_client_order_id', { client_order_id: clientOrderId }, lane);
  if (raw === undefined) return undefined;
  const order = parseAnyOrder(raw);
  if (order?.clientOrderId === withoutMark(clientOrderId)) return order;
  throw new ServiceError(
    'BROKER_UNREADABLE',
    `Alpaca: the order under ${clientOrderId} cannot be read, or another came back; look at it by hand`,
    { retryable: false },
  );
}

/**
 * Places something at most once, whatever happens to requests and answers. A request whose fate is not known is never
 * just sent again: what it was to place is looked for under its client id, and only when it was looked for in vain
 * several times, with growing waits, is it sent once more, under the same id. Should the first one turn up after all,
 * Alpaca refuses the second for its id, and looking finds the first.
 * @throws ServiceError ORDER_FATE_UNKNOWN
 */
export async function placeOnce(options: PlaceOptions, placement: Placement): Promise<Placed> {
  const { rest, settings } = options;
  const { signal } = placement;
  const isWanted = (): boolean => signal?.aborted !== true;
  let last = 'an earlier attempt';
  let isFateKnown = !placement.mayBePlaced;
  for (let sends = 0; sends < settings.maxSends; sends++) {
    if (!isFateKnown) {
      const order = await lookFor(options, placement.clientOrderId);
      if (order !== undefined) return { kind: 'placed', order };
    }
    if (!isWanted()) break;
    const sent = await rest.send({ ...placement.request, ...(signal === undefined ? {} : { signal }) });
    if (sent.kind === 'done') {
      const order = parseOrder(sent.body);
      // an answer that was meant for another request says nothing of this one
      const isOurs = order?.clientOrderId === withoutMark(placement.clientOrderId);
      if (order !== undefined && isOurs) return { kind: 'placed', order };
      last = 'an answer that cannot be read';
    } else if (sent.kind === 'refused') {
      const isIdTaken = ID_TAKEN.test(sent.refusal.words);
      if (isFateKnown && !isIdTaken) return sent;
      // an earlier attempt may hold the id, or the money: it has been looked for before this one, and is once more
      const order = await lookFor(options, placement.clientOrderId);
      if (order !== undefined) return { kind: 'placed', order };
      if (!isIdTaken) return sent;
      last = sent.refusal.words;
      isFateKnown = false;
    } else {
      last = sent.detail;
    }
    isFateKnown = sent.kind === 'not_sent' && isFateKnown;
    // nothing left this machine: the same may be tried again after a while
    if (isFateKnown && isWanted()) await sleepUs(options.clock, settings.retryUs * 2 ** sends);
  }
  if (isFateKnown && !isWanted()) return { kind: 'called_back' };
  const order = await lookFor(options, placement.clientOrderId);
  if (order !== undefined) return { kind: 'placed', order };
  throw new ServiceError(
    'ORDER_FATE_UNKNOWN',
    `Alpaca: whether order ${placement.clientOrderId} was placed is not known after ${settings.maxSends} attempts (${last})`,
    { retryable: true },
  );
}

/** Looks several times: an order that is not found may be on its way. */
async function lookFor(
  { rest, settings, clock, random }: PlaceOptions,
  clientOrderId: string,
): Promise<AlpacaOrder | undefined> {
  const backoff = createBackoff(
    { firstUs: settings.retryUs, maxUs: settings.maxRetryUs, jitterFrac: 0.5 },
    random,
  );
  for (let look = 0; look < settings.lookups; look++) {
    await sleepUs(clock, backoff.nextUs());
    const order = await orderUnder(rest, clientOrderId);
    if (order !== undefined) return order;
  }
  return undefined;
}
