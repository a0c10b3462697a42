import { ServiceError } from '../../domain/errors.ts';
import type { IbkrSettings } from '../../domain/ibkr-settings.ts';
import { type DurationUs, type TimeUs, US_PER_SECOND } from '../../domain/units.ts';
import { type Backoff, createBackoff } from '../../net/backoff.ts';
import { createRequestBudget, type RequestBudget, type RequestLane } from '../../net/request-budget.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Ask, Asks } from './asks.ts';
import { checkHost, chooseAccount, meaningOf } from './config.ts';
import type { GatewayEvent } from './facts.ts';
import { type Gateway, loadLibrary, openGateway } from './gateway.ts';

/** Ids of requests, far from those of orders: an error names one or the other without saying which. */
const FIRST_REQUEST_ID = 1_500_000_000;

export interface SessionHandlers {
  /** Everything the gateway says once it is dialled, before anyone else hears it. */
  readonly onEvent: (event: GatewayEvent) => void;
  /** The connection is there and may be asked: what was missed is found out now. Trading begins when it is done. */
  readonly onOpen: () => Promise<void>;
  readonly onReady: () => void;
  readonly onLost: (reason: string) => void;
}

export interface SessionOptions {
  readonly settings: IbkrSettings;
  readonly clock: Clock;
  /** In [0, 1): spreads reconnects. */
  readonly random: () => number;
}

type SessionState = 'idle' | 'dialling' | 'opening' | 'ready' | 'link_lost' | 'down' | 'closed';

/** Keeps a gateway connected: dials, waits until it is ready, notices when it is gone, and dials again. */
export class IbkrSession {
  readonly #settings: IbkrSettings;
  readonly #clock: Clock;
  readonly #handlers: SessionHandlers;
  readonly #budget: RequestBudget;
  readonly #backoff: Backoff;
  readonly #asks: Asks;
  #state: SessionState = 'idle';
  #gateway: Gateway | undefined;
  #account: string | undefined;
  #nextOrderId = 0;
  #nextRequestId = FIRST_REQUEST_ID;
  #generation = 0;
  #isWatching = false;
  /** The gateway is there and its server is not. */
  #isLinkDown = false;
  #heardUs: TimeUs = 0;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #sleepers = new Set<() => void>();
  readonly #takeBacks = new Set<() => void>();

  constructor({ settings, clock, random }: SessionOptions, handlers: SessionHandlers) {
    checkHost(settings);
    this.#settings = settings;
    this.#clock = clock;
    this.#handlers = handlers;
    const { messagesPerSecond, reservedForCancels, timing } = settings;
    this.#budget = createRequestBudget({ perSecond: messagesPerSecond, reservedForCancels }, clock);
    this.#backoff = createBackoff(
      { firstUs: timing.reconnectFirstUs, maxUs: timing.reconnectMaxUs, jitterFrac: 0.5 },
      random,
    );
    this.#asks = new Asks({
      after: (spanUs, call) => this.after(spanUs, call),
      isRefusal: (code) => meaningOf(settings, code) !== 'notice',
      onSilence: (reason) => this.#hangUp(reason),
    });
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get account(): string {
    return this.#account ?? '';
  }

  takeOrderId(): number {
    this.#nextOrderId += 1;
    return this.#nextOrderId - 1;
  }

  /** The first connection. Later ones are made by themselves. @throws ServiceError, InputError */
  async start(): Promise<void> {
    if (this.#state !== 'idle' && this.#state !== 'down') return;
    this.#state = 'dialling';
    try {
      await this.#open();
    } catch (error) {
      if (!this.isClosed) this.#state = 'idle';
      this.#hangUp('the connection could not be set up');
      throw error;
    }
  }

  /** Sends something that is answered by news, if the connection is ready; within the pacing. @throws ServiceError when it was not sent */
  async send(lane: RequestLane, send: (gateway: Gateway) => void): Promise<void> {
    this.expectReady();
    await this.#budget.take(lane);
    // the wait may have outlived the connection
    this.expectReady();
    if (this.#gateway !== undefined) send(this.#gateway);
  }

  expectReady(): void {
    if (!this.isReady) throw this.#notConnected();
  }

  /** One request at a time: most answers do not say which request they answer. @throws ServiceError */
  ask<T>(ask: Ask<T>): Promise<T> {
    const mine = this.#turn.then(
      () => this.#askNow(ask),
      () => this.#askNow(ask),
    );
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  slowDown(): void {
    // its limit is of messages a second: cancels count, too
    for (const lane of ['cancel', 'ordinary'] as const) this.#budget.pause(lane, US_PER_SECOND, 'all');
  }

  /** Calls back after a span, unless the session is closed first. @returns takes it back */
  after(spanUs: DurationUs, call: () => void): () => void {
    const takeBack = this.#clock.at(this.#clock.nowUs() + spanUs, () => {
      this.#takeBacks.delete(takeBack);
      if (!this.isClosed) call();
    });
    this.#takeBacks.add(takeBack);
    return () => {
      this.#takeBacks.delete(takeBack);
      takeBack();
    };
  }

  /** @throws ServiceError when the session is closed meanwhile */
  sleep(spanUs: DurationUs): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        this.#sleepers.delete(wake);
        if (this.isClosed) reject(this.#notConnected());
        else resolve();
      };
      this.#sleepers.add(wake);
      this.after(spanUs, wake);
    });
  }

  close(): void {
    if (this.isClosed) return;
    this.#state = 'closed';
    for (const wake of [...this.#sleepers]) wake();
    for (const takeBack of this.#takeBacks) takeBack();
    this.#takeBacks.clear();
    this.#budget.close();
    this.#hangUp('closed');
  }

  #notConnected(): ServiceError {
    const state = this.#state === 'link_lost' ? 'the gateway has lost its server' : this.#state;
    return new ServiceError(
      'IBKR_NOT_CONNECTED',
      `the IBKR gateway is not ready (${state}); nothing was sent`,
      {
        retryable: !this.isClosed,
      },
    );
  }

  async #open(): Promise<void> {
    const library = await loadLibrary();
    if (this.isClosed) throw this.#notConnected();
    this.#generation += 1;
    this.#isLinkDown = false;
    const generation = this.#generation;
    let accounts: readonly string[] | undefined;
    let isNumbered = false;
    const opened = this.#asks.expect({
      what: 'the connection',
      withinUs: this.#settings.timing.connectUs,
      take: (event) => {
        if (event.kind === 'accounts') accounts = event.accounts;
        if (event.kind === 'next_id') isNumbered = true;
        return accounts !== undefined && isNumbered;
      },
    });
    this.#gateway = openGateway(library, this.#settings, {
      onEvent: (event) => this.#onEvent(event),
      onHeard: () => {
        this.#heardUs = this.#clock.nowUs();
      },
      onClosed: (reason) => this.#onClosed(reason),
    });
    await opened;
    this.#account = chooseAccount(this.#settings, accounts ?? []);
    await this.#becomeReady(generation);
  }

  async #becomeReady(generation: number): Promise<void> {
    this.#state = 'opening';
    await this.#handlers.onOpen();
    if (generation !== this.#generation || this.#state !== 'opening') throw this.#notConnected();
    if (this.#isLinkDown) throw this.#notConnected();
    this.#state = 'ready';
    if (!this.#isWatching) this.#watch();
    this.#backoff.reset();
    this.#handlers.onReady();
  }

  #onEvent(event: GatewayEvent): void {
    if (event.kind === 'next_id') this.#nextOrderId = Math.max(this.#nextOrderId, event.orderId);
    this.#handlers.onEvent(event);
    this.#asks.hear(event);
    if (event.kind === 'message') this.#onMessage(event.code, event.text);
  }

  #onMessage(code: number, text: string): void {
    switch (meaningOf(this.#settings, code)) {
      case 'link_lost':
        this.#isLinkDown = true;
        if (this.#state !== 'ready') return;
        this.#state = 'link_lost';
        this.#handlers.onLost(`${code}: ${text}`);
        return;
      case 'link_restored':
        this.#isLinkDown = false;
        if (this.#state === 'link_lost') this.#reopen();
        return;
      case 'rate':
        this.slowDown();
        return;
      case 'not_connected':
        this.#hangUp(`${code}: ${text}`);
        return;
      default:
    }
  }

  #reopen(): void {
    this.#becomeReady(this.#generation).catch((error: unknown) => {
      this.#hangUp(error instanceof Error ? error.message : String(error));
    });
  }

  #onClosed(reason: string): void {
    const wasReady = this.#state === 'ready';
    const wasDialling = this.#state === 'dialling' || this.#state === 'idle';
    this.#generation += 1;
    this.#gateway = undefined;
    if (!this.isClosed && !wasDialling) this.#state = 'down';
    this.#asks.giveUpAll(reason);
    if (wasReady) this.#handlers.onLost(reason);
    // before the first connection was ready, the caller hears of the failure instead
    if (this.#state === 'down' && this.#isWatching) this.#redialLater();
  }

  #redialLater(): void {
    this.after(this.#backoff.nextUs(), () => {
      if (this.#state !== 'down') return;
      this.#open().catch((error: unknown) => {
        if (this.isClosed) return;
        // a failure of the socket itself has scheduled the next attempt
        if (this.#gateway === undefined) return;
        this.#hangUp(error instanceof Error ? error.message : String(error));
      });
    });
  }

  #hangUp(reason: string): void {
    this.#gateway?.hangUp(reason);
  }

  #watch(): void {
    this.#isWatching = true;
    const { quietUs } = this.#settings.timing;
    this.after(quietUs, () => {
      const isQuiet = this.#clock.nowUs() - this.#heardUs >= quietUs;
      if (this.isReady && isQuiet) {
        // a failure hangs up, which is all that is wanted
        this.ask({
          what: 'its time',
          send: (gateway) => gateway.askTime(),
          take: ({ kind }) => kind === 'time',
          answer: () => undefined,
        }).catch(() => undefined);
      }
      this.#watch();
    });
  }

  async #askNow<T>({ what, send, take, answer, after, messages = 1 }: Ask<T>): Promise<T> {
    const generation = this.#generation;
    if (this.#state !== 'ready' && this.#state !== 'opening') throw this.#notConnected();
    for (let at = 0; at < messages; at += 1) await this.#budget.take('ordinary');
    const gateway = this.#gateway;
    if (generation !== this.#generation || gateway === undefined) throw this.#notConnected();
    const requestId = this.#nextRequestId;
    this.#nextRequestId += 1;
    const done = this.#asks.expect({
      what,
      withinUs: this.#settings.timing.answerUs,
      requestId,
      take: (event) => take(event, requestId),
    });
    send(gateway, requestId);
    await done;
    if (generation === this.#generation) after?.(gateway, requestId);
    return answer();
  }
}
