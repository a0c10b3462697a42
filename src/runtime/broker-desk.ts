import { assertNever } from '../domain/errors.ts';
import type { OrderRequest } from '../domain/orders.ts';
import type { Engine } from '../engine/engine-state.ts';
import { findOrder } from '../engine/order-book.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker, Untimed } from '../ports/broker.ts';
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
}

export interface BrokerDeskOptions {
  readonly engine: Engine;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly isRunning: () => boolean;
  readonly offer: (event: Untimed<InputEvent>) => void;
  /** Told of requests that failed and are made again. */
  readonly onTrouble: (error: unknown) => void;
}

/** First and longest wait before a failed request is made again. */
const RETRY_FIRST_US = 250_000;
const RETRY_LONGEST_US = 15_000_000;

/**
 * A request that failed is made again, later and later, while it is still wanted: an order while nobody has reported on
 * it, a cancel while its order works, the account always. An order may have been placed by an attempt that failed: from
 * the second on it is looked up first.
 */
export function createBrokerDesk(options: BrokerDeskOptions): BrokerDesk {
  const { engine, broker, clock, isRunning, offer, onTrouble } = options;

  function untilDone(request: (attempt: number) => Promise<void>, isWanted: () => boolean): void {
    let attempt = 0;
    const again = (): void => {
      if (!isRunning() || !isWanted()) return;
      request(attempt).catch((error: unknown) => {
        if (!isRunning()) return;
        onTrouble(error);
        const waitUs = Math.min(RETRY_FIRST_US * 2 ** Math.min(attempt, 10), RETRY_LONGEST_US);
        attempt += 1;
        clock.at(clock.nowUs() + waitUs, again);
      });
    };
    again();
  }

  function send(order: OrderRequest, mayBePlaced: boolean): void {
    const { clientOrderId } = order;
    untilDone(
      (attempt) => broker.submitOrder(order, { mayBePlaced: mayBePlaced || attempt > 0 }),
      () => findOrder(engine.orders, clientOrderId)?.status === 'intended',
    );
  }

  function cancel(clientOrderId: string): void {
    untilDone(
      () => broker.cancelOrder(clientOrderId),
      () =>
        Object.hasOwn(engine.orders.workingOrdinals, clientOrderId) ||
        Object.hasOwn(engine.reconciliation.calledBack, clientOrderId),
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
          untilDone(
            async () => offer(await snapshotOf(broker)),
            () => true,
          );
          return;
        default:
          assertNever(effect);
      }
    },
    resend: (order) => send(order, true),
    cancel,
  };
}

async function snapshotOf(
  broker: Broker,
): Promise<Untimed<Extract<InputEvent, { readonly type: 'BrokerSnapshot' }>>> {
  const [cashMicros, positions, open] = await Promise.all([
    broker.getCash(),
    broker.getPositions(),
    broker.getOpenOrders(),
  ]);
  const openOrders = open.map(({ clientOrderId, symbol, side, quantity, filledQuantity }) => ({
    clientOrderId,
    symbol,
    side,
    leavesQuantity: quantity - filledQuantity,
  }));
  return { type: 'BrokerSnapshot', cashMicros, positions, openOrders };
}
