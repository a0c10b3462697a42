import type { OrderRequest } from '../domain/orders.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { Base64Codec } from '../events/base64.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker, Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { type BrokerDesk, type BrokerEffect, createBrokerDesk, isBrokerEffect } from './broker-desk.ts';
import { createLatencyMarks, type LatencyMarks, type LoopLatency } from './latency-marks.ts';
import { createModelDesk } from './model-desk.ts';
import { createRecorder, type Recorder, type RunStreams } from './recorder.ts';

/** An input on its way to the tape, and who waits for it to be durable there. */
export interface Arrival {
  readonly event: Untimed<InputEvent>;
  /** A time of its own, for what happened before the run began; not later than the clock. */
  readonly tUs?: TimeUs;
  readonly whenDurable?: (place: { readonly seq: number; readonly tUs: TimeUs }) => void;
}

export interface LiveLoopPorts {
  readonly engine: Engine;
  /** Durable: `flush` waits for the disk. */
  readonly tape: TapeWriter;
  readonly broker: Broker;
  /** Absent in limited mode: no run root, no predictions. */
  readonly inference: InferencePort | undefined;
  readonly base64: Base64Codec;
  readonly clock: Clock;
  /** A command that waits for no turn: asked for between any two inputs. */
  readonly takeUrgent?: () => Arrival | undefined;
  /** An order that could not be sent for longer is given up. */
  readonly maxSendAgeUs: number;
  /** Absent: nothing is timed. */
  readonly latency?: LoopLatency | undefined;
  /** Told of requests that failed and are made again; nothing of it is on the tape. */
  readonly onTrouble: (error: unknown) => void;
}

export interface LiveLoop extends RunStreams {
  /** Takes an input in; it is recorded in the order of arrival, at the time of the clock. Ignored once stopped. */
  offer(event: Untimed<InputEvent>): void;
  arrive(arrival: Arrival): void;
  /** The same, before all that waits and behind others of its kind: an operator's command does not stand in line. */
  arriveFirst(arrival: Arrival): void;
  /** Records what a run begins with, and then takes in what has arrived meanwhile: until then everything waits. */
  begin(first: Iterable<Arrival>): Promise<void>;
  /** Sends an order whose intent is on the tape already: one that a crash may have kept from being sent. */
  resend(order: OrderRequest): void;
  /** Asks again for a cancel whose intent is on the tape already. */
  recancel(clientOrderId: string): void;
  /** False while the broker itself said last that its reports are not heard. */
  readonly isBrokerHeard: boolean;
  /** Done when everything offered before has been recorded and carried out. */
  settled(): Promise<void>;
  /** Records RunStopped behind what was offered, makes it durable and ends both streams. */
  stop(reason: string): Promise<void>;
  /** Ends the work without closing the tape: what was recorded is durable, nothing is sent or asked from then on. */
  abandon(): void;
  /** Rejects when the tape can no longer be written, or on a bug: nothing is sent from then on. Never resolves. */
  readonly failed: Promise<never>;
}

/** Records that ask for nothing are made durable this much later at most. */
const FLUSH_US = 50_000;
/** Inputs recorded between two looks at the sockets. */
const BATCH = 256;

/**
 * The loop of paper and live runs over sources that do not wait. Arrival is the order of the tape. What was recorded is
 * made durable before anything that it asks for is sent, all orders of a cycle with one fsync, and an answer is an input
 * like any other. Models work while other inputs go on; at most one cycle is open.
 */
export function createLiveLoop(ports: LiveLoopPorts): LiveLoop {
  return new Loop(ports);
}

/** What one turn gathers: effects to carry out, models to ask, and who waits for what was recorded. */
interface Turn {
  readonly effects: BrokerEffect[];
  readonly requests: InferenceRequest[];
  readonly awaited: (() => void)[];
  readonly derived: DerivedEvent[];
}

class Loop implements LiveLoop {
  readonly failed: Promise<never>;
  private readonly ports: LiveLoopPorts;
  private readonly recorder: Recorder;
  private readonly brokerDesk: BrokerDesk;
  private readonly askModels: (request: InferenceRequest) => void;
  private readonly fail: (error: unknown) => void;
  private readonly marks: LatencyMarks | undefined;
  private waiting: Arrival[] = [];
  private readonly urgent: Arrival[] = [];
  private whenSettled: (() => void)[] = [];
  isBrokerHeard = true;
  private isTurnDue = false;
  private isFlushDue = false;
  private state: 'held' | 'running' | 'stopped' | 'failed' = 'held';

  constructor(ports: LiveLoopPorts) {
    this.ports = ports;
    let fail: (error: unknown) => void = () => undefined;
    this.failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    // whoever races against it hears of it; nobody has to
    this.failed.catch(() => undefined);
    this.fail = fail;
    const { latency, ...rest } = ports;
    this.marks = createLatencyMarks(latency);
    this.recorder = createRecorder(latency === undefined ? rest : { ...rest, probe: latency.stageProbe });
    const offer = (event: Untimed<InputEvent>): void => this.take({ event });
    this.brokerDesk = createBrokerDesk({ ...ports, isRunning: () => this.state === 'running', offer });
    this.askModels = createModelDesk({ ...ports, offer, giveUp: (error) => this.giveUp(error) });
  }

  get inputs$(): RunStreams['inputs$'] {
    return this.recorder.inputs$;
  }

  get derived$(): RunStreams['derived$'] {
    return this.recorder.derived$;
  }

  offer(event: Untimed<InputEvent>): void {
    this.arrive({ event });
  }

  arrive(arrival: Arrival): void {
    this.take(arrival);
    const { event } = arrival;
    if (event.type !== 'ConnectionLost' && event.type !== 'ConnectionRestored') return;
    if (event.source !== 'broker') return;
    this.isBrokerHeard = event.type === 'ConnectionRestored';
    this.brokerDesk.hearLink(this.isBrokerHeard);
  }

  private take(arrival: Arrival): void {
    if (this.hasEnded()) return;
    this.marks?.arrived(arrival.event.type);
    this.waiting.push(arrival);
    this.dueTurn();
  }

  arriveFirst(arrival: Arrival): void {
    if (this.hasEnded()) return;
    this.urgent.push(arrival);
    this.dueTurn();
  }

  async begin(first: Iterable<Arrival>): Promise<void> {
    const turn: Turn = { effects: [], requests: [], awaited: [], derived: [] };
    let count = 0;
    try {
      for (const arrival of first) {
        if (this.state !== 'held') return;
        this.record(arrival, turn);
        count += 1;
        if (count % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      this.ports.tape.flush();
    } catch (error) {
      this.giveUp(error);
      throw error;
    }
    if (this.state !== 'held') return;
    this.state = 'running';
    this.carryOut(turn);
    this.dueTurn();
  }

  abandon(): void {
    if (this.hasEnded()) return;
    this.state = 'stopped';
    this.waiting = [];
    this.brokerDesk.close();
    this.ports.tape.flush();
  }

  resend(order: OrderRequest): void {
    this.brokerDesk.resend(order);
  }

  recancel(clientOrderId: string): void {
    this.brokerDesk.cancel(clientOrderId);
  }

  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.whenSettled.push(resolve);
      this.dueTurn();
    });
  }

  async stop(reason: string): Promise<void> {
    if (!this.hasEnded()) {
      const ended = new Promise<void>((resolve) => {
        this.arrive({ event: { type: 'RunStopped', reason }, whenDurable: () => resolve() });
      });
      await Promise.race([ended, this.failed]);
    }
    this.brokerDesk.close();
    this.recorder.inputs$.complete();
    this.recorder.derived$.complete();
  }

  private dueTurn(): void {
    if (this.isTurnDue || this.state !== 'running') return;
    this.isTurnDue = true;
    setImmediate(() => this.turn());
  }

  private turn(): void {
    this.isTurnDue = false;
    if (this.state !== 'running') return;
    const turn: Turn = { effects: [], requests: [], awaited: [], derived: [] };
    try {
      this.recordSome(turn);
    } catch (error) {
      this.giveUp(error);
      return;
    }
    try {
      this.carryOut(turn);
    } catch (error) {
      this.giveUp(error);
      return;
    }
    if (this.waiting.length > 0 || this.urgent.length > 0) {
      this.dueTurn();
      return;
    }
    const settled = this.whenSettled;
    this.whenSettled = [];
    for (const resolve of settled) resolve();
  }

  private hasEnded(): boolean {
    return this.state === 'stopped' || this.state === 'failed';
  }

  private carryOut(turn: Turn): void {
    for (const call of turn.awaited) call();
    for (const effect of turn.effects) {
      if (effect.type === 'OrderIntended') this.marks?.orderSent();
      this.brokerDesk.carryOut(effect);
    }
    this.marks?.carriedOut(turn.derived);
    for (const request of turn.requests) {
      this.marks?.modelsAsked();
      this.askModels(request);
    }
  }

  /** An effect is carried out before the next input is looked at: what a simulated broker does has its place on the tape. */
  private recordSome(turn: Turn): void {
    const { tape, takeUrgent } = this.ports;
    let count = 0;
    let taken = 0;
    for (; count < BATCH && turn.effects.length === 0 && this.state === 'running'; count += 1) {
      // looking for a command may also put one into the queue of those that came by the socket
      const urgent = this.urgent.shift() ?? takeUrgent?.() ?? this.urgent.shift();
      if (urgent === undefined && taken === this.waiting.length) break;
      this.record(urgent ?? this.waiting[taken], turn);
      if (urgent === undefined) taken += 1;
    }
    this.waiting.splice(0, this.state === 'running' ? taken : this.waiting.length);
    if (turn.effects.length > 0 || turn.awaited.length > 0) tape.flush();
    else if (count > 0) this.dueFlush();
  }

  private record({ event: untimed, tUs: ownUs, whenDurable }: Arrival, turn: Turn): void {
    const { engine, tape, clock, broker } = this.ports;
    if (isLateAnswer(engine, untimed)) return;
    const tUs = Math.max(ownUs ?? clock.nowUs(), engine.nowUs);
    const event = { ...untimed, tUs } as InputEvent;
    const seq = tape.nextSeq;
    const { derived, inference } = this.recorder.record(event);
    broker.observe?.(event);
    this.marks?.recorded(event);
    for (const followed of derived) if (isBrokerEffect(followed)) turn.effects.push(followed);
    if (this.marks !== undefined) turn.derived.push(...derived);
    if (inference !== undefined) turn.requests.push(inference);
    if (whenDurable !== undefined) turn.awaited.push(() => whenDurable({ seq, tUs }));
    if (event.type === 'RunStopped') this.state = 'stopped';
  }

  private dueFlush(): void {
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    const { clock, tape } = this.ports;
    clock.at(clock.nowUs() + FLUSH_US, () => {
      this.isFlushDue = false;
      if (this.state !== 'running') return;
      try {
        tape.flush();
      } catch (error) {
        this.giveUp(error);
      }
    });
  }

  /** What could not be recorded is not acted on, and nothing after it is. */
  private giveUp(error: unknown): void {
    this.state = 'failed';
    this.waiting = [];
    this.brokerDesk.close();
    this.fail(error);
  }
}

/** An answer to a cycle that has been given up. */
function isLateAnswer({ openCycle }: Engine, event: Untimed<InputEvent>): boolean {
  if (event.type === 'PredictionsMade') return openCycle !== event.predictions.cycle;
  return event.type === 'InferenceFailed' && openCycle !== event.cycle;
}
