import { resolveSettings } from '../../src/config/resolve.ts';
import { scenarioSchema } from '../../src/config/schema.ts';
import { sessionOn } from '../../src/data/calendar.ts';
import { createMarketTable } from '../../src/data/market-columns.ts';
import { parseHorizon } from '../../src/domain/horizon.ts';
import {
  HAS_ASK,
  HAS_BID,
  IS_HALTED,
  type MarketTable,
  type Session,
} from '../../src/domain/market-table.ts';
import type { Execution, OrderRequest } from '../../src/domain/orders.ts';
import { createEngine, type Engine } from '../../src/engine/engine-state.ts';
import { step } from '../../src/engine/step.ts';
import type { Decision, DerivedEvent } from '../../src/events/derived.ts';
import type { InputEvent, OperatorCommand } from '../../src/events/inputs.ts';
import { thumbLayout } from './synthetic-run.ts';

export const MINUTE_US = 60_000_000;
export const MONDAY = '2024-01-08';
export const TUESDAY = '2024-01-09';
/** $100.00, the mid every symbol starts at. */
export const PAR_E4 = 1_000_000;

/** What the models make of a symbol: a score of +1, of -1, one below every threshold, or no answer. */
export type Want = 'long' | 'short' | 'flat' | 'silent';
export type Quote = { readonly midE4: number } | 'halted' | 'one_sided' | 'none';
/** An event without the time: the desk stamps it. */
type Untimed<T> = T extends unknown ? Omit<T, 'tUs'> : never;

export interface DeskOptions {
  readonly symbols?: readonly string[];
  readonly horizons?: readonly string[];
  readonly barriers?: boolean;
  /** False: no models at all, limited mode. */
  readonly hasModels?: boolean;
  /** The return models rank the universe. */
  readonly isRanking?: boolean;
  /** Scenario keys, in human units. */
  readonly scenario?: Readonly<Record<string, object | number | boolean>>;
}

/** An engine fed by hand, one input at a time: the market, the models and the broker are what the test says. */
export interface Desk {
  readonly engine: Engine;
  /** Everything derived so far. */
  readonly log: readonly DerivedEvent[];
  readonly nowUs: number;
  /** Sequence number of the next input, counted as a tape does. */
  readonly nextSeq: number;
  send(event: Untimed<InputEvent>, tUs?: number): readonly DerivedEvent[];
  open(date: string): readonly DerivedEvent[];
  close(): readonly DerivedEvent[];
  /** One more minute: a quote of 1 bp for every symbol, at its newest mid or the one given. */
  bar(quotes?: Readonly<Record<string, Quote>>): readonly DerivedEvent[];
  /** Minutes of bars that leave 5-minute returns of 20 bps, and one answer of the models. */
  warmUp(): void;
  cycle(wants: Readonly<Record<string, Want>>, barriers?: BarrierAnswer): readonly DerivedEvent[];
  /** A cycle whose inference failed. */
  failedCycle(reason: string): readonly DerivedEvent[];
  /** `cycle` in the next minute, with its bar. */
  next(wants: Readonly<Record<string, Want>>): readonly DerivedEvent[];
  accept(order: OrderRequest): readonly DerivedEvent[];
  /** Fills an order: all that is left of it, at its symbol's mid, unless told otherwise. */
  fill(order: OrderRequest, how?: Partial<Execution> & { readonly leaves?: number }): readonly DerivedEvent[];
  operator(command: OperatorCommand): readonly DerivedEvent[];
}

export interface BarrierAnswer {
  readonly peak: number;
  readonly valley: number;
}

const HALF_SPREAD_E4 = 50;

/** Scores are the last raw output against the one before it: exactly +1 or -1, with a confidence of 1. */
const PLAIN_MODELS = {
  standardizeWindowCycles: 2,
  standardizeMinSamples: 2,
  icMinPairs: 2000,
  icWindowPairs: 2000,
  confidenceFloor: 1,
  stabilityDefault: 1,
  volMinReturns: 1,
};

export function openDesk(options: DeskOptions = {}): Desk {
  const symbols = options.symbols ?? ['AAA', 'BBB'];
  const labels = options.horizons ?? ['5m'];
  const { prediction, ...scenario } = options.scenario ?? {};
  const { engine: settings, horizons } = resolveSettings(
    scenarioSchema.parse({
      name: 'desk',
      strict: false,
      data: { dataset: 'none' },
      horizons: [...labels],
      prediction: { ...PLAIN_MODELS, ...(prediction as object) },
      ...scenario,
    }),
  );
  const layout = thumbLayout({
    symbols,
    horizons: labels.map(parseHorizon),
    families: ['Ridge'],
    barriers: options.barriers ?? false,
  });
  const isRanking = options.isRanking === true;
  const columns =
    options.hasModels === false
      ? []
      : layout.columns.map((column) => (isRanking ? { ...column, crossSectionalRanking: true } : column));
  const engine = createEngine({
    runTag: 'desk',
    settings,
    horizons,
    layout: { symbols, columns },
    barSeconds: 60,
  });
  return operate(engine);
}

function operate(engine: Engine): Desk {
  const { symbols, columns } = engine.layout;
  const log: DerivedEvent[] = [];
  const mids = symbols.map(() => PAR_E4);
  const raw = new Float32Array(columns.length * symbols.length);
  let session: Session | undefined;
  let tUs = 0;
  let cycle = 0;
  let seq = 0;
  let executions = 0;

  const desk: Desk = {
    engine,
    log,
    get nowUs() {
      return tUs;
    },
    get nextSeq() {
      return seq;
    },
    send(event, at = tUs) {
      tUs = at;
      const { derived } = step(engine, { ...event, tUs: at } as InputEvent, seq);
      seq += 1 + derived.length;
      log.push(...derived);
      return derived;
    },
    open(date) {
      session = sessionOn(date)!;
      return desk.send({ type: 'SessionOpened', session }, session.openUs);
    },
    close: () => desk.send({ type: 'SessionClosed', date: session!.date }, session!.closeUs),
    bar(quotes = {}) {
      const table = quoteTable(session!.date, symbols.length);
      symbols.forEach((symbol, i) => {
        const quote = quotes[symbol];
        if (typeof quote === 'object') mids[i] = quote.midE4;
      });
      fillTable(
        { ...table, symbols },
        tUs + MINUTE_US,
        symbols.map((symbol, i) => [mids[i]!, quotes[symbol]]),
      );
      const slice = { table: { ...table, symbols }, from: 0, to: symbols.length };
      return desk.send({ type: 'MarketSlice', origin: 'dataset', slice }, tUs + MINUTE_US);
    },
    warmUp() {
      const swung = Object.fromEntries(symbols.map((symbol) => [symbol, { midE4: PAR_E4 * 1.002 }]));
      const back = Object.fromEntries(symbols.map((symbol) => [symbol, { midE4: PAR_E4 }]));
      for (let k = 0; k < 4; k += 1) desk.bar();
      for (let k = 0; k < 5; k += 1) desk.bar(swung);
      for (let k = 0; k < 6; k += 1) desk.bar(back);
      if (columns.length > 0) desk.cycle(Object.fromEntries(symbols.map((symbol) => [symbol, 'flat'])));
    },
    cycle(wants, barriers = { peak: 0.5, valley: 0.5 }) {
      cycle += 1;
      const due = desk.send({ type: 'CycleDue', cycle });
      if (columns.length === 0) return due;
      const valid = new Uint8Array(raw.length);
      columns.forEach(({ kind }, c) => {
        symbols.forEach((symbol, i) => {
          const at = c * symbols.length + i;
          const want = wants[symbol] ?? 'flat';
          if (want === 'silent') return;
          valid[at] = 1;
          if (kind !== 'return') raw[at] = barriers[kind];
          else raw[at]! += want === 'long' ? 1 : want === 'short' ? -1 : 0;
        });
      });
      return desk.send({ type: 'PredictionsMade', predictions: { cycle, values: raw.slice(), valid } });
    },
    failedCycle(reason) {
      cycle += 1;
      desk.send({ type: 'CycleDue', cycle });
      return desk.send({ type: 'InferenceFailed', cycle, reason });
    },
    next(wants) {
      desk.bar();
      return desk.cycle(wants);
    },
    accept: ({ clientOrderId }) => desk.send({ type: 'OrderAccepted', clientOrderId }),
    fill(order, { leaves = 0, ...how } = {}) {
      executions += 1;
      const execution: Execution = {
        executionId: `x${executions}`,
        clientOrderId: order.clientOrderId,
        symbol: order.symbol,
        side: order.side,
        quantity: order.quantity - leaves,
        priceE4: mids[symbols.indexOf(order.symbol)] ?? PAR_E4,
        feeMicros: 0,
        tradeTimeUs: tUs,
        ...how,
      };
      return leaves > 0
        ? desk.send({ type: 'OrderPartiallyFilled', execution, leavesQuantity: leaves })
        : desk.send({ type: 'OrderFilled', execution });
    },
    operator: (command) => desk.send({ type: 'OperatorCommanded', command, who: 'ann', why: 'test' }),
  };
  return desk;
}

function quoteTable(session: string, rowCount: number): MarketTable {
  return createMarketTable({ session, barSeconds: 60, symbols: [], rowCount });
}

function fillTable(
  table: MarketTable,
  endUs: number,
  rows: readonly (readonly [number, Quote | undefined])[],
): void {
  rows.forEach(([midE4, quote], i) => {
    table.endUs[i] = endUs;
    table.symbolIx[i] = i;
    if (quote === 'none') return;
    table.flags[i] = HAS_BID | (quote === 'one_sided' ? 0 : HAS_ASK) | (quote === 'halted' ? IS_HALTED : 0);
    for (const column of ['bidOpenE4', 'bidHighE4', 'bidLowE4', 'bidCloseE4'] as const) {
      table[column][i] = midE4 - HALF_SPREAD_E4;
    }
    if (quote === 'one_sided') return;
    for (const column of ['askOpenE4', 'askHighE4', 'askLowE4', 'askCloseE4'] as const) {
      table[column][i] = midE4 + HALF_SPREAD_E4;
    }
  });
}

/** A desk on a Monday with volatility known and models warm. */
export function warmDesk(options: DeskOptions = {}): Desk {
  const desk = openDesk(options);
  desk.open(MONDAY);
  desk.warmUp();
  return desk;
}

export function ordersIn(events: readonly DerivedEvent[]): OrderRequest[] {
  return events.flatMap((event) => (event.type === 'OrderIntended' ? [event.order] : []));
}

export function decisionsIn(events: readonly DerivedEvent[]): Readonly<Record<string, Decision>> {
  const completed = events.flatMap((event) => (event.type === 'CycleCompleted' ? [event] : []));
  return Object.fromEntries(completed.at(-1)!.decisions.map((decision) => [decision.symbol, decision]));
}

export function ofType<T extends DerivedEvent['type']>(
  events: readonly DerivedEvent[],
  type: T,
): Extract<DerivedEvent, { readonly type: T }>[] {
  return events.filter((event): event is Extract<DerivedEvent, { readonly type: T }> => event.type === type);
}

/** A long of 500 shares of AAA, accepted and filled at par: 5 % of a million dollars. */
export function longDesk(options: DeskOptions = {}): Desk {
  const desk = warmDesk(options);
  const [order] = ordersIn(desk.next({ AAA: 'long' }));
  desk.accept(order!);
  desk.fill(order!);
  return desk;
}
