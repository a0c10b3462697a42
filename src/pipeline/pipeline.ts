import { type CorporateAction, rebasedMarkE4, rebaseOf } from '../domain/corporate-actions.ts';
import { InvariantError } from '../domain/errors.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketSlice, type Session } from '../domain/market-table.ts';
import type { Decision, Stage, StageDigests } from '../events/derived.ts';
import type { InferenceRequest } from '../events/inference.ts';
import { fillOmega } from '../learning/learning-state.ts';
import * as features from './0-features/feature-engine.ts';
import { rebaseFeatures } from './0-features/rebase-features.ts';
import { addTraded, closeAdvSession } from './1-prediction/adv.ts';
import { rebasePairs, updatePairsMid } from './1-prediction/matured-pairs.ts';
import {
  closePredictionSession,
  maturePairsAt,
  maturePairsBefore,
  openPredictionSession,
  predict,
} from './1-prediction/predict.ts';
import { SCORE_MISSING } from './1-prediction/standardize.ts';
import {
  closeVolatilitySession,
  openVolatilitySession,
  rebaseVolatility,
  updateVolatility,
} from './1-prediction/volatility.ts';
import { blendScores } from './2-blending/blend.ts';
import { arbitrate } from './3-arbitration/arbitrate.ts';
import { computeCosts } from './3-arbitration/cost-model.ts';
import { type BarrierProbabilities, collectBarriers } from './4-gating/barrier-probabilities.ts';
import { chooseDecisions } from './choose-decisions.ts';
import type { DecisionView } from './decision-view.ts';
import { exploreEntries } from './explore-entries.ts';
import {
  noteOutcomeMid,
  openOutcomesSession,
  queueForecasts,
  scoreForecastsAt,
  scoreForecastsBefore,
} from './forecast-outcomes.ts';
import { applyMarketRow, forgetQuotes, markE4, rebaseQuotes, validMidE4 } from './market-state.ts';
import { measureMarket, plannedOrderDollars } from './measure-market.ts';
import type { Pipeline } from './pipeline-state.ts';
import { type CycleOrders, placeOrders, sizeDecisions } from './place-orders.ts';
import { reportDecisions } from './report-decisions.ts';
import { stageDigests } from './stage-digests.ts';

/** A request with the digest of what it asks about, as it goes on the tape. */
export interface PredictionRequest extends InferenceRequest {
  readonly featuresDigest: string;
}

/** What a cycle came to. */
export interface CycleOutcome extends CycleOrders {
  readonly decisions: readonly Decision[];
  readonly digests: StageDigests;
}

export function openSession(pipeline: Pipeline, session: Session): void {
  pipeline.session = session;
  forgetQuotes(pipeline.market);
  features.openSession(pipeline.features, session);
  openVolatilitySession(pipeline.volatility, session);
  openPredictionSession(pipeline.prediction, session);
  openOutcomesSession(pipeline, session);
}

export function closeSession(pipeline: Pipeline): void {
  const { session } = pipeline;
  if (session === null) return;
  closePredictionSession(pipeline.prediction, session.closeUs);
  scoreForecastsAt(pipeline, session.closeUs);
  features.closeSession(pipeline.features);
  closeVolatilitySession(pipeline.volatility, session);
  closeAdvSession(pipeline.adv);
}

/**
 * Takes in what bars show. Their own end is the time that counts, whenever they came: a bar that was late is old, and
 * its mid belongs to the grid point it closed at. Forecasts due before it mature first, with the mids known until then.
 */
export function applySlice(pipeline: Pipeline, slice: MarketSlice, universeIxOf: Int32Array): void {
  const { market, volatility, adv, prediction, outcomes, marksE4 } = pipeline;
  const { table } = slice;
  const tUs = table.endUs[slice.from];
  maturePairsBefore(prediction, tUs);
  scoreForecastsBefore(pipeline, tUs);
  for (let row = slice.from; row < slice.to; row += 1) {
    const i = universeIxOf[table.symbolIx[row]];
    if (i < 0) continue;
    applyMarketRow(market, slice, row, i, tUs);
    const flags = table.flags[row];
    if ((flags & (HAS_BID | HAS_ASK)) === (HAS_BID | HAS_ASK)) {
      const openMid = validMidE4(table.bidOpenE4[row], table.askOpenE4[row]);
      const closeMid = validMidE4(table.bidCloseE4[row], table.askCloseE4[row]);
      updateVolatility(volatility, i, { tUs, openMid, closeMid });
      if (closeMid > 0) {
        updatePairsMid(prediction.pairs, i, { tUs, mid: closeMid });
        if (outcomes !== null) noteOutcomeMid(outcomes, i, tUs, closeMid);
      }
    }
    if ((flags & HAS_TRADE) !== 0) addTraded(adv, i, (table.closeE4[row] / 10_000) * table.volume[row]);
    const mark = markE4(market, i);
    if (mark > 0) marksE4[i] = mark;
  }
  features.applySlice(pipeline.features, slice, universeIxOf);
  maturePairsAt(prediction, tUs);
  scoreForecastsAt(pipeline, tUs);
}

/** Everything remembered of a symbol's prices, on the terms after a corporate action. Dollar volumes (ADV) keep theirs. */
export function applyCorporateAction(pipeline: Pipeline, i: number, action: CorporateAction): void {
  const { market, volatility, prediction, outcomes, marksE4 } = pipeline;
  const { priceNumerator: numerator, priceDenominator: denominator } = rebaseOf(action);
  rebaseQuotes(market, i, action);
  marksE4[i] = rebasedMarkE4(action, marksE4[i]);
  rebaseVolatility(volatility, i, { numerator, denominator });
  rebasePairs(prediction.pairs, i, { numerator, denominator });
  if (outcomes !== null) rebasePairs(outcomes.pairs, i, { numerator, denominator });
  rebaseFeatures(pipeline.features, i, action);
}

/** Stage 0 of a cycle: the features as they stand. @returns undefined when the run has no models */
export function requestPredictions(pipeline: Pipeline, cycle: number): PredictionRequest | undefined {
  if (pipeline.layout.columns.length === 0) return undefined;
  const { batches, usable } = features.buildBatches(pipeline.features);
  return { cycle, batches, usable, featuresDigest: features.featuresDigest(pipeline.features) };
}

/** A cycle: its stages, then what goes on the tape about them. */
export function decide(pipeline: Pipeline, view: DecisionView): CycleOutcome {
  const { cancelSymbols, approved } = runStages(pipeline, view);
  const digests = stageDigests(pipeline, features.featuresDigest(pipeline.features));
  return { cancelSymbols, approved, decisions: reportDecisions(pipeline, view), digests };
}

/** Stages 1 to 6, all symbols through one stage before any enters the next; `pipeline.work` holds their outputs. */
export function runStages(pipeline: Pipeline, view: DecisionView): CycleOrders {
  runSignalStages(pipeline, view);
  expectFinite(pipeline);
  exploreEntries(pipeline, view);
  queueForecasts(pipeline, view);
  chooseDecisions(pipeline, view);
  sizeDecisions(pipeline, view);
  return placeOrders(pipeline, view);
}

/** Stages 1 to 3: from raw predictions to the best horizon of every symbol. */
function runSignalStages(pipeline: Pipeline, view: DecisionView): void {
  const { work, prediction, settings, horizons, symbolCount, learning } = pipeline;
  measureMarket(pipeline, view);
  const { ageSeconds, capacity, present } = work;
  predict(prediction, { tUs: view.tUs, predictions: view.predictions, ageSeconds, capacity, present });
  noteAnswers(pipeline, view);
  computeCosts(
    {
      symbolCount,
      spreadBps: work.spreadBps,
      spreadKnown: work.spreadKnown,
      sigma5: work.sigma5,
      sigmaKnown: work.sigmaKnown,
      advDollars: work.advDollars,
      orderDollars: plannedOrderDollars(pipeline, view),
    },
    horizons,
    settings.arbitration,
    work.cost,
  );
  view.probe?.begin('blending');
  blendScores(
    pipeline.blendState,
    pipeline.blendPlan,
    {
      standardized: prediction.scores.scores,
      calibrated: prediction.calibrated.calibrated,
      present,
      icShrunk: prediction.confidence.icShrunk,
      sigma: work.sigma,
      sigmaKnown: work.sigmaKnown,
      costBps: work.cost.costBps,
      costKnown: work.cost.known,
    },
    settings.blending,
    work.blend,
  );
  view.probe?.end('blending');
  if (learning !== null) fillOmega(learning, work.priorOmega);
  arbitrate(
    {
      symbolCount,
      alpha: work.blend.alpha,
      alphaValid: work.blend.valid,
      costBps: work.cost.costBps,
      costKnown: work.cost.known,
      spreadBps: work.spreadBps,
      priorOmega: work.priorOmega,
    },
    horizons,
    settings.arbitration,
    work.arbitration,
  );
}

/** Barrier probabilities, and whether any return model answered for a symbol. */
function noteAnswers(
  { work, barrierPlan, prediction, symbolCount }: Pipeline,
  { predictions }: DecisionView,
): void {
  if (predictions === undefined) {
    work.hasPrediction.fill(0);
    clearBarriers(work.barriers);
    return;
  }
  collectBarriers(barrierPlan, predictions, work.barriers);
  const { status } = prediction.scores;
  for (let i = 0; i < symbolCount; i += 1) {
    let at = i;
    while (at < status.length && status[at] === SCORE_MISSING) at += symbolCount;
    work.hasPrediction[i] = at < status.length ? 1 : 0;
  }
}

function clearBarriers({ peak, valley, secondPeak, secondValley }: BarrierProbabilities): void {
  for (const series of [peak, valley, secondPeak, secondValley]) {
    series.known.fill(0);
    series.p.fill(0);
    series.faulted.fill(0);
  }
}

/** A number that is not finite must stop the run where it arises: comparisons with it would quietly decide. */
function expectFinite({ prediction, work }: Pipeline): void {
  expectFiniteOutputs('prediction', prediction.calibrated.calibrated);
  expectFiniteOutputs('blending', work.blend.alpha);
  expectFiniteOutputs('arbitration', work.arbitration.scoreBps);
}

function expectFiniteOutputs(stage: Stage, values: Float64Array): void {
  for (let k = 0; k < values.length; k += 1) {
    if (Number.isFinite(values[k])) continue;
    throw new InvariantError(`stage ${stage}: output ${k} is ${values[k]}, expected a finite number`);
  }
}
