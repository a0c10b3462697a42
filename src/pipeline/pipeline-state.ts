import type { Horizon } from '../domain/horizon.ts';
import type { Session } from '../domain/market-table.ts';
import type { EngineSettings } from '../domain/settings.ts';
import type { SignalLayout } from '../events/layout.ts';
import { staticWeights } from '../learning/ensemble.ts';
import type { LearningStart } from '../learning/learning-start.ts';
import { createLearning, type LearningState } from '../learning/learning-state.ts';
import { createHash128, type Hash128 } from '../math/hash128.ts';
import { createFeatureEngine, type FeatureEngine } from './0-features/feature-engine.ts';
import { type AdvState, createAdv } from './1-prediction/adv.ts';
import { createPrediction, type PredictionState } from './1-prediction/predict.ts';
import { createVolatility, type VolatilityState } from './1-prediction/volatility.ts';
import { type BlendState, createBlendState } from './2-blending/blend.ts';
import { type BlendPlan, planBlending } from './2-blending/blend-plan.ts';
import { type BarrierPlan, planBarriers } from './4-gating/barrier-probabilities.ts';
import { createOpenOrders, type OpenOrders } from './6-risk/risk-book.ts';
import type { RiskLimits } from './6-risk/risk-case.ts';
import { createRiskMemory, type RiskMemory } from './6-risk/risk-memory.ts';
import { type SymbolRules, symbolRules } from './6-risk/symbol-rules.ts';
import { type CycleWork, createCycleWork } from './cycle-work.ts';
import { createForecastOutcomes, type ForecastOutcomes } from './forecast-outcomes.ts';
import { createHorizonTimers, type HorizonTimers } from './horizon-timers.ts';
import { createMarketState, type MarketState } from './market-state.ts';

/** The six stages and what they remember between cycles: plain data, updated in place. */
export interface Pipeline {
  settings: EngineSettings;
  readonly layout: SignalLayout;
  readonly symbolCount: number;
  /** Horizons that have models, shortest first: the order of every per-horizon matrix. */
  readonly horizons: readonly Horizon[];
  readonly market: MarketState;
  readonly volatility: VolatilityState;
  readonly adv: AdvState;
  readonly features: FeatureEngine;
  readonly prediction: PredictionState;
  readonly blendPlan: BlendPlan;
  readonly blendState: BlendState;
  readonly barrierPlan: BarrierPlan;
  readonly timers: HorizonTimers;
  /** What is learned about horizons; null when learning is off. */
  readonly learning: LearningState | null;
  /** Forecasts of every horizon on their way to their outcome, where learning asks for them. */
  readonly outcomes: ForecastOutcomes | null;
  readonly riskMemory: RiskMemory;
  readonly rules: SymbolRules;
  riskLimits: RiskLimits;
  /** Scratch of the risk book. */
  readonly openOrders: OpenOrders;
  /** N prices positions are marked at; the engine's own array. */
  readonly marksE4: Float64Array;
  readonly work: CycleWork;
  readonly hash: Hash128;
  session: Session | null;
}

export interface PipelineConfig {
  readonly settings: EngineSettings;
  readonly layout: SignalLayout;
  readonly barSeconds: number;
  /** What an earlier run had learned. */
  readonly learningStart?: LearningStart;
}

export function createPipeline({ settings, layout, barSeconds, learningStart }: PipelineConfig): Pipeline {
  const symbolCount = layout.symbols.length;
  const blendPlan = planBlending(layout, settings.blending);
  const barrierPlan = planBarriers(layout);
  const horizons = blendPlan.horizons.map(({ horizon }) => horizon);
  const labels = horizons.map(({ label }) => label);
  const work = createCycleWork(layout, blendPlan, barrierPlan);
  // what learning overwrites, where it is on
  work.priorOmega.set(staticWeights(settings.learning.staticWeights, labels));
  const learning = createLearning({
    settings: settings.learning,
    horizons: labels,
    symbolCount,
    start: learningStart,
  });
  return {
    settings,
    layout,
    symbolCount,
    horizons,
    market: createMarketState(symbolCount),
    volatility: createVolatility(symbolCount, settings.prediction),
    adv: createAdv(symbolCount),
    features: createFeatureEngine({ layout, barSeconds }),
    prediction: createPrediction(layout, settings.prediction),
    blendPlan,
    blendState: createBlendState(blendPlan, settings.blending),
    barrierPlan,
    timers: createHorizonTimers(symbolCount),
    learning,
    outcomes: learning?.algorithm === 'hedge' ? createForecastOutcomes(layout.symbols, horizons) : null,
    riskMemory: createRiskMemory(symbolCount),
    rules: symbolRules(layout.symbols, settings.risk),
    riskLimits: riskLimitsOf(settings),
    openOrders: createOpenOrders(symbolCount, settings.risk.sectors.length),
    marksE4: new Float64Array(symbolCount),
    work,
    hash: createHash128(),
    session: null,
  };
}

function riskLimitsOf({ risk, sizing }: EngineSettings): RiskLimits {
  return { ...risk, lotShares: sizing.lotShares };
}

/** Puts settings in force that differ from those so far in limits of risk only. */
export function useSettings(pipeline: Pipeline, settings: EngineSettings): void {
  pipeline.settings = settings;
  pipeline.riskLimits = riskLimitsOf(settings);
}
