import { isWorking, sideSign } from '../../domain/orders.ts';
import type { Shares, TimeUs } from '../../domain/units.ts';
import type { Decision, DerivedEvent } from '../../events/derived.ts';
import type { Json, JsonObject } from '../../events/record.ts';
import { money } from '../../report/format.ts';
import { firstDifferentStage } from '../comparing-tape.ts';
import { differentDecision } from '../diff-runs.ts';
import { filledShares, type Side, type SideOrder } from './side.ts';

type Completed = Extract<DerivedEvent, { readonly type: 'CycleCompleted' }>;

/**
 * Why a decision differs. `stopped`: one side may not trade, by the check that `detail` names. `position`: they hold other
 * positions, in the symbol or in another. `working`: one side has an order at work. `equity`: they size by other equity,
 * after other prices and fees. `other`: none of it shows; what was learned, for one.
 */
export interface DecisionCause {
  readonly kind: 'stopped' | 'position' | 'working' | 'equity' | 'other';
  readonly detail: string;
  /** The order of the session that did it, where one did. */
  readonly order: { readonly cycle: number; readonly symbol: string } | null;
}

/** The first cycle, and symbol, that the sides decide differently on. */
export interface DecisionSplit {
  readonly cycle: number;
  readonly tUs: TimeUs;
  /** The first whose digest differs in that cycle. */
  readonly stage: string;
  readonly symbol: string;
  readonly simulated: Decision;
  readonly actual: Decision;
  readonly cause: DecisionCause;
}

/** Compares the cycles of both sides as they complete, while the books of both stand where they stood then. */
export interface DecisionWatch {
  /** The newest of the simulated side. */
  simulated: Completed | undefined;
  cycles: number;
  decidedDifferently: number;
  /** The first cycle in which any digest differs: what is decided may still be the same. */
  firstStage: { readonly cycle: number; readonly tUs: TimeUs; readonly stage: string } | null;
  first: DecisionSplit | null;
}

export function createDecisionWatch(): DecisionWatch {
  return { simulated: undefined, cycles: 0, decidedDifferently: 0, firstStage: null, first: null };
}

export interface BothSides {
  readonly simulated: Side;
  readonly actual: Side;
}

/** Takes a cycle that the actual side completed; the simulated side has completed it before. */
export function compareCycle(
  watch: DecisionWatch,
  actual: Completed,
  { tUs, sides }: { readonly tUs: TimeUs; readonly sides: BothSides },
): void {
  const { simulated } = watch;
  if (simulated?.cycle !== actual.cycle) return;
  watch.cycles += 1;
  const { cycle } = actual;
  const stage = firstDifferentStage(payloadOf(simulated), payloadOf(actual));
  const isSameStages = stage === 'decisions';
  const different = differentDecision(simulated.decisions, actual.decisions);
  if (!isSameStages || different !== undefined) watch.firstStage ??= { cycle, tUs, stage };
  if (different === undefined) return;
  watch.decidedDifferently += 1;
  const { symbol, a, b } = different;
  watch.first ??= {
    ...{ cycle, tUs, stage, symbol, simulated: a, actual: b },
    cause: causeOf({ cycle, symbol, simulated: a, actual: b, equity: [simulated, actual] }, sides),
  };
}

function payloadOf(event: Completed): JsonObject {
  return event as unknown as Json as JsonObject;
}

/** Checks that keep a side from trading for what happened to it, whatever its models say. */
const STOPPING: ReadonlySet<string> = new Set([
  'kill_switch',
  'trading_paused',
  'connection_lost',
  'unreconciled',
  'cash_unreconciled',
]);

type Split = Pick<DecisionSplit, 'cycle' | 'symbol' | 'simulated' | 'actual'>;

/** The first of what can lead to another decision that shows, the nearest to the symbol first. */
function causeOf(
  split: Split & { readonly equity: readonly [Completed, Completed] },
  sides: BothSides,
): DecisionCause {
  const others = sides.actual.collector.ledger.symbols.filter((symbol) => symbol !== split.symbol);
  return (
    stoppedCause(split, sides) ??
    positionCause(split, sides) ??
    workingCause(split, sides) ??
    firstOf(others, (symbol) => positionCause({ ...split, symbol }, sides)) ??
    equityCause(split) ?? { kind: 'other', detail: 'positions, orders and equity are the same', order: null }
  );
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function stoppedCause(split: Split, sides: BothSides): DecisionCause | undefined {
  if (split.simulated.reason === split.actual.reason) return undefined;
  for (const name of ['actual', 'simulated'] as const) {
    const { reason } = split[name];
    if (!STOPPING.has(reason)) continue;
    const why = sides[name].trouble;
    const detail = `${name}: ${reason}${why === null ? '' : ` (${why})`}`;
    return { kind: 'stopped', detail, order: null };
  }
  return undefined;
}

function positionCause({ cycle, symbol }: Split, sides: BothSides): DecisionCause | undefined {
  const held = { simulated: heldOf(sides.simulated, symbol), actual: heldOf(sides.actual, symbol) };
  if (held.simulated === held.actual) return undefined;
  const what = `${symbol} held ${held.simulated} simulated, ${held.actual} actual`;
  const order = firstDifferentFill(ordersBefore(sides, { cycle, symbol }));
  if (order === undefined)
    return { kind: 'position', detail: `${what}: from before the session`, order: null };
  return { kind: 'position', detail: `${what}: ${order.detail}`, order: { cycle: order.cycle, symbol } };
}

function workingCause({ cycle, symbol }: Split, sides: BothSides): DecisionCause | undefined {
  const { simulated, actual } = ordersBefore(sides, { cycle, symbol });
  const atWork = { simulated: simulated.filter(works), actual: actual.filter(works) };
  if (atWork.simulated.length === atWork.actual.length) return undefined;
  const name = atWork.actual.length > atWork.simulated.length ? 'actual' : 'simulated';
  const order = { cycle: atWork[name].at(-1)!.cycle, symbol };
  return { kind: 'working', detail: `${name}: the order of cycle ${order.cycle} is still at work`, order };
}

function equityCause({
  equity: [simulated, actual],
}: {
  readonly equity: readonly [Completed, Completed];
}): DecisionCause | undefined {
  if (simulated.equityMicros === actual.equityMicros) return undefined;
  const detail = `${money(simulated.equityMicros)} simulated, ${money(actual.equityMicros)} actual`;
  return { kind: 'equity', detail, order: null };
}

interface OrdersOfBoth {
  readonly simulated: readonly SideOrder[];
  readonly actual: readonly SideOrder[];
}

/** Orders of the session in a symbol that were decided before a cycle. */
function ordersBefore(
  sides: BothSides,
  { cycle, symbol }: { readonly cycle: number; readonly symbol: string },
): OrdersOfBoth {
  const of = ({ orders }: Side): SideOrder[] =>
    [...orders.values()].filter((order) => order.request.symbol === symbol && order.cycle < cycle);
  return { simulated: of(sides.simulated), actual: of(sides.actual) };
}

function works({ status }: SideOrder): boolean {
  return isWorking(status);
}

function heldOf({ collector: { ledger } }: Side, symbol: string): Shares {
  return ledger.shares[ledger.symbols.indexOf(symbol)];
}

/** The first order of the session that filled otherwise: the later ones follow from it. */
function firstDifferentFill(
  orders: OrdersOfBoth,
): { readonly cycle: number; readonly detail: string } | undefined {
  const cycles = [...orders.simulated, ...orders.actual].map(({ cycle }) => cycle);
  for (const cycle of [...new Set(cycles)].sort((a, b) => a - b)) {
    const simulated = orders.simulated.find((order) => order.cycle === cycle);
    const actual = orders.actual.find((order) => order.cycle === cycle);
    if (signedFill(simulated) === signedFill(actual)) continue;
    const detail = `the order of cycle ${cycle}: ${wordsOf(simulated)} simulated, ${wordsOf(actual)} actual`;
    return { cycle, detail };
  }
  return undefined;
}

function signedFill(order: SideOrder | undefined): Shares {
  if (order === undefined) return 0;
  return sideSign(order.request.side) * filledShares(order);
}

function wordsOf(order: SideOrder | undefined): string {
  if (order === undefined) return 'none';
  const { status, rejectReason } = order;
  if (status === 'rejected') return `refused (${rejectReason ?? 'refused'})`;
  return `filled ${filledShares(order)} of ${order.request.quantity} (${status})`;
}
