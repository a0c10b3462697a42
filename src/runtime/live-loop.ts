import { assertNever, InvariantError, SametapeError } from '../domain/errors.ts';
import type { OrderRequest } from '../domain/orders.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import { findOrder } from '../engine/order-book.ts';
import type { Base64Codec } from '../events/base64.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker, Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { answerOf, failureOf } from './inference-answer.ts';
import { createRecorder, type RunStreams } from './recorder.ts';

export interface LiveLoopPorts {
  readonly engine: Engine;
  /** Durable: `flush` waits for the disk. */
  readonly tape: TapeWriter;
  readonly broker: Broker;
  /** Absent in limited mode: no run root, no predictions. */
  readonly inference: InferencePort | undefined;
  readonly base64: Base64Codec;
  readonly clock: Clock;
  /** Told of requests that failed and are made again; nothing of it is on the tape. */
  readonly onTrouble: (error: unknown) => void;
}

export interface LiveLoop extends RunStreams {
  /** Takes an input in; it is recorded in the order of arrival, at the time of the clock. Ignored once stopped. */
  offer(event: Untimed<InputEvent>): void;
  /** The same, before all that waits: an operator's command does not stand in line. */
  offerFirst(event: Untimed<InputEvent>): void;
  /** Sends an order whose intent is on the tape already: one that a crash may have kept from being sent. */
  resend(order: OrderRequest): void;
  /** Asks again for a cancel whose intent is on the tape already. */
  recancel(clientOrderId: string): void;
  /** Done when everything offered before has been recorded and carried out. */
  settled(): Promise<void>;
  /** Records RunStopped behind what was offered, makes it durable and ends both streams. */
  stop(reason: string): Promise<void>;
  /** Rejects when the tape can no longer be written, or on a bug: nothing was sent from then on. Never resolves. */
  readonly failed: Promise<never>;
}

/** First and longest wait before a failed request to the broker is made again. */
const RETRY_FIRST_US = 250_000;
const RETRY_LONGEST_US = 15_000_000;
/** Records that ask for nothing are made durable this much later at most. */
const FLUSH_US = 50_000;
/** Inputs recorded between two looks at the sockets. */
const BATCH = 256;

type Effect = Extract<
  DerivedEvent,
  { readonly type: 'OrderIntended' | 'CancelIntended' | 'ReconciliationRequested' }
>;

/**
 * The loop of paper and live runs over sources that do not wait. Arrival is the order of the tape. What one turn
 * recorded is made durable with one fsync before anything that it asks for is sent, and an answer is an input like any
 * other. Models work while other inputs go on; at most one cycle is open.
 */
export function createLiveLoop(ports: LiveLoopPorts): LiveLoop {
  const { engine, tape, broker, inference, clock, onTrouble } = ports;
  const recorder = createRecorder(ports);
  let waiting: Untimed<InputEvent>[] = [];
  let isTurnDue = false;
  let isFlushDue = false;
  let state: 'running' | 'stopped' | 'failed' = 'running';
  let whenSettled: (() => void)[] = [];
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);

  function dueTurn(): void {
    if (isTurnDue || state !== 'running') return;
    isTurnDue = true;
    setImmediate(turn);
  }

  function turn(): void {
    isTurnDue = false;
    if (state !== 'running') return;
    const effects: Effect[] = [];
    const requests: InferenceRequest[] = [];
    try {
      // an effect is carried out before the next input is looked at: what a simulated broker does has its place on the tape
      let count = 0;
      while (count < BATCH && count < waiting.length && effects.length === 0) {
        recordOne(waiting[count], effects, requests);
        count += 1;
      }
      waiting.splice(0, count);
      if (effects.length > 0) tape.flush();
      else if (count > 0) dueFlush();
    } catch (error) {
      giveUp(error);
      return;
    }
    for (const effect of effects) carryOut(effect);
    for (const request of requests) ask(request);
    if (waiting.length > 0 && !hasEnded()) {
      dueTurn();
      return;
    }
    const settled = whenSettled;
    whenSettled = [];
    for (const resolve of settled) resolve();
  }

  function hasEnded(): boolean {
    return state !== 'running';
  }

  function recordOne(untimed: Untimed<InputEvent>, effects: Effect[], requests: InferenceRequest[]): void {
    if (state !== 'running' || isLateAnswer(untimed)) return;
    const event = { ...untimed, tUs: now() } as InputEvent;
    const { derived, inference: request } = recorder.record(event);
    broker.observe?.(event);
    for (const followed of derived) if (isEffect(followed)) effects.push(followed);
    if (request !== undefined) requests.push(request);
    if (event.type === 'RunStopped') state = 'stopped';
  }

  function now(): TimeUs {
    return Math.max(clock.nowUs(), engine.nowUs);
  }

  /** An answer to a cycle that has been given up. */
  function isLateAnswer(event: Untimed<InputEvent>): boolean {
    if (event.type === 'PredictionsMade') return engine.openCycle !== event.predictions.cycle;
    return event.type === 'InferenceFailed' && engine.openCycle !== event.cycle;
  }

  function dueFlush(): void {
    if (isFlushDue) return;
    isFlushDue = true;
    clock.at(clock.nowUs() + FLUSH_US, () => {
      isFlushDue = false;
      if (state !== 'running') return;
      try {
        tape.flush();
      } catch (error) {
        giveUp(error);
      }
    });
  }

  /** What could not be recorded is not acted on, and nothing after it is. */
  function giveUp(error: unknown): void {
    state = 'failed';
    waiting = [];
    fail(error);
  }

  function carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'OrderIntended':
        send(effect.order, false);
        return;
      case 'CancelIntended':
        sendCancel(effect.clientOrderId);
        return;
      case 'ReconciliationRequested':
        reconcile();
        return;
      default:
        assertNever(effect);
    }
  }

  /** Makes a request until it succeeds or is no longer wanted. */
  function untilDone(request: (attempt: number) => Promise<void>, isWanted: () => boolean): void {
    let attempt = 0;
    const again = (): void => {
      if (state !== 'running' || !isWanted()) return;
      request(attempt).catch((error: unknown) => {
        onTrouble(error);
        const waitUs = Math.min(RETRY_FIRST_US * 2 ** Math.min(attempt, 10), RETRY_LONGEST_US);
        attempt += 1;
        clock.at(clock.nowUs() + waitUs, again);
      });
    };
    again();
  }

  /** An order that nobody has reported on may have been placed: from the second attempt on it is looked up first. */
  function send(order: OrderRequest, mayBePlaced: boolean): void {
    const { clientOrderId } = order;
    untilDone(
      (attempt) => broker.submitOrder(order, { mayBePlaced: mayBePlaced || attempt > 0 }),
      () => findOrder(engine.orders, clientOrderId)?.status === 'intended',
    );
  }

  function sendCancel(clientOrderId: string): void {
    untilDone(
      () => broker.cancelOrder(clientOrderId),
      () => Object.hasOwn(engine.orders.workingOrdinals, clientOrderId),
    );
  }

  function reconcile(): void {
    untilDone(
      async () => {
        const [cashMicros, positions, open] = [
          await broker.getCash(),
          await broker.getPositions(),
          await broker.getOpenOrders(),
        ];
        const openOrders = open.map(({ clientOrderId, symbol, side, quantity, filledQuantity }) => ({
          clientOrderId,
          symbol,
          side,
          leavesQuantity: quantity - filledQuantity,
        }));
        offer({ type: 'BrokerSnapshot', cashMicros, positions, openOrders });
      },
      () => true,
    );
  }

  function ask(request: InferenceRequest): void {
    if (inference === undefined) {
      giveUp(new InvariantError('inference was requested in limited mode'));
      return;
    }
    const { cycle } = request;
    const { deadline } = engine.settings.prediction;
    if (deadline !== undefined) {
      const { milliseconds } = deadline;
      clock.at(clock.nowUs() + milliseconds * 1000, () => {
        const reason = `no answer within ${milliseconds} ms`;
        if (engine.openCycle === cycle) offer({ type: 'InferenceFailed', cycle, reason });
      });
    }
    try {
      const answer = inference.infer(request);
      if (!(answer instanceof Promise)) {
        offer(answerOf(request, answer));
        return;
      }
      answer.then(
        (predictions) => offer(answerOf(request, predictions)),
        (error: unknown) => failedInference(cycle, error),
      );
    } catch (error) {
      failedInference(cycle, error);
    }
  }

  function failedInference(cycle: number, error: unknown): void {
    if (error instanceof SametapeError) giveUp(error);
    else offer(failureOf(cycle, error));
  }

  function offer(event: Untimed<InputEvent>): void {
    if (state !== 'running') return;
    waiting.push(event);
    dueTurn();
  }

  return {
    inputs$: recorder.inputs$,
    derived$: recorder.derived$,
    offer,
    offerFirst: (event) => {
      if (state !== 'running') return;
      waiting.unshift(event);
      dueTurn();
    },
    resend: (order) => send(order, true),
    recancel: sendCancel,
    settled: () =>
      new Promise((resolve) => {
        whenSettled.push(resolve);
        dueTurn();
      }),
    stop: async (reason) => {
      if (state === 'running') {
        offer({ type: 'RunStopped', reason });
        await Promise.race([new Promise<void>((resolve) => whenSettled.push(resolve)), failed]);
        tape.flush();
      }
      recorder.inputs$.complete();
      recorder.derived$.complete();
    },
    failed,
  };
}

function isEffect(event: DerivedEvent): event is Effect {
  const { type } = event;
  return type === 'OrderIntended' || type === 'CancelIntended' || type === 'ReconciliationRequested';
}
