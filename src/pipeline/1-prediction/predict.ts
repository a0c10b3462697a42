import type { Session } from '../../domain/market-table.ts';
import type { PredictionSettings } from '../../domain/settings.ts';
import type { TimeUs } from '../../domain/units.ts';
import type { Predictions } from '../../events/inputs.ts';
import type { SignalLayout } from '../../events/layout.ts';
import {
  type CalibratedScores,
  type CalibrationPlan,
  calibrateCycle,
  createCalibratedScores,
  createCalibrationPlan,
} from './calibrate.ts';
import {
  type ConfidenceState,
  countConfidenceCycle,
  createConfidence,
  observePairs,
  recomputeConfidence,
} from './confidence.ts';
import {
  createMaturedPairs,
  type MaturedPairsState,
  matureAt,
  matureBefore,
  openPairsSession,
  type PairSink,
  queuePredictions,
} from './matured-pairs.ts';
import {
  createStandardizer,
  createStandardScores,
  type StandardizerState,
  type StandardScores,
  standardizeCycle,
} from './standardize.ts';

/** Stage 1 between cycles: rings of raw outputs, predictions waiting for their outcome, and what outcomes taught. */
export interface PredictionState {
  readonly standardizer: StandardizerState;
  readonly pairs: MaturedPairsState;
  readonly confidence: ConfidenceState;
  readonly calibration: CalibrationPlan;
  /** Outputs of the newest cycle. */
  readonly scores: StandardScores;
  readonly calibrated: CalibratedScores;
}

export function createPrediction(layout: SignalLayout, settings: PredictionSettings): PredictionState {
  return {
    standardizer: createStandardizer(layout, settings),
    pairs: createMaturedPairs(layout),
    confidence: createConfidence(layout, settings),
    calibration: createCalibrationPlan(layout, settings),
    scores: createStandardScores(layout),
    calibrated: createCalibratedScores(layout),
  };
}

export function openPredictionSession(state: PredictionState, session: Session): void {
  openPairsSession(state.pairs, session);
}

/** Matures what is due by the close, and brings confidence up to date. */
export function closePredictionSession(state: PredictionState, closeUs: TimeUs): void {
  matureAt(state.pairs, closeUs, pairSink(state));
  recomputeConfidence(state.confidence);
}

/** Gives out the pairs due before `tUs`: call it before what became known at `tUs` is taken in. */
export function maturePairsBefore(state: PredictionState, tUs: TimeUs): void {
  matureBefore(state.pairs, tUs, pairSink(state));
}

/** Gives out the pairs due by `tUs`: call it when the mids of `tUs` are known. */
export function maturePairsAt(state: PredictionState, tUs: TimeUs): void {
  matureAt(state.pairs, tUs, pairSink(state));
}

function pairSink({ confidence }: PredictionState): PairSink {
  return (column, pairs) => observePairs(confidence, column, pairs);
}

export interface PredictInputs {
  readonly tUs: TimeUs;
  /** Absent when inference failed: no score is ready, nothing is learned. */
  readonly predictions: Predictions | undefined;
  /** N ages of the newest data in seconds, and N capacities in [0, 1]. */
  readonly ageSeconds: Float64Array;
  readonly capacity: Float64Array;
  /** C*N, receives 1 where a calibrated score exists. */
  readonly present: Uint8Array;
}

/** Stage 1 of a cycle: raw outputs to calibrated scores, and the raw outputs into the queue of what will mature. */
export function predict(state: PredictionState, inputs: PredictInputs): void {
  const { predictions, present } = inputs;
  const { scores } = state;
  if (predictions === undefined) {
    scores.scores.fill(0);
    scores.status.fill(0);
  } else {
    standardizeCycle(state.standardizer, predictions, scores);
    queuePredictions(state.pairs, inputs.tUs, predictions);
  }
  countConfidenceCycle(state.confidence);
  const { ageSeconds, capacity } = inputs;
  const given = { scores, ageSeconds, capacity };
  calibrateCycle(state.calibration, state.confidence, given, state.calibrated, present);
}
