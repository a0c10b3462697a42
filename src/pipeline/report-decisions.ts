import type { DecisionReason } from '../domain/decisions.ts';
import type { Decision } from '../events/derived.ts';
import { exitReason } from './4-gating/exits.ts';
import { BLOCKED, DECISION_KINDS, EXIT, HOLD } from './5-sizing/size-portfolio.ts';
import type { CycleWork } from './cycle-work.ts';
import type { DecisionView } from './decision-view.ts';
import type { Pipeline } from './pipeline-state.ts';

/**
 * The cycle's decisions as they go on the tape, one a symbol in code-unit order. A HOLD says why; a BLOCKED also the
 * value and the limit behind it; a TRADE or an EXIT side, horizon and target.
 */
export function reportDecisions(pipeline: Pipeline, view: DecisionView): Decision[] {
  return pipeline.layout.symbols.map((symbol, i) => decisionOf(pipeline, view, symbol, i));
}

type Draft = { -readonly [Field in keyof Decision]: Decision[Field] };

function decisionOf(pipeline: Pipeline, view: DecisionView, symbol: string, i: number): Decision {
  const { work } = pipeline;
  const code = work.kind[i];
  const kind = DECISION_KINDS[code];
  const reason = work.reason[i];
  if (code === HOLD) return { symbol, kind, reason };
  const decision: Draft = { symbol, kind, reason };
  if (work.hasLimit[i] === 1) {
    decision.value = work.value[i];
    decision.limit = work.limit[i];
  }
  if (work.exitStopped[i] === 1) decision.exitReason = exitReasonOf(work, i);
  if (code === BLOCKED) return decision;
  decision.side = sideOf(pipeline, view, i);
  decision.targetWeight = work.sizing.targetWeight[i];
  decision.targetShares = work.sizing.targetShares[i];
  const horizonIx = code === EXIT ? pipeline.timers.horizonIx[i] : work.arbitration.best[i];
  if (horizonIx >= 0) decision.horizon = pipeline.horizons[horizonIx].label;
  if (code !== EXIT && work.propensity[i] > 0) decision.propensity = work.propensity[i];
  return decision;
}

/** What stage 4 said before stage 6 overruled it; an exit without a reason of its own is the kill switch's. */
function exitReasonOf({ exit }: CycleWork, i: number): DecisionReason {
  return exit.reason[i] === 0 ? 'kill_switch' : exitReason(exit.reason[i]);
}

function sideOf({ work }: Pipeline, view: DecisionView, i: number): 'buy' | 'sell' {
  if (work.kind[i] === EXIT) return view.positionShares[i] > 0 ? 'sell' : 'buy';
  return work.arbitration.side[i] > 0 ? 'buy' : 'sell';
}
