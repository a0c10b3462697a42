import { assertNever, ServiceError } from '../domain/errors.ts';
import type { OrderRequest } from '../domain/orders.ts';
import type { Engine } from '../engine/engine-state.ts';
import { findOrder, type OrderRecord } from '../engine/order-book.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker, BrokerOrder, Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';

/** What a broker is asked for. */
export type BrokerEffect = Extract<
  DerivedEvent,
  { readonly type: 'OrderIntended' | 'CancelIntended' | 'ReconciliationRequested' }
>;

export function isBrokerEffect(event: DerivedEvent): event is BrokerEffect {
  const { type } = event;
  return type === 'OrderIntended' || type === 'CancelIntended' || type === 'ReconciliationRequested';
}

/** Carries requests to the broker until they are dealt with. */
export interface BrokerDesk {
  carryOut(effect: BrokerEffect): void;
  /** Sends an order that may have been sent before. */
  resend(order: OrderRequest): void;
  cancel(clientOrderId: string): void;
  /** Whether the broker says that its reports are heard: it is back only when its account can be read, too. */
  hearLink(isUp: boolean): void;
  /** Asks for nothing any more. */
  close(): void;
}

export interface BrokerDeskOptions {
  readonly engine: Engine;
  readonly broker: Broker;
  readonly clock: Clock;
  /** An order that could not be sent for longer was decided for another market: it is given up. */
  readonly maxSendAgeUs: number;
  readonly isRunning: () => boolean;
  readonly offer: (event: Untimed<InputEvent>) => void;
  /** Told of requests that failed and are made again. */
  readonly onTrouble: (error: unknown) => void;
}

/** First and longest wait before a failed request is made again. */
const RETRY_FIRST_US = 250_000;
const RETRY_LONGEST_US = 15_000_000;
/** Longest wait for the answer to a request: adapters have their own, shorter ones. */
const ANSWER_MS = 120_000;
/** Failed readings of the account after which the broker counts as lost. */
const LOST_READS = 3;

const UNREAD = { type: 'ConnectionLost', source: 'broker', reason: 'the account cannot be read' } as const;

/**
 * A request that failed is made again, later and later, while it is still wanted: an order while nobody has reported on
 * it, a cancel while its order works, the account always. An order may have been placed by an attempt that failed: from
 * the second on it is looked up first.
 */
export function createBrokerDesk(options: BrokerDeskOptions): BrokerDesk {
  const { engine, broker, clock, maxSendAgeUs, isRunning, offer, onTrouble } = options;

  const waits = new Set<() => void>();
  let isReading = false;
  let failedReads = 0;
  let isLinkUp = true;

  function later(us: number, call: () => void): void {
    const takeBack = clock.at(clock.nowUs() + us, () => {
      waits.delete(takeBack);
      call();
    });
    waits.add(takeBack);
  }

  /** A request that is not dealt with in time has failed: what it asked for is asked for again. */
  function inTime<T>(request: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const message = `broker ${broker.name}: no answer in ${ANSWER_MS / 1000} s`;
      // a broker answers in the time of the wall, also where the market is played faster
      const timer = setTimeout(
        () => reject(new ServiceError('BROKER_SILENT', message, { retryable: true })),
        ANSWER_MS,
      ).unref();
      request.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  function untilDone(request: (attempt: number) => Promise<void>, isWanted: () => boolean): void {
    let attempt = 0;
    const again = (): void => {
      if (!isRunning() || !isWanted()) return;
      inTime(request(attempt)).catch((error: unknown) => {
        if (!isRunning()) return;
        onTrouble(error);
        const waitUs = Math.min(RETRY_FIRST_US * 2 ** Math.min(attempt, 10), RETRY_LONGEST_US);
        attempt += 1;
        later(waitUs, again);
      });
    };
    again();
  }

  /** Nobody has reported on it. */
  function isOpen(clientOrderId: string): boolean {
    return findOrder(engine.orders, clientOrderId)?.status === 'intended';
  }

  /** It is still to be placed: not called back since, and decided for the market of now. */
  function isToBePlaced(clientOrderId: string): boolean {
    const order = findOrder(engine.orders, clientOrderId);
    return order !== undefined && order.cancel === null && clock.nowUs() - order.intendedUs <= maxSendAgeUs;
  }

  function send(order: OrderRequest, mayBePlaced: boolean): void {
    const { clientOrderId } = order;
    untilDone(
      async (attempt) => {
        const before = mayBePlaced || attempt > 0;
        if (isToBePlaced(clientOrderId)) await broker.submitOrder(order, { mayBePlaced: before });
        else if (!before) offer(notPlaced(clientOrderId));
        else {
          const known = findOrder(engine.orders, clientOrderId);
          const found = await broker.findOrder(clientOrderId);
          const news = found === undefined ? notPlaced(clientOrderId) : known && newsOf(found, known);
          if (news !== undefined) offer(news);
        }
      },
      () => isOpen(clientOrderId),
    );
  }

  function cancel(clientOrderId: string): void {
    untilDone(
      () => broker.cancelOrder(clientOrderId),
      // it works in the books, or at the broker against them
      () =>
        engine.orders.workingOrdinals.has(clientOrderId) ||
        Object.hasOwn(engine.reconciliation.calledBack, clientOrderId),
    );
  }

  /** One reading at a time; an account that cannot be read is a broker that is not heard. */
  function readAccount(): void {
    if (isReading) return;
    isReading = true;
    untilDone(
      async () => {
        let snapshot: Awaited<ReturnType<typeof snapshotOf>>;
        try {
          snapshot = await snapshotOf(broker);
        } catch (error) {
          failedReads += 1;
          if (failedReads === LOST_READS) offer(UNREAD);
          throw error;
        }
        isReading = false;
        const wasLost = failedReads >= LOST_READS;
        failedReads = 0;
        offer(snapshot);
        if (wasLost && isLinkUp) offer({ type: 'ConnectionRestored', source: 'broker' });
      },
      () => isReading,
    );
  }

  return {
    carryOut: (effect) => {
      switch (effect.type) {
        case 'OrderIntended':
          send(effect.order, false);
          return;
        case 'CancelIntended':
          cancel(effect.clientOrderId);
          return;
        case 'ReconciliationRequested':
          readAccount();
          return;
        default:
          assertNever(effect);
      }
    },
    resend: (order) => send(order, true),
    cancel,
    hearLink: (isUp) => {
      isLinkUp = isUp;
      if (isUp && failedReads >= LOST_READS) offer(UNREAD);
    },
    close: () => {
      for (const takeBack of waits) takeBack();
      waits.clear();
    },
  };
}

function notPlaced(clientOrderId: string): Untimed<InputEvent> {
  const detail = 'it was called back, or grew too old, before the broker had it';
  return { type: 'OrderRejected', clientOrderId, reason: 'not_placed', detail };
}

/** What an order that was looked up says to an engine that has another idea of it; undefined where it says nothing new. */
export function newsOf(
  { status, clientOrderId }: BrokerOrder,
  known: OrderRecord,
): Untimed<InputEvent> | undefined {
  switch (status) {
    case 'cancelled':
      return { type: 'OrderCancelled', clientOrderId };
    case 'expired':
      return { type: 'OrderExpired', clientOrderId };
    case 'rejected':
      return {
        type: 'OrderRejected',
        clientOrderId,
        reason: 'refused',
        detail: 'refused while nobody heard it',
      };
    case 'working':
      return known.status === 'intended' ? { type: 'OrderAccepted', clientOrderId } : undefined;
    case 'filled':
      // its executions say so
      return undefined;
  }
}

async function snapshotOf(
  broker: Broker,
): Promise<Untimed<Extract<InputEvent, { readonly type: 'BrokerSnapshot' }>>> {
  const [cashMicros, positions, open] = await Promise.all([
    broker.getCash(),
    broker.getPositions(),
    broker.getOpenOrders(),
  ]);
  const openOrders = open.map(({ clientOrderId, symbol, side, quantity, filledQuantity, limitPriceE4 }) => ({
    clientOrderId,
    symbol,
    side,
    leavesQuantity: quantity - filledQuantity,
    ...(limitPriceE4 === undefined ? {} : { limitPriceE4 }),
  }));
  return { type: 'BrokerSnapshot', cashMicros, positions, openOrders };
}
