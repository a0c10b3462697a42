import { lookUpExecution } from '../domain/execution-journal.ts';
import { grossMicros, type Ledger, markedMicros } from '../domain/ledger.ts';
import { exactMicros } from '../domain/money.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { MoneyMicros, TimeUs } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import {
  collectDerived,
  collectInput,
  createRunCollector,
  currentEquityMicros,
  type RunCollector,
} from './collect.ts';
import { addMark, addPoint, type Curve, createCurve } from './curve.ts';
import {
  createIncidentLog,
  type IncidentKind,
  type IncidentLog,
  incidentOfDerived,
  incidentOfInput,
  logIncident,
  MARKED_KINDS,
} from './incidents.ts';
import { createDrawdown, type Drawdown, updateDrawdown } from './measures.ts';

const WEIGHT = 'weight of ';

/** Name of the series of a horizon's weight. The others: `equity`, micro-dollars; `drawdown`, `gross`, `net`, fractions. */
export function weightSeries(horizon: string): string {
  return WEIGHT + horizon;
}

const MARKED: ReadonlySet<IncidentKind> = new Set(MARKED_KINDS);

/** A run as it is told to a reader: what its summary is made from, and how it came about. Memory as the collector's. */
export interface RunStory {
  readonly collector: RunCollector;
  readonly curve: Curve;
  /** First point of each session on the curve. */
  readonly sessionStarts: { readonly date: string; readonly point: number }[];
  readonly incidents: IncidentLog;
  /** What cash changed by on account of each symbol, by universe index. */
  readonly cashMicros: Float64Array;
  /** Weights of horizons, once something was learned. */
  weights: readonly (readonly [horizon: string, weight: number])[];
  learning: { readonly algorithm: string; readonly rounds: number } | undefined;
  drawdown: Drawdown | undefined;
  cycle: number;
  /** Time of the first and of the newest event that counts. */
  firstUs: TimeUs | undefined;
  lastUs: TimeUs;
  stopReason: string | undefined;
  readonly fromUs: TimeUs;
}

/**
 * @param options.symbols the universe, code-unit order
 * @param options.fromUs what was recorded before is history that a live run took in, and does not count
 */
export function createRunStory(options: {
  readonly symbols: readonly string[];
  readonly initialCashMicros: MoneyMicros;
  readonly fromUs: TimeUs;
}): RunStory {
  return {
    collector: createRunCollector(options),
    curve: createCurve(),
    sessionStarts: [],
    incidents: createIncidentLog(),
    cashMicros: new Float64Array(options.symbols.length),
    weights: [],
    learning: undefined,
    drawdown: undefined,
    cycle: 0,
    firstUs: undefined,
    lastUs: 0,
    stopReason: undefined,
    fromUs: options.fromUs,
  };
}

export function tellInput(story: RunStory, event: InputEvent): void {
  if (event.tUs < story.fromUs) return;
  const { collector, cashMicros } = story;
  story.firstUs ??= event.tUs;
  story.lastUs = event.tUs;
  const before = collector.ledger.cashMicros;
  collectInput(collector, event);
  const change = collector.ledger.cashMicros - before;
  const symbolIx = change === 0 ? -1 : symbolOf(collector.ledger, event);
  if (symbolIx >= 0) cashMicros[symbolIx] = exactMicros(cashMicros[symbolIx] + change);
  if (event.type === 'SessionOpened') openSession(story, event);
  else if (event.type === 'SessionClosed') addEquityPoint(story, currentEquityMicros(collector));
  else if (event.type === 'RunStopped') story.stopReason = event.reason;
  note(story, event.tUs, incidentOfInput(event));
}

/** Takes one derived event, at the logical time of the input it followed from. */
export function tellDerived(story: RunStory, event: DerivedEvent, tUs: TimeUs): void {
  if (tUs < story.fromUs) return;
  collectDerived(story.collector, event, tUs);
  if (event.type === 'CycleStarted') story.cycle = event.cycle;
  else if (event.type === 'LearningUpdated') {
    const { algorithm, rounds, arms, omega } = event;
    story.learning = { algorithm, rounds };
    story.weights = arms.map((arm, k) => [arm, omega[k]]);
  } else if (event.type === 'CycleCompleted') {
    story.cycle = event.cycle;
    addEquityPoint(story, event.equityMicros);
  }
  note(story, tUs, incidentOfDerived(event));
}

function openSession(
  story: RunStory,
  { session, tUs }: Extract<InputEvent, { readonly type: 'SessionOpened' }>,
): void {
  const { initialCashMicros } = story.collector.ledger;
  if (story.drawdown === undefined) {
    story.drawdown = createDrawdown({ equityMicros: initialCashMicros, tUs });
    addPoint(story.curve, [
      ['equity', initialCashMicros],
      ['drawdown', 0],
    ]);
  }
  story.sessionStarts.push({ date: session.date, point: story.curve.points });
}

function addEquityPoint(story: RunStory, equityMicros: MoneyMicros): void {
  const { collector, curve, drawdown, weights, lastUs } = story;
  const { ledger, marks } = collector;
  const points: [string, number][] = [['equity', equityMicros]];
  if (drawdown !== undefined) {
    points.push(['drawdown', -updateDrawdown(drawdown, { equityMicros, tUs: lastUs })]);
  }
  if (equityMicros > 0) {
    let net = 0;
    for (let i = 0; i < ledger.symbols.length; i += 1) net += markedMicros(ledger, marks.priceE4, i);
    points.push(['gross', grossMicros(ledger, marks.priceE4) / equityMicros], ['net', net / equityMicros]);
  }
  for (const [horizon, weight] of weights) points.push([weightSeries(horizon), weight]);
  addPoint(curve, points);
}

/** The symbol on whose account an event moves cash; -1 where there is none, or the books know none. */
function symbolOf(ledger: Ledger, event: InputEvent): number {
  switch (event.type) {
    case 'OrderPartiallyFilled':
    case 'OrderFilled':
    case 'ExecutionCorrected':
      return indexOfSymbol(ledger.symbols, event.execution.symbol);
    case 'BorrowFeeCharged':
      return indexOfSymbol(ledger.symbols, event.symbol);
    case 'CorporateActionApplied':
      return indexOfSymbol(ledger.symbols, event.action.symbol);
    case 'CommissionReported': {
      const known = ledger.journal === null ? undefined : lookUpExecution(ledger.journal, event.executionId);
      return known?.kind === 'kept' ? known.entry.symbolIx : -1;
    }
    default:
      return -1;
  }
}

function note(
  story: RunStory,
  tUs: TimeUs,
  said: { readonly kind: IncidentKind; readonly text: string } | undefined,
): void {
  if (said === undefined) return;
  logIncident(story.incidents, { ...said, tUs, cycle: story.cycle });
  if (MARKED.has(said.kind)) addMark(story.curve, said.kind);
}
