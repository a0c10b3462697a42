import type { Decision } from '../events/derived.ts';
import { BLOCKED, DECISION_KINDS, EXIT, HOLD } from './5-sizing/size-portfolio.ts';
import type { DecisionView } from './decision-view.ts';
import type { Pipeline } from './pipeline-state.ts';

/**
 * The cycle's decisions as they go on the tape, one a symbol in code-unit order. A HOLD or a BLOCKED says why, with
 * the value and the limit behind it; a TRADE or an EXIT also says side, horizon and target.
 */
export function reportDecisions(pipeline: Pipeline, view: DecisionView): Decision[] {
  const { layout, work } = pipeline;
  return layout.symbols.map((symbol, i) => {
    const base = { symbol, kind: DECISION_KINDS[work.kind[i]], reason: work.reason[i] };
    const failed = work.hasLimit[i] === 1 ? { value: work.value[i], limit: work.limit[i] } : undefined;
    if (work.kind[i] === HOLD) return base;
    if (work.kind[i] === BLOCKED) return { ...base, ...failed };
    const target = {
      ...base,
      ...failed,
      side: sideOf(pipeline, view, i),
      targetWeight: work.sizing.targetWeight[i],
      targetShares: work.sizing.targetShares[i],
    };
    const horizonIx = work.kind[i] === EXIT ? pipeline.timers.horizonIx[i] : work.arbitration.best[i];
    return horizonIx < 0 ? target : { ...target, horizon: pipeline.horizons[horizonIx].label };
  });
}

function sideOf({ work }: Pipeline, view: DecisionView, i: number): 'buy' | 'sell' {
  if (work.kind[i] === EXIT) return view.positionShares[i] > 0 ? 'sell' : 'buy';
  return work.arbitration.side[i] > 0 ? 'buy' : 'sell';
}
