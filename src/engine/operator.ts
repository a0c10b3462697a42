import { assertNever } from '../domain/errors.ts';
import { problemOfTightening, tightened } from '../domain/tighten.ts';
import { type TimeUs, US_PER_MINUTE } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { type RiskTransition, resetKill, trip } from '../pipeline/6-risk/kill-switch.ts';
import { forgetAllExecutions } from '../pipeline/6-risk/risk-memory.ts';
import { useSettings } from '../pipeline/pipeline-state.ts';
import { currentEquityMicros, type Engine } from './engine-state.ts';
import type { OrderRecord } from './order-book.ts';

/** Carries out an operator's command. Cancels come before anything else that follows from it. */
export function applyOperatorCommand(
  engine: Engine,
  { command, who }: Extract<InputEvent, { readonly type: 'OperatorCommanded' }>,
  out: DerivedEvent[],
): void {
  switch (command) {
    case 'pause':
      engine.isPaused = true;
      return;
    case 'resume':
      engine.isPaused = false;
      return;
    case 'kill':
    case 'flatten':
      if (command === 'flatten') engine.isFlattening = true;
      stopExposure(engine, trip(engine.kill, 'operator', { value: 1, limit: 0 }), out);
      // tripped before or not: who kills means what works now, orders that close included
      if (command === 'kill') cancelWorking(engine, out);
      return;
    case 'reset':
      engine.isFlattening = false;
      // a person has looked: what still differs by the next snapshot is raised anew
      for (const open of engine.reconciliation.open) open.isActedOn = false;
      if (engine.kill.tripped.repeated_execution) forgetAllExecutions(engine.pipeline.riskMemory);
      out.push(...resetKill(engine.kill, { equityMicros: currentEquityMicros(engine), by: who }));
      return;
    case 'reconcile':
      engine.reconciliation.cycles = 0;
      out.push({ type: 'ReconciliationRequested', reason: 'operator' });
      return;
    default:
      assertNever(command);
  }
}

/** Makes a limit smaller for the rest of the run. One that would not be smaller stays, and is raised. */
export function applyConfigChange(
  engine: Engine,
  { limit, value }: Extract<InputEvent, { readonly type: 'ConfigChanged' }>,
  out: DerivedEvent[],
): void {
  const { risk } = engine.settings;
  const problem = problemOfTightening(risk, limit, value);
  if (problem !== undefined) {
    out.push({ type: 'ErrorRaised', code: 'LIMIT_NOT_TIGHTENED', message: problem });
    return;
  }
  engine.settings = { ...engine.settings, risk: tightened(risk, limit, value) };
  useSettings(engine.pipeline, engine.settings);
}

/** Takes in what the kill switch has to say; when it trips, working orders are cancelled before anything else. */
export function stopExposure(
  engine: Engine,
  transitions: readonly RiskTransition[],
  out: DerivedEvent[],
): void {
  if (transitions.length === 0) return;
  out.push(...transitions);
  if (!transitions.some((transition) => transition.type === 'KillSwitchTripped')) return;
  if (engine.settings.risk.killAction === 'flatten') engine.isFlattening = true;
  cancelWorking(engine, out);
}

function cancelWorking({ orders, nowUs }: Engine, out: DerivedEvent[]): void {
  for (const order of orders.working) requestCancel(order, { reason: 'kill_switch', nowUs }, out);
}

/** Calls back what may still open or enlarge a position, where no cycle would. */
export function cancelEntries({ orders, nowUs }: Engine, reason: string, out: DerivedEvent[]): void {
  for (const order of orders.working) {
    const { purpose } = order.request;
    if (purpose === 'open' || purpose === 'increase') requestCancel(order, { reason, nowUs }, out);
  }
}

/** Asks once for the cancellation of a working order; whether it has to be asked for again shows later. */
export function requestCancel(
  order: OrderRecord,
  { reason, nowUs }: { readonly reason: string; readonly nowUs: TimeUs },
  out: DerivedEvent[],
): void {
  if (order.cancel !== null) return;
  order.cancel = { reason, isAsked: true, askedUs: nowUs, refusals: 0, notBeforeUs: 0 };
  out.push({ type: 'CancelIntended', clientOrderId: order.request.clientOrderId, reason });
}

/** A cancel is lost where neither an end nor a refusal has come of it for so long, as a request may take. */
const UNANSWERED_US = 2 * US_PER_MINUTE;

/** Asks again where the broker refused, once the wait after that is over, and where nothing came of it. */
export function repeatCancels({ orders, nowUs }: Engine, out: DerivedEvent[]): void {
  for (const { cancel, request } of orders.working) {
    if (cancel === null || nowUs < cancel.notBeforeUs) continue;
    if (cancel.isAsked && nowUs - cancel.askedUs <= UNANSWERED_US) continue;
    cancel.isAsked = true;
    cancel.askedUs = nowUs;
    out.push({
      type: 'CancelIntended',
      clientOrderId: request.clientOrderId,
      reason: cancel.reason,
    });
  }
}

/** What was asked for before a connection broke may never have arrived: it is asked for again, in the next cycle. */
export function forgetAskedCancels({ orders }: Engine): void {
  for (const { cancel } of orders.working) if (cancel !== null) cancel.isAsked = false;
}
