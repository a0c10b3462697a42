import { createIbkrBroker } from '../../src/brokers/ibkr/broker.ts';
import type { OrderRequest } from '../../src/domain/orders.ts';
import type { Broker } from '../../src/ports/broker.ts';
import { quoteAt, SPEED, settingsFor } from '../brokers/ibkr/desk.ts';
import { fastClock } from '../twins/clocks.ts';
import type { FaultKind } from '../twins/tws/faults.ts';
import { TwsTwin } from '../twins/tws/twin.ts';
import type { FaultsOptions, FaultsReport, FaultViolation } from './alpaca-faults.ts';
import { type IbkrScript, ibkrScript, type Step } from './ibkr-script.ts';
import { NewsLedger } from './news-ledger.ts';

const CASH_MICROS = 1_000_000_000_000;
/** How long things may take to come right once nothing goes wrong any more. */
const PATIENCE_MILLISECONDS = 8_000;
/** No script delays anything for longer. */
const DELAYS_MILLISECONDS = 40;
/** Scripts at a time: they wait for timers most of the time. */
const AT_ONCE = 6;

export interface IbkrFaultsReport extends FaultsReport {
  /** Kinds of faults that came about. */
  readonly fired: ReadonlySet<FaultKind>;
}

/** Runs drawn fault scripts against the client over real sockets, and checks its news against the twin's books. */
export async function runIbkrFaults({ seed, scripts, only }: FaultsOptions): Promise<IbkrFaultsReport> {
  const wanted = only === undefined ? Array.from({ length: scripts }, (_, number) => number) : [only];
  const count = wanted.length;
  const violations: FaultViolation[] = [];
  const fired = new Set<FaultKind>();
  let checks = 0;
  const work = async (): Promise<void> => {
    for (let script = wanted.shift(); script !== undefined; script = wanted.shift()) {
      const run = new FaultRun(ibkrScript(seed, script), `${seed}-${script}`);
      const found = await run.run();
      for (const kind of run.twin.script.fired) fired.add(kind);
      checks += found.checks;
      const reproduce = `npm run faults -- --seed ${seed} --broker ibkr --script ${script}`;
      for (const broken of found.broken) violations.push({ script, ...broken, reproduce });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { scripts: count, checks, violations: violations.sort((a, b) => a.script - b.script), fired };
}

interface Broken {
  readonly invariant: string;
  readonly detail: string;
}

/** One script, from the first connection to books that agree. */
export class FaultRun {
  readonly twin: TwsTwin;
  readonly ledger = new NewsLedger();
  readonly #script: IbkrScript;
  readonly #name: string;
  readonly #orders: OrderRequest[] = [];
  readonly #pending = new Set<Promise<void>>();
  #broker: Broker | undefined;
  #port = 0;
  /** Whether all that traded before this process has been asked for: till then it is not news. */
  #isHistoryTaken = true;
  #checks = 0;
  readonly #broken: Broken[] = [];

  constructor(script: IbkrScript, name: string) {
    this.#script = script;
    this.#name = name;
    this.twin = new TwsTwin({ faults: script.faults, cashMicros: CASH_MICROS });
  }

  async run(): Promise<{ readonly checks: number; readonly broken: readonly Broken[] }> {
    this.#port = await this.twin.start();
    try {
      await this.#connect();
      for (const step of this.#script.steps) await this.#take(step);
      await this.#settle();
      await this.#check();
    } catch (error) {
      this.#expect('runs to its end', false, error instanceof Error ? error.message : String(error));
    } finally {
      await this.#broker?.close();
      await this.twin.stop();
    }
    return { checks: this.#checks, broken: this.#broken };
  }

  async #connect(): Promise<void> {
    const broker = createIbkrBroker({
      settings: settingsFor(this.#port),
      clock: fastClock(SPEED),
      random: () => 0.5,
    });
    broker.news$.subscribe((news) => {
      if (this.#broker !== broker) return;
      this.ledger.hear(news);
      if (news.type === 'ConnectionRestored') this.#expectCaughtUp();
    });
    this.#broker = broker;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await broker.connect();
        return;
      } catch (error) {
        if (attempt > 30) throw error;
        await wait(10);
      }
    }
  }

  /** What traded before the connection was made again is news by the time it counts as restored. */
  #expectCaughtUp(): void {
    if (!this.#isHistoryTaken) return;
    const traded = this.twin.books.executions.slice(0, this.twin.connectionOf(7)?.executionsAtReady ?? 0);
    const told = new Set([...this.ledger.executions.keys()].map((id) => id.slice(0, id.lastIndexOf('.'))));
    const untold = traded.filter(({ base }) => !told.has(base)).map(({ id }) => id);
    this.#expect(
      'what was missed is told before a connection is restored',
      untold.length === 0,
      untold.join(', '),
    );
  }

  async #take(step: Step): Promise<void> {
    const broker = this.#broker!;
    switch (step.kind) {
      case 'quote':
        this.twin.quote(quoteAt(step.dollars, { symbol: step.symbol.replace('.', ' '), size: step.size }));
        break;
      case 'order':
        this.#intend(step);
        this.#submit(this.#orders.at(-1)!, false);
        break;
      case 'cancel':
        this.#try(step.order, ({ clientOrderId }) => broker.cancelOrder(clientOrderId));
        break;
      case 'replace':
        this.#try(step.order, ({ clientOrderId, quantity }) =>
          broker.replaceOrder({ clientOrderId, quantity: quantity + 1 }),
        );
        break;
      case 'again': {
        const order = this.#orders[step.order];
        if (order !== undefined) this.#submit(order, true);
        break;
      }
      case 'restart':
        await this.#restart();
        break;
      case 'wait':
        await wait(step.milliseconds);
        break;
      default:
    }
    await wait(2);
  }

  #intend({
    symbol,
    side,
    type,
    timeInForce,
    quantity,
    limitPriceE4,
  }: Extract<Step, { readonly kind: 'order' }>): void {
    const clientOrderId = `${this.#name}-${this.#orders.length}`;
    const price = type === 'market' ? {} : { limitPriceE4 };
    this.ledger.intend(clientOrderId);
    this.#orders.push({
      clientOrderId,
      symbol,
      side,
      type,
      timeInForce,
      quantity,
      ...price,
      purpose: 'open',
    });
  }

  #submit(order: OrderRequest, mayBePlaced: boolean): void {
    if (mayBePlaced) this.ledger.retold.add(order.clientOrderId);
    this.#follow(this.#broker!.submitOrder(order, { mayBePlaced }));
  }

  #try(number: number, act: (order: OrderRequest) => Promise<void>): void {
    const order = this.#orders[number];
    if (order !== undefined && !this.ledger.isOver(order.clientOrderId)) this.#follow(act(order));
  }

  /** A request may fail: that is an answer. It may not stay without one. */
  #follow(promise: Promise<void>): void {
    const settled: Promise<void> = promise
      .catch(() => undefined)
      .finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
  }

  /** As a process does that finds its tape: it asks for what traded, and for every order that has not ended. */
  async #restart(): Promise<void> {
    await this.#broker!.close();
    this.ledger.isConnected = true;
    this.#isHistoryTaken = false;
    await this.#connect();
    for (const { clientOrderId } of this.#orders) this.ledger.retold.add(clientOrderId);
    try {
      this.ledger.absorb(await this.#broker!.getExecutions(0));
      this.#isHistoryTaken = true;
    } catch {
      // a connection that failed meanwhile: asked again at the end
    }
    this.#askAgain();
  }

  #askAgain(): void {
    for (const order of this.#orders) if (!this.ledger.isOver(order.clientOrderId)) this.#submit(order, true);
  }

  /** Faults stop; then everything is ended, as the operator of a run that ends does. */
  async #settle(): Promise<void> {
    this.twin.heal();
    // what was delayed is still on its way
    await wait(DELAYS_MILLISECONDS);
    for (const { clientOrderId } of this.#orders) this.ledger.retold.add(clientOrderId);
    const isSettled = await within(PATIENCE_MILLISECONDS, async () => {
      await Promise.all([...this.#pending]);
      if (!this.ledger.isConnected) return false;
      try {
        this.ledger.absorb(await this.#broker!.getExecutions(0));
        const working = this.#orders.filter(({ clientOrderId }) => !this.ledger.isOver(clientOrderId));
        if (working.length > 0) {
          this.#askAgain();
          await Promise.all([...this.#pending]);
          for (const { clientOrderId } of await this.#broker!.getOpenOrders()) {
            await this.#broker!.cancelOrder(clientOrderId);
          }
          return false;
        }
        return this.#agrees();
      } catch {
        return false;
      }
    });
    this.#expect('news agrees with the books once faults stop', isSettled, 'not in time');
  }

  #agrees(): boolean {
    const { books } = this.twin;
    return (
      same(this.ledger.positions(), named(books.positions())) &&
      CASH_MICROS + this.ledger.flowMicros() === books.cashMicros()
    );
  }

  async #check(): Promise<void> {
    const { books, complaints } = this.twin;
    const refs = books.orders.map(({ orderRef }) => orderRef);
    const twice = refs.filter((ref, at) => refs.indexOf(ref) !== at);
    this.#expect('one broker order per client id', twice.length === 0, twice.join(', '));
    this.#expect('nothing is sent before it is ready', complaints.length === 0, complaints.join('; '));
    const { faults } = this.ledger;
    this.#expect('news is legal, and says nothing twice', faults.length === 0, faults.join('; '));
    const held = this.ledger.positions();
    const actual = named(books.positions());
    this.#expect('position = sum of executions', same(held, actual), `${text(held)}, not ${text(actual)}`);
    const off = this.ledger.flowMicros() + CASH_MICROS - books.cashMicros();
    this.#expect('cash and commissions to the micro-dollar', off === 0, `off by ${off}`);
    for (const { clientOrderId } of this.#orders) this.#checkEnd(clientOrderId);
    const isAnswered = await within(PATIENCE_MILLISECONDS, async () => {
      try {
        const positions = await this.#broker!.getPositions();
        return same(positions, actual) && (await this.#broker!.getCash()) === books.cashMicros();
      } catch {
        return false;
      }
    });
    this.#expect('positions and cash as they are asked for', isAnswered, 'not in time');
  }

  #checkEnd(clientOrderId: string): void {
    const order = this.twin.books.orders.find(({ orderRef }) => orderRef === clientOrderId);
    const end = this.ledger.ends.get(clientOrderId);
    const filled = this.ledger.filled(clientOrderId);
    const quantity = order?.quantity ?? 0;
    this.#expect(
      'fills as at the broker, within the order',
      filled === (order?.filled ?? 0) && filled <= quantity,
      `${clientOrderId}: ${filled} of ${quantity}, there ${order?.filled ?? 0}`,
    );
    const ends: Readonly<Record<string, readonly string[]>> = {
      Filled: ['filled'],
      Cancelled: ['cancelled', 'filled'],
      Inactive: ['rejected', 'cancelled'],
    };
    const expected = order === undefined ? ['rejected'] : (ends[order.status] ?? []);
    this.#expect(
      'ends as at the broker',
      end !== undefined && expected.includes(end),
      `${clientOrderId}: ${end}, there ${order?.status ?? 'unknown'}`,
    );
  }

  #expect(invariant: string, holds: boolean, detail: string): void {
    this.#checks += 1;
    if (!holds) this.#broken.push({ invariant, detail });
  }
}

function named(positions: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(positions).map(([symbol, shares]) => [symbol.replace(' ', '.'), shares]),
  );
}

function same(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  return [...Object.keys(a), ...Object.keys(b)].every((key) => (a[key] ?? 0) === (b[key] ?? 0));
}

const text = (held: Readonly<Record<string, number>>): string =>
  Object.entries(held)
    .map(([symbol, shares]) => `${symbol} ${shares}`)
    .join(', ');

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function within(milliseconds: number, isDone: () => Promise<boolean>): Promise<boolean> {
  const endMs = performance.now() + milliseconds;
  for (;;) {
    if (await isDone()) return true;
    if (performance.now() > endMs) return false;
    await wait(5);
  }
}
