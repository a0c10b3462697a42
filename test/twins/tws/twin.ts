import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type NewOrder, type TwinQuote, TwsBooks } from './books.ts';
import { TwinConnection } from './connection.ts';
import { decimal } from './decimal.ts';
import { type Fault, FaultScript } from './faults.ts';
import { createFrameReader, SERVER_VERSION } from './frames.ts';
import * as message from './messages.ts';
import { Reporter } from './reports.ts';
import { type Request, readRequest } from './requests.ts';

export interface TwsTwinOptions {
  readonly accounts?: readonly string[];
  readonly cashMicros?: number;
  readonly faults?: readonly Fault[];
  /** As the gateway writes times; UTC by default. */
  readonly now?: () => string;
  readonly serverVersion?: number;
}

/**
 * A TWS on this machine with books of its own: accounts, orders, executions, positions. It trades by one rule: a
 * marketable order fills at the quote, up to its size. Everything it gets wrong is in its script.
 */
export class TwsTwin {
  readonly books: TwsBooks;
  readonly script: FaultScript;
  /** What no client may do; empty at the end of a good test. */
  readonly complaints: string[] = [];
  /** Requests in the order they came. */
  readonly requests: Request[] = [];
  readonly #options: TwsTwinOptions;
  readonly #reporter: Reporter;
  readonly #server: Server;
  readonly #connections = new Set<TwinConnection>();
  readonly #sockets = new Set<Socket>();
  #sentBytes = 0;
  #isLinkDown = false;

  constructor(options: TwsTwinOptions = {}) {
    this.#options = options;
    this.script = new FaultScript(options.faults ?? []);
    this.#reporter = new Reporter(this.script, (clientId) =>
      this.#isLinkDown ? undefined : this.connectionOf(clientId),
    );
    this.books = new TwsBooks({
      account: this.accounts[0]!,
      cashMicros: options.cashMicros ?? 1_000_000_000_000,
      emit: (event) => this.#reporter.report(event),
      now: options.now ?? (() => '20240304-14:30:01'),
    });
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get accounts(): readonly string[] {
    return this.#options.accounts ?? ['DU1000001'];
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen({ host: '127.0.0.1', port: 0 }, resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Ends every fault, also those that go on: mute lines are cut. */
  heal(): void {
    this.script.heal();
    for (const connection of this.#connections) if (connection.isMute) connection.hangUp();
    if (this.#isLinkDown) this.#restoreLink(1102);
  }

  quote(quote: TwinQuote): void {
    this.books.quote(quote);
  }

  connectionOf(clientId: number): TwinConnection | undefined {
    return [...this.#connections].find((one) => one.clientId === clientId && one.isOpen && !one.isMute);
  }

  /** Every line dies at once. */
  hangUpAll(): void {
    for (const connection of this.#connections) connection.hangUp();
  }

  /** Says something to every client that belongs to no request. */
  announce(code: number, text: string): void {
    for (const connection of this.#connections) connection.send(message.errorMessage(-1, code, text));
  }

  #accept(socket: Socket): void {
    const connection = new TwinConnection(socket, this.script, (bytes) => {
      this.#sentBytes += bytes;
      return this.#sentBytes;
    });
    this.#sockets.add(socket);
    this.#connections.add(connection);
    socket.setNoDelay(true);
    let isGreeted = false;
    const read = createFrameReader((fields) => {
      if (connection.isMute && !connection.isOpen) return;
      if (isGreeted) this.#take(connection, readRequest(fields));
      else {
        isGreeted = true;
        connection.send([this.#options.serverVersion ?? SERVER_VERSION, '20240304 09:30:00 EST']);
      }
    });
    socket.on('data', (bytes) => {
      try {
        read(bytes);
      } catch (error) {
        this.complaints.push(String(error));
        connection.hangUp();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#connections.delete(connection);
    });
  }

  #take(connection: TwinConnection, request: Request): void {
    this.requests.push(request);
    if (request.kind === 'start') {
      this.#start(connection, request.clientId);
      return;
    }
    if (!connection.isReady) this.complaints.push(`${request.kind} before the connection was ready`);
    const number = this.script.count('request');
    const link = this.script.due('link', ({ nth }) => nth <= number);
    if (link !== undefined) {
      this.#isLinkDown = true;
      this.announce(1100, 'Connectivity between IB and TWS has been lost.');
      setTimeout(() => this.#restoreLink(link.isDataKept ? 1102 : 1101), link.milliseconds);
    }
    const slow = this.script.due('slow_reader', ({ nth }) => nth <= number);
    if (slow !== undefined) connection.stopReading(slow.milliseconds);
    if (this.script.due('rate', ({ nth }) => nth <= number) !== undefined) {
      const id = request.kind === 'place' ? request.order.orderId : -1;
      connection.send(message.errorMessage(id, 100, 'Max rate of messages per second has been exceeded.'));
      return;
    }
    const of = this.script.count(request.kind);
    const isDue = (fault: { readonly on: string; readonly nth: number }): boolean =>
      fault.on === 'any' ? fault.nth <= number : fault.on === request.kind && fault.nth <= of;
    const cut = this.script.due('hang_up', isDue);
    if (cut?.isTaken === false) {
      connection.hangUp();
      return;
    }
    if (cut !== undefined || this.script.due('silence', isDue) !== undefined) connection.isMute = true;
    this.#answer(connection, request, of);
    if (cut !== undefined) connection.hangUp();
  }

  #restoreLink(code: 1101 | 1102): void {
    if (!this.#isLinkDown) return;
    this.#isLinkDown = false;
    this.announce(code, 'Connectivity between IB and TWS has been restored.');
  }

  #start(connection: TwinConnection, clientId: number): void {
    if (this.connectionOf(clientId) !== undefined) {
      connection.send(message.errorMessage(-1, 326, 'Unable to connect as the client id is already in use.'));
      connection.hangUp();
      return;
    }
    connection.clientId = clientId;
    connection.send(message.managedAccounts(this.accounts));
    connection.send(message.nextValidId(this.books.nextOrderId(clientId)));
    connection.isReady = true;
    connection.executionsAtReady = this.books.executions.length;
    if (this.#isLinkDown) connection.send(message.errorMessage(-1, 1100, 'Connectivity has been lost.'));
  }

  #answer(connection: TwinConnection, request: Request, number: number): void {
    const { books } = this;
    switch (request.kind) {
      case 'place':
        if (!this.#isLinkDown) this.#place(connection, request.order, number);
        return;
      case 'cancel':
        if (!this.#isLinkDown) this.#cancel(connection, request.orderId, number);
        return;
      case 'own_orders':
      case 'all_orders':
        for (const order of books.orders) {
          const isListed = request.kind === 'all_orders' || order.clientId === connection.clientId;
          if (!books.isOpen(order) || !isListed) continue;
          connection.send(message.openOrder(order));
          connection.send(message.orderStatus(order));
        }
        connection.send(message.openOrderEnd());
        return;
      case 'completed_orders':
        for (const order of books.orders)
          if (!books.isOpen(order)) connection.send(message.completedOrder(order));
        connection.send(message.completedOrdersEnd());
        return;
      case 'executions':
        for (const execution of books.executions) {
          connection.send(message.executionData(execution, request.requestId));
          connection.send(message.commissionReport(execution));
        }
        connection.send(message.executionsEnd(request.requestId));
        return;
      case 'positions':
        for (const [symbol, shares] of Object.entries(books.positions())) {
          connection.send(message.position(books.account, symbol, shares));
        }
        connection.send(message.positionEnd());
        return;
      case 'summary':
        this.#summarize(connection, request.requestId);
        return;
      case 'time':
        connection.send(message.currentTime(1_709_562_601));
        return;
      case 'ids':
        connection.send(message.nextValidId(books.nextOrderId(connection.clientId)));
        return;
      default:
    }
  }

  #summarize(connection: TwinConnection, requestId: number): void {
    const { books } = this;
    const values = { TotalCashValue: books.cashMicros(), NetLiquidation: books.netLiquidationMicros() };
    for (const [tag, value] of Object.entries(values)) {
      connection.send(message.accountSummary(requestId, books.account, tag, decimal(value, 6)));
    }
    connection.send(message.accountSummaryEnd(requestId));
  }

  #place(connection: TwinConnection, request: Omit<NewOrder, 'clientId'>, number: number): void {
    const { books, script } = this;
    const { clientId } = connection;
    const { orderId } = request;
    const order: NewOrder = { ...request, clientId };
    const say = (code: number, text: string, details = ''): void =>
      connection.send(message.errorMessage(orderId, code, text, details));
    const existing = books.find(clientId, orderId);
    const limit = request.limitPriceMicros ?? 0;
    if (limit >= 1_000_000 && limit % 10_000 !== 0) {
      // a change that is refused leaves the order as it was
      if (existing === undefined)
        books.reject(order, 'The price does not conform to the minimum price variation');
      say(110, 'The price does not conform to the minimum price variation for this contract.');
      return;
    }
    if (existing !== undefined && books.isOpen(existing)) {
      books.change(existing, order);
      return;
    }
    if (!books.isOrderIdFree(clientId, orderId)) {
      say(103, 'Duplicate order id');
      return;
    }
    const duplicate = script.due('duplicate_id', ({ nth }) => nth <= number);
    if (duplicate !== undefined) {
      say(103, 'Duplicate order id');
      if (!duplicate.isPlaced) return;
    }
    const reject = script.due('reject', ({ nth }) => nth <= number);
    if (reject !== undefined) {
      const rejected = books.reject(order, 'Order rejected - reason: not today');
      say(reject.code, 'Order rejected - reason: not today', reject.hasBadDetails ? '{"rejects":[' : '');
      connection.send(message.orderStatus(rejected));
      return;
    }
    const partial = script.due('partial', ({ nth }) => nth <= number);
    const hasNoStatus = script.due('no_status', ({ nth }) => nth <= number) !== undefined;
    const before = books.executions.length;
    if (hasNoStatus) this.#reporter.keepSilentAbout(order.orderRef);
    books.place(order, partial?.shares);
    this.#correctLater(before);
  }

  #correctLater(before: number): void {
    const { books, script } = this;
    for (let at = before; at < books.executions.length; at += 1) {
      const execution = books.executions[at]!;
      const correct = script.due('correct', ({ nth }) => nth <= at + 1);
      const bust = script.due('bust', ({ nth }) => nth <= at + 1);
      if (correct !== undefined) {
        const shares = Math.max(1, execution.shares - correct.sharesDown);
        const priceMicros = execution.priceMicros + correct.priceUpMicros;
        setTimeout(() => books.correct(execution, { shares, priceMicros }), 3);
      }
      if (bust !== undefined) {
        setTimeout(() => books.correct(execution, { shares: 0, priceMicros: execution.priceMicros }), 5);
      }
    }
  }

  #cancel(connection: TwinConnection, orderId: number, number: number): void {
    const { books } = this;
    const say = (code: number, text: string): void =>
      connection.send(message.errorMessage(orderId, code, text));
    const order = books.find(connection.clientId, orderId);
    if (order === undefined) {
      say(10147, `OrderId ${orderId} that needs to be cancelled is not found.`);
      return;
    }
    if (!books.isOpen(order)) {
      say(
        10148,
        `OrderId ${orderId} that needs to be cancelled can not be cancelled, state: ${order.status}.`,
      );
      return;
    }
    books.cancel(order);
    say(202, 'Order Canceled - reason:');
    const late = this.script.due('late_fill', ({ nth }) => nth <= number);
    const shares = Math.min(late?.shares ?? 0, order.quantity - order.filled);
    if (shares > 0) {
      setTimeout(() => books.fill(order, shares, order.limitPriceMicros ?? 100_000_000), 4);
    }
  }
}
