import { assertNever, InvariantError } from '../domain/errors.ts';
import { chargeBorrowFee } from '../domain/ledger.ts';
import { ageJournal } from '../domain/ledger-corrections.ts';
import { universeIndexOf } from '../domain/marks.ts';
import type { StageProbe } from '../domain/stage-probe.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import { US_PER_MINUTE, US_PER_SECOND } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { InputEvent, Predictions } from '../events/inputs.ts';
import * as kill from '../pipeline/6-risk/kill-switch.ts';
import * as pipeline from '../pipeline/pipeline.ts';
import { changeSettings } from './change-settings.ts';
import { applyCorporateAction } from './corporate-action.ts';
import { completeCycle, reportFaults, startCycle } from './cycle.ts';
import { currentEquityMicros, type Engine } from './engine-state.ts';
import { forgetGates } from './gate-watch.ts';
import { learnFromForecasts } from './learn.ts';
import {
  applyConfigChange,
  applyOperatorCommand,
  cancelEntries,
  forgetAskedCancels,
  stopExposure,
} from './operator.ts';
import { ageOrders } from './order-book.ts';
import { reconcile, requestReconciliation } from './reconcile.ts';
import { applyReport } from './reports.ts';
import { closeSession, openSession } from './session-clock.ts';

export interface StepResult {
  /** In the order they are appended. */
  readonly derived: readonly DerivedEvent[];
  /** Set when a cycle waits for predictions. */
  readonly inference?: InferenceRequest;
}

/**
 * The engine: one input in, what follows from it out. Same state and input, same result, to the bit. The state is
 * updated in place (it belongs to the engine alone; a copy is a snapshot), nothing else is touched.
 * @param seq sequence number of the input on its tape: what client order ids are made from
 * @param probe told when stages begin and end; gives nothing back
 * @throws InvariantError when time goes back or an event comes in a state that rules it out
 */
export function step(engine: Engine, input: InputEvent, seq: number, probe?: StageProbe): StepResult {
  if (input.tUs < engine.nowUs) {
    throw new InvariantError(`${input.type} at ${input.tUs} came after ${engine.nowUs}`);
  }
  engine.nowUs = input.tUs;
  const derived: DerivedEvent[] = [];
  const inference = applyInput(engine, input, { seq, probe }, derived);
  if (engine.settings.strict && derived.some(({ type }) => type === 'ErrorRaised')) {
    stopExposure(engine, kill.trip(engine.kill, 'strict_error', { value: 1, limit: 0 }), derived);
  }
  return inference === undefined ? { derived } : { derived, inference };
}

function applyInput(
  engine: Engine,
  input: InputEvent,
  { seq, probe }: { readonly seq: number; readonly probe: StageProbe | undefined },
  out: DerivedEvent[],
): InferenceRequest | undefined {
  switch (input.type) {
    case 'RunStarted':
    case 'HorizonsDiscovered':
    case 'ArtifactWarned':
      return undefined;
    case 'SessionOpened':
      applyOpening(engine, input, out);
      return undefined;
    case 'CorporateActionApplied':
      applyCorporateAction(engine, input, out);
      return undefined;
    case 'SessionClosed':
      pipeline.closeSession(engine.pipeline);
      learnFromForecasts(engine.pipeline, out);
      engine.closingEquityMicros = currentEquityMicros(engine);
      closeSession(engine.clock);
      return undefined;
    case 'MarketSlice':
      applySlice(engine, input, out);
      return undefined;
    case 'CycleDue':
      return startCycle(engine, input.cycle, seq, out);
    case 'PredictionsMade':
      applyPredictions(engine, input.predictions, { seq, probe }, out);
      return undefined;
    case 'InferenceFailed':
      out.push({ type: 'ErrorRaised', code: 'INFERENCE_FAILED', message: input.reason });
      completeCycle(engine, { cycle: input.cycle, predictions: undefined, seq, probe }, out);
      return undefined;
    case 'OrderAccepted':
    case 'OrderRejected':
    case 'OrderPartiallyFilled':
    case 'OrderFilled':
    case 'OrderCancelled':
    case 'OrderExpired':
    case 'OrderUpdated':
    case 'CancelRejected':
    case 'ExecutionCorrected':
    case 'CommissionReported':
      applyReport(engine, input, out);
      return undefined;
    case 'BrokerSnapshot':
      reconcile(engine, input, out);
      return undefined;
    case 'BorrowFeeCharged':
      chargeBorrowFee(engine.ledger, input.feeMicros);
      return undefined;
    case 'OperatorCommanded':
      applyOperatorCommand(engine, input, out);
      return undefined;
    case 'ConfigChanged':
      applyConfigChange(engine, input, out);
      return undefined;
    case 'SettingsChanged':
      changeSettings(engine, input.changes);
      return undefined;
    case 'ConnectionLost':
    case 'ConnectionRestored':
      applyConnection(engine, input, out);
      return undefined;
    case 'DataGapDetected':
      raiseGap(engine, input, out);
      return undefined;
    case 'TapeRecovered':
      giveUpOpenCycle(engine, out);
      return undefined;
    case 'Heartbeat':
    case 'RunStopped':
      return undefined;
    default:
      return assertNever(input);
  }
}

function applyPredictions(
  engine: Engine,
  predictions: Predictions,
  { seq, probe }: { readonly seq: number; readonly probe: StageProbe | undefined },
  out: DerivedEvent[],
): void {
  const isRaised = reportFaults(engine, predictions, out);
  const usable = isRaised ? undefined : predictions;
  completeCycle(engine, { cycle: predictions.cycle, predictions: usable, seq, probe }, out);
}

function applyOpening(
  engine: Engine,
  { session, tUs }: Extract<InputEvent, { readonly type: 'SessionOpened' }>,
  out: DerivedEvent[],
): void {
  openSession(engine.clock, session);
  ageOrders(engine.orders);
  engine.reconciliation.calledBack = {};
  ageJournal(engine.ledger, tUs);
  pipeline.openSession(engine.pipeline, session);
  out.push(...kill.openSession(engine.kill, engine.closingEquityMicros));
  engine.isFlattening &&= kill.isKilled(engine.kill);
  forgetGates(engine.gateWatch);
  if (engine.clock.ordinal === 1) requestReconciliation(engine, 'start', out);
}

function applyConnection(
  engine: Engine,
  input: Extract<InputEvent, { readonly type: 'ConnectionLost' | 'ConnectionRestored' }>,
  out: DerivedEvent[],
): void {
  const { type, source } = input;
  const wasLost = engine.isLost[source];
  engine.isLost[source] = type === 'ConnectionLost';
  if (type === 'ConnectionLost') {
    if (source !== 'clock' || wasLost) return;
    out.push({ type: 'ErrorRaised', code: 'CLOCK_SET_BACK', message: input.reason });
    cancelEntries(engine, 'clock_set_back', out);
    return;
  }
  if (source !== 'broker') return;
  forgetAskedCancels(engine);
  requestReconciliation(engine, 'reconnect', out);
}

/** Whoever was to answer it is gone. */
function giveUpOpenCycle(engine: Engine, out: DerivedEvent[]): void {
  if (engine.openCycle === 0) return;
  out.push({ type: 'CycleSkipped', cycle: engine.openCycle, reason: 'the run was started again' });
  engine.openCycle = 0;
}

function applySlice(
  engine: Engine,
  input: Extract<InputEvent, { readonly type: 'MarketSlice' }>,
  out: DerivedEvent[],
): void {
  const { slice, tUs } = input;
  const universeIxOf = universeIndexOf(engine.layout.symbols, slice.table.symbols);
  pipeline.applySlice(engine.pipeline, slice, universeIxOf);
  learnFromForecasts(engine.pipeline, out);
  const equityMicros = currentEquityMicros(engine);
  const { risk } = engine.settings;
  const losses = kill.markEquity(engine.kill, equityMicros, risk);
  const velocity = kill.markVelocity(engine.kill, { equityMicros, tUs }, risk);
  stopExposure(engine, velocity.length === 0 ? losses : [...losses, ...velocity], out);
}

/** The symbol is held: risk refuses entries as `stale_data` until its next bar, however old data may be otherwise. */
function raiseGap(
  { settings, layout, pipeline: { market } }: Engine,
  { symbol, sinceUs, lateBarUs, tUs }: Extract<InputEvent, { readonly type: 'DataGapDetected' }>,
  out: DerivedEvent[],
): void {
  const i = indexOfSymbol(layout.symbols, symbol);
  if (i >= 0) market.isOverdue[i] = 1;
  const minutes = Math.round((tUs - sinceUs) / US_PER_MINUTE);
  const allowed = settings.risk.maxDataGapMinutes ?? 0;
  const message =
    lateBarUs === undefined
      ? `${symbol} has had no bar for ${minutes} minutes; risk.maxDataGapMinutes allows ${allowed}`
      : `${symbol} had a bar ${Math.round((tUs - lateBarUs) / US_PER_SECOND)} s behind its minute; a source tells a minute at once`;
  out.push({ type: 'ErrorRaised', code: 'DATA_STALE', message, symbol });
}
