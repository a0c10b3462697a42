import { type Observable, Subject } from 'rxjs';
import { ServiceError } from '../../domain/errors.ts';
import type { BrokerNews } from '../../ports/broker.ts';
import { askOwnOrders, look } from './account.ts';
import { meaningOf } from './config.ts';
import { bookCommission, bookExecution } from './executions.ts';
import type { GatewayEvent } from './facts.ts';
import {
  emptyBook,
  forgetOld,
  isOver,
  type OrderBook,
  type OrderEntry,
  orderIdKey,
  rememberCompleted,
} from './order-book.ts';
import { bookError, bookOrder, bookStatus, settleLook } from './order-progress.ts';
import { IbkrSession, type SessionOptions } from './session.ts';

/** Hears the gateway, keeps the order book by it, and makes news of what changes. What is unclear, it looks up. */
export class IbkrDesk {
  readonly book: OrderBook;
  readonly session: IbkrSession;
  readonly news$: Observable<BrokerNews>;
  /** Looks begun so far. */
  looks = 0;
  readonly #options: SessionOptions;
  readonly #news = new Subject<BrokerNews>();
  /** Called after everything that was heard. */
  readonly #watchers = new Set<() => void>();
  #takeBackLook: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.book = emptyBook(options.clock);
    this.news$ = this.#news.asObservable();
    this.session = new IbkrSession(options, {
      onEvent: (event) => this.#hear(event),
      onOpen: () => this.#catchUp(),
      onReady: () => this.#onReady(),
      onLost: (reason) => this.#onLost(reason),
    });
  }

  /** @throws ServiceError, InputError */
  async open(): Promise<void> {
    await this.session.start();
  }

  close(): void {
    if (this.session.isClosed) return;
    this.session.close();
    for (const watch of [...this.#watchers]) watch();
    this.#news.complete();
  }

  /** Looks for an order until it is there, or as often as is taken for certain: the gateway may still be at it. */
  async search(clientOrderId: string): Promise<void> {
    const { lookupAttempts, timing } = this.#options.settings;
    for (let at = 0; at < lookupAttempts && !this.book.entries.has(clientOrderId); at += 1) {
      if (at > 0) await this.session.sleep(timing.lookAgainUs);
      await this.look();
    }
  }

  #isForeign({ clientOrderId, clientId }: OrderEntry): boolean {
    const { settings } = this.#options;
    return clientOrderId.startsWith('ibkr:') || (clientId !== undefined && clientId !== settings.clientId);
  }

  /** Waits for word; when there is none in time, the order is looked up until there is. @throws ServiceError in the end */
  hearsOf(entry: OrderEntry, isDone: () => boolean, code: string): Promise<void> {
    if (isDone()) return Promise.resolve();
    const { acknowledgeUs, doubtUs } = this.#options.settings.timing;
    return new Promise((resolve, reject) => {
      const doubt = this.session.after(acknowledgeUs, () => {
        this.book.unclear.add(entry);
        this.#lookSoon();
      });
      const giveUp = this.session.after(doubtUs, () => finish(this.unconfirmed(entry, code)));
      const finish = (error?: ServiceError): void => {
        doubt();
        giveUp();
        this.#watchers.delete(watch);
        if (error === undefined) resolve();
        else reject(error);
      };
      const watch = (): void => {
        if (isDone()) finish();
        else if (this.session.isClosed) finish(this.unconfirmed(entry, code));
      };
      this.#watchers.add(watch);
    });
  }

  unconfirmed({ clientOrderId }: OrderEntry, code: string): ServiceError {
    const message = `order ${clientOrderId}: the IBKR gateway gave no word about it; look it up before anything is sent again`;
    return new ServiceError(code, message, { retryable: !this.session.isClosed });
  }

  async entryAnywhere(clientOrderId: string): Promise<OrderEntry | undefined> {
    const known = this.book.entries.get(clientOrderId);
    if (known !== undefined && known.orderId !== 0) return known;
    await this.look();
    return this.book.entries.get(clientOrderId);
  }

  isMine({ clientId, orderId }: OrderEntry): boolean {
    return clientId === this.#options.settings.clientId && orderId > 0;
  }

  #hear(event: GatewayEvent): void {
    switch (event.kind) {
      case 'order':
        this.tell(bookOrder(this.book, event.order));
        break;
      case 'completed':
        rememberCompleted(this.book, event.order);
        break;
      case 'status':
        this.tell(bookStatus(this.book, event.status));
        break;
      case 'execution':
        if (event.account === this.session.account || this.session.account === '') {
          this.tell(bookExecution(this.book, event.execution, event.isListed));
        }
        break;
      case 'commission':
        this.tell(bookCommission(this.book, event));
        break;
      case 'message':
        this.#hearMessage(event);
        break;
      default:
        return;
    }
    for (const watch of [...this.#watchers]) watch();
    if (this.book.unclear.size > 0) this.#lookSoon();
  }

  #hearMessage({ id, code, text }: Extract<GatewayEvent, { readonly kind: 'message' }>): void {
    const { settings } = this.#options;
    if (id === undefined) return;
    const entry = this.book.byOrderId.get(orderIdKey(settings.clientId, id));
    if (entry === undefined) return;
    const meaning = meaningOf(settings, code);
    this.tell(bookError(this.book, entry, { meaning, code, text }));
    // the number was taken: the gateway knows the next free one
    if (meaning === 'duplicate_id') {
      this.session.send('ordinary', (gateway) => gateway.askNextId()).catch(() => undefined);
    }
  }

  /** After every connection, before it counts as ready: what the lists hold that was not heard is news. */
  async #catchUp(): Promise<void> {
    await this.session.ask(askOwnOrders());
    await this.look();
  }

  #onReady(): void {
    if (this.book.isHistory) {
      this.book.isHistory = false;
      this.#sweepAlways();
    } else this.tell([{ type: 'ConnectionRestored', source: 'broker' }]);
    if (this.book.unclear.size > 0) this.#lookSoon();
  }

  #onLost(reason: string): void {
    this.tell([{ type: 'ConnectionLost', source: 'broker', reason }]);
  }

  async look(): ReturnType<typeof look> {
    forgetOld(this.book);
    const found = await look(this.session, () => {
      this.looks += 1;
      return this.looks;
    });
    this.tell(settleLook(this.book, found, this.#options.settings.lookupAttempts));
    for (const watch of [...this.#watchers]) watch();
    return found;
  }

  #lookSoon(): void {
    if (this.#takeBackLook !== undefined || !this.session.isReady) return;
    this.#takeBackLook = this.session.after(this.#options.settings.timing.lookAgainUs, () => {
      this.#takeBackLook = undefined;
      if (!this.session.isReady || this.book.unclear.size === 0) return;
      this.look().then(
        () => {
          if (this.book.unclear.size > 0) this.#lookSoon();
        },
        // a failure hangs up; the next connection begins with a look
        () => undefined,
      );
    });
  }

  /** A report that never came is found by looking, as long as anything is at work. */
  #sweepAlways(): void {
    this.session.after(this.#options.settings.timing.sweepUs, () => {
      const isBusy = [...this.book.entries.values()].some((entry) => !isOver(entry));
      if (isBusy && this.session.isReady) this.look().catch(() => undefined);
      this.#sweepAlways();
    });
  }

  /** Orders of other clients and people are not news before they trade. */
  tell(news: readonly BrokerNews[]): void {
    if (this.book.isHistory) return;
    for (const item of news) {
      const entry = 'clientOrderId' in item ? this.book.entries.get(item.clientOrderId) : undefined;
      if (entry === undefined || !this.#isForeign(entry)) this.#news.next(item);
    }
  }
}
