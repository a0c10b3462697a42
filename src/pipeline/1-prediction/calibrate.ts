import type { PredictionSettings } from '../../domain/settings.ts';
import type { SignalLayout } from '../../events/layout.ts';
import { type ConfidenceState, confidence, freshness } from './confidence.ts';
import { SCORE_READY, type StandardScores } from './standardize.ts';

/** What calibration needs of a layout, resolved once. Plain data. */
export interface CalibrationPlan {
  readonly symbolCount: number;
  /** 1 for return columns. */
  readonly isReturn: Uint8Array;
  /** Index into `tauSeconds`, by column. */
  readonly tauOfColumn: Int32Array;
  /** The distinct freshness scales in use. */
  readonly tauSeconds: Float64Array;
  /** Scratch: N freshness factors of each scale, room for one a column. */
  readonly fresh: Float64Array;
}

/** Confidence and calibrated score of every (column, symbol); allocated once and rewritten. Barrier columns stay 0. */
export interface CalibratedScores {
  /** max(IC_shrunk, floor) * freshness * capacity * stability */
  readonly confidence: Float64Array;
  /** score * confidence, dimensionless; 0 where the score is not ready. */
  readonly calibrated: Float64Array;
}

export function createCalibrationPlan(
  layout: SignalLayout,
  settings: Pick<PredictionSettings, 'freshnessTauSeconds' | 'freshnessTauDefaultSeconds'>,
): CalibrationPlan {
  const taus = layout.columns.map(
    ({ horizon }) => settings.freshnessTauSeconds[horizon.label] ?? settings.freshnessTauDefaultSeconds,
  );
  const distinct = [...new Set(taus)];
  return {
    symbolCount: layout.symbols.length,
    isReturn: Uint8Array.from(layout.columns, (column) => (column.kind === 'return' ? 1 : 0)),
    tauOfColumn: Int32Array.from(taus, (tau) => distinct.indexOf(tau)),
    tauSeconds: Float64Array.from(distinct),
    fresh: new Float64Array(layout.columns.length * layout.symbols.length),
  };
}

export function createCalibratedScores(layout: SignalLayout): CalibratedScores {
  const size = layout.columns.length * layout.symbols.length;
  return { confidence: new Float64Array(size), calibrated: new Float64Array(size) };
}

/**
 * Calibrates the scores of one cycle: score * max(IC_shrunk, floor) * freshness * capacity * stability.
 * @param inputs by symbol: age of the newest bar or quote in seconds, and capacity (see `capacity`)
 * @param present receives 1 where a calibrated score exists
 */
export function calibrateCycle(
  plan: CalibrationPlan,
  state: ConfidenceState,
  inputs: {
    readonly scores: StandardScores;
    readonly ageSeconds: Float64Array;
    readonly capacity: Float64Array;
  },
  out: CalibratedScores,
  present: Uint8Array,
): void {
  const { symbolCount, isReturn, tauOfColumn, tauSeconds, fresh } = plan;
  const { capacity } = inputs;
  const { scores, status } = inputs.scores;
  const { icShrunk, stability } = state;
  const { confidence: values, calibrated } = out;
  const floor = state.settings.confidenceFloor;
  for (let t = 0, at = 0; t < tauSeconds.length; t++) {
    for (let i = 0; i < symbolCount; i++, at++) fresh[at] = freshness(inputs.ageSeconds[i]!, tauSeconds[t]!);
  }
  for (let c = 0, at = 0; c < isReturn.length; c++) {
    if (isReturn[c] === 0) {
      present.fill(0, at, at + symbolCount);
      at += symbolCount;
      continue;
    }
    const tauAt = tauOfColumn[c]! * symbolCount;
    for (let i = 0; i < symbolCount; i++, at++) {
      const value = confidence({
        icShrunk: icShrunk[c]!,
        floor,
        freshness: fresh[tauAt + i]!,
        capacity: capacity[i]!,
        stability: stability[c]!,
      });
      const isReady = status[at] === SCORE_READY;
      values[at] = value;
      calibrated[at] = isReady ? scores[at]! * value + 0 : 0;
      present[at] = isReady ? 1 : 0;
    }
  }
}
