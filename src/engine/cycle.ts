import { InvariantError } from '../domain/errors.ts';
import type { StageProbe } from '../domain/stage-probe.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { ModelFaultReason, Predictions } from '../events/inputs.ts';
import type { ModelKind } from '../events/layout.ts';
import { orderRequestOf } from '../pipeline/6-risk/assess-order.ts';
import { isKilled, markExposure } from '../pipeline/6-risk/kill-switch.ts';
import type { DecisionView } from '../pipeline/decision-view.ts';
import { entryTerms } from '../pipeline/explore-entries.ts';
import { type CycleOutcome, decide, requestPredictions } from '../pipeline/pipeline.ts';
import { currentEquityMicros, type Engine } from './engine-state.ts';
import { watchGates } from './gate-watch.ts';
import { repeatCancels, requestCancel } from './operator.ts';
import { addOrder, type OrderRecord, workingShares } from './order-book.ts';
import { countCycle } from './reconcile.ts';
import { sessionMinutes } from './session-clock.ts';

/** A cycle falls due: freezes its view of the features and asks the models; without models it is decided at once. */
export function startCycle(
  engine: Engine,
  cycle: number,
  seq: number,
  out: DerivedEvent[],
): InferenceRequest | undefined {
  if (engine.openCycle !== 0) {
    out.push({ type: 'CycleSkipped', cycle, reason: `cycle ${engine.openCycle} is open` });
    return undefined;
  }
  engine.openCycle = cycle;
  out.push({ type: 'CycleStarted', cycle });
  const request = requestPredictions(engine.pipeline, cycle);
  if (request === undefined) {
    completeCycle(engine, { cycle, predictions: undefined, seq }, out);
    return undefined;
  }
  out.push({ type: 'InferenceRequested', cycle, featuresDigest: request.featuresDigest });
  return request;
}

/** What is on the tape about models that failed is said again by name; a strict run does not go on without a model. */
export function reportFaults(
  engine: Engine,
  { cycle, faults = [] }: Predictions,
  out: DerivedEvent[],
): boolean {
  const { columns, symbols } = engine.layout;
  let isRaised = false;
  for (const fault of faults) {
    const { reason, detail } = fault;
    const model = columns[fault.column].id;
    const event = { type: 'ModelFaulted', cycle, model, reason } as const;
    out.push(
      fault.symbols === undefined ? event : { ...event, symbols: fault.symbols.map((i) => symbols[i]) },
    );
    const code = engine.settings.strict ? strictCode(reason, columns[fault.column].kind) : undefined;
    if (code === undefined) continue;
    out.push({ type: 'ErrorRaised', code, message: `model ${model}: ${detail}` });
    isRaised = true;
  }
  return isRaised;
}

/**
 * What a strict run raises: a model that throws or changed its shape is a broken artifact, and a gate without its model
 * has failed, whatever the reason. Another late or odd number is a matter of this cycle.
 */
function strictCode(reason: ModelFaultReason, kind: ModelKind): string | undefined {
  if (reason === 'failed') return 'MODEL_RUN_FAILED';
  if (reason === 'wrong_shape') return 'MODEL_OUTPUT_SHAPE';
  return kind === 'return' ? undefined : 'GATE_FAILED';
}

export interface CycleAnswer {
  readonly cycle: number;
  /** Absent when inference failed: entries hold, exits that need no forecast still run. */
  readonly predictions: Predictions | undefined;
  /** Sequence number of the input that completes the cycle. */
  readonly seq: number;
  readonly probe?: StageProbe | undefined;
}

/** The answer is in: runs the stages and asks for what they decided. */
export function completeCycle(engine: Engine, answer: CycleAnswer, out: DerivedEvent[]): void {
  const { cycle } = answer;
  if (engine.openCycle !== cycle) {
    throw new InvariantError(`predictions for cycle ${cycle} came while ${engine.openCycle} was open`);
  }
  engine.openCycle = 0;
  const view = decisionView(engine, answer);
  const outcome = decide(engine.pipeline, view);
  const { decisions, digests } = outcome;
  out.push({ type: 'CycleCompleted', cycle, decisions, digests, equityMicros: view.equityMicros });
  watchGates(engine.gateWatch, engine.pipeline, view, out);
  const { work, rules } = engine.pipeline;
  const held = { symbols: engine.layout.symbols, weights: work.sizing.weightNow, rules };
  for (const warning of markExposure(engine.kill, held, engine.settings.risk)) out.push(warning);
  askBroker(engine, outcome, answer, out);
  countCycle(engine, out);
}

function decisionView(engine: Engine, { cycle, predictions, probe }: CycleAnswer): DecisionView {
  const { clock, orders, ledger, nowUs } = engine;
  workingShares(orders, engine.workingShares);
  const equityMicros = currentEquityMicros(engine);
  return {
    cycle,
    tUs: nowUs,
    predictions,
    positionShares: ledger.shares,
    workingShares: engine.workingShares,
    working: orders.working.map(({ request, symbolIx, filledQuantity }) => ({
      symbolIx,
      side: request.side,
      leavesQuantity: request.quantity - filledQuantity,
      limitPriceE4: request.limitPriceE4,
    })),
    equityMicros,
    sessionMinutes: sessionMinutes(clock, nowUs),
    minutesToClose: (clock.closeUs - nowUs) / US_PER_MINUTE,
    isSessionOpen: clock.isOpen && nowUs < clock.closeUs,
    isKilled: isKilled(engine.kill),
    isPaused: engine.isPaused,
    isDisconnected: engine.isLost.market_data || engine.isLost.broker || engine.isLost.clock,
    unreconciled: engine.reconciliation.unreconciled,
    isCashUnreconciled: engine.reconciliation.isCashUnreconciled,
    isFlattening: engine.isFlattening,
    probe,
  };
}

/** By symbol, then in the order of intent. */
function cancelOrders(
  { orders: { working }, nowUs }: Engine,
  symbols: readonly number[],
  out: DerivedEvent[],
): void {
  if (symbols.length === 0) return;
  const bySymbol = new Map<number, OrderRecord[]>(symbols.map((symbolIx) => [symbolIx, []]));
  for (const order of working) bySymbol.get(order.symbolIx)?.push(order);
  for (const orders of bySymbol.values()) {
    for (const order of orders) requestCancel(order, { reason: 'replaced_by_decision', nowUs }, out);
  }
}

/** Cancels, then orders. An order's id is made of the run, the input that caused it and its place among its siblings. */
function askBroker(
  engine: Engine,
  { cancelSymbols, approved }: CycleOutcome,
  answer: CycleAnswer,
  out: DerivedEvent[],
): void {
  const { pipeline, orders, nowUs, runTag } = engine;
  cancelOrders(engine, cancelSymbols, out);
  repeatCancels(engine, out);
  for (let k = 0; k < approved.length; k += 1) {
    const verdict = approved[k];
    const order = orderRequestOf(verdict, `${runTag}-${answer.seq}-${k}`);
    const i = verdict.draft.symbolIx;
    const horizonIx = pipeline.timers.horizonIx[i];
    const terms = order.purpose === 'open' ? entryTerms(pipeline, i) : null;
    addOrder(orders, order, { symbolIx: i, horizonIx, intendedUs: nowUs, terms });
    const { cycle } = answer;
    const reason = pipeline.work.reason[i];
    if (horizonIx < 0) {
      out.push({ type: 'OrderIntended', order, cycle, reason });
      continue;
    }
    const horizon = pipeline.horizons[horizonIx].label;
    out.push({ type: 'OrderIntended', order, cycle, reason, horizon });
  }
}
