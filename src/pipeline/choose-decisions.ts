import type { DecisionReason } from '../domain/decisions.ts';
import { applyEntryGates, type GateInputs, gateReason, isGateBlock } from './4-gating/entry-gates.ts';
import { evaluateExits, exitReason, isFlattenTime } from './4-gating/exits.ts';
import { BLOCKED, EXIT, HOLD, TRADE } from './5-sizing/size-portfolio.ts';
import { scaleByVolatility } from './5-sizing/vol-scaling.ts';
import { isReduction, weightOfShares } from './5-sizing/weights.ts';
import { type CycleWork, setOutcome } from './cycle-work.ts';
import { type DecisionView, effectiveShares } from './decision-view.ts';
import { startTimer } from './horizon-timers.ts';
import { markE4 } from './market-state.ts';
import type { Pipeline } from './pipeline-state.ts';

/**
 * Stage 4 for the whole universe: what each symbol wants becomes TRADE, BLOCKED, EXIT or HOLD. Entries must pass the
 * gates; reductions and exits do not ask them. Also restarts the timers of positions whose forecast still stands.
 */
export function chooseDecisions(pipeline: Pipeline, view: DecisionView): void {
  const { work, settings, market, symbolCount } = pipeline;
  wantWeights(pipeline, view);
  const gateInputs: GateInputs = {
    symbolCount,
    candidate: work.arbitration.selected,
    side: work.arbitration.side,
    market,
    tUs: view.tUs,
    barriers: work.barriers,
  };
  applyEntryGates(gateInputs, settings.gating, work.gate);
  for (let i = 0; i < symbolCount; i += 1) {
    const isAllowed = work.arbitration.selected[i] === 1 && passesGates(work, i);
    const position = view.positionShares[i];
    work.renewed[i] = isAllowed && position * work.arbitration.side[i] > 0 ? 1 : 0;
    work.heldMinutes[i] = view.sessionMinutes - pipeline.timers.startMinutes[i];
  }
  evaluateExits(
    {
      symbolCount,
      positionShares: view.positionShares,
      entryHorizon: pipeline.timers.horizonIx,
      heldMinutes: work.heldMinutes,
      renewed: work.renewed,
      barriers: work.barriers,
      alpha: work.blend.alpha,
      alphaValid: work.blend.valid,
      costBps: work.cost.costBps,
      costKnown: work.cost.known,
      minutesToClose: view.minutesToClose,
    },
    pipeline.horizons,
    settings.gating,
    work.exit,
  );
  for (let i = 0; i < symbolCount; i += 1) chooseDecision(pipeline, view, i);
}

/** Weights before gates, and the weight held now, of every selected symbol. */
function wantWeights({ work, settings, symbolCount, market }: Pipeline, view: DecisionView): void {
  const { arbitration, blend } = work;
  for (let i = 0; i < symbolCount; i += 1) {
    work.effectiveShares[i] = effectiveShares(view, i);
    work.rawWeight[i] = 0;
    if (arbitration.selected[i] === 0) continue;
    const slot = arbitration.best[i] * symbolCount + i;
    const scaled = { alpha: blend.alpha[slot], sigma: work.sigma[slot] };
    work.rawWeight[i] = scaleByVolatility(scaled, settings.sizing).weight;
    work.heldWeight[i] = weightOfShares({
      shares: work.effectiveShares[i],
      equityMicros: view.equityMicros,
      priceE4: markE4(market, i),
    });
  }
}

/** An entry passes when its gates allow it; a signal that only asks for less of what is held passes them all. */
function passesGates({ gate, heldWeight, rawWeight }: CycleWork, i: number): boolean {
  return !isGateBlock(gate.outcome[i]) || isReduction({ from: heldWeight[i], to: rawWeight[i] });
}

function chooseDecision(pipeline: Pipeline, view: DecisionView, i: number): void {
  const { work, settings, timers } = pipeline;
  const { arbitration, exit, gate } = work;
  const position = view.positionShares[i];
  work.signalWeight[i] = 0;
  if (position !== 0 && exit.reason[i] !== 0) {
    setOutcome(work, i, EXIT, exitReason(exit.reason[i]), { value: exit.value[i], limit: exit.limit[i] });
    return;
  }
  if (position !== 0 && view.isFlattening) {
    setOutcome(work, i, EXIT, 'kill_switch');
    return;
  }
  if (arbitration.selected[i] === 0) {
    holdOutcome(pipeline, view, i);
    return;
  }
  if (!passesGates(work, i)) {
    const failed = { value: gate.value[i], limit: gate.limit[i] };
    setOutcome(work, i, BLOCKED, gateReason(gate.outcome[i]), failed);
    return;
  }
  if (isFlattenTime(view.minutesToClose, settings.gating)) {
    const failed = { value: view.minutesToClose, limit: settings.gating.endOfDayFlattenMinutes };
    setOutcome(work, i, BLOCKED, 'exit_end_of_day', failed);
    return;
  }
  work.signalWeight[i] = work.rawWeight[i] * (isGateBlock(gate.outcome[i]) ? 1 : gate.factor[i]);
  setOutcome(work, i, TRADE, 'score_best');
  if (work.effectiveShares[i] * arbitration.side[i] >= 0) {
    startTimer(timers, i, { horizonIx: arbitration.best[i], sessionMinutes: view.sessionMinutes });
  }
}

function holdOutcome(pipeline: Pipeline, view: DecisionView, i: number): void {
  const { work, symbolCount } = pipeline;
  const { arbitration, drawn } = work;
  if (arbitration.best[i] < 0) {
    setOutcome(work, i, HOLD, missingReason(pipeline, view, i));
    return;
  }
  const limit = arbitration.thetaBps[i];
  if (drawn[i] >= 0) {
    const value = arbitration.scoreBps[drawn[i] * symbolCount + i];
    setOutcome(work, i, HOLD, 'explored_below_threshold', { value, limit });
    return;
  }
  setOutcome(work, i, HOLD, 'below_threshold', { value: arbitration.bestScoreBps[i], limit });
}

/** Why no horizon had a score: the first stage that had nothing to say. */
function missingReason(
  { work, prediction, symbolCount }: Pipeline,
  { predictions }: DecisionView,
  i: number,
): DecisionReason {
  if (work.columnCount === 0) return 'no_models';
  if (predictions === undefined) return 'inference_failed';
  if (work.hasData[i] === 0) return 'no_market_data';
  if (work.sigmaKnown[i] === 0) return 'volatility_warming_up';
  if (work.spreadKnown[i] === 0) return 'quote_missing';
  if (work.hasPrediction[i] === 1) return 'model_warming_up';
  const isUnranked = prediction.standardizer.rankedColumns.some(
    (c) => predictions.valid[c * symbolCount + i] === 1,
  );
  return isUnranked ? 'too_few_to_rank' : 'no_predictions';
}
