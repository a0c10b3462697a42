import type { Engine } from '../engine/engine-state.ts';
import { exp } from '../math/elementary.ts';
import { freshness } from '../pipeline/1-prediction/confidence.ts';
import { SCORE_READY, SCORE_WARMING_UP } from '../pipeline/1-prediction/standardize.ts';
import { weightsOfPresent } from '../pipeline/2-blending/blend.ts';
import { weightEntropy } from '../pipeline/2-blending/temperature.ts';
import { inputsOf } from './trace-features.ts';
import {
  measured,
  type TraceContext,
  type TraceRow,
  type TraceSection,
  type TraceValue,
  value,
} from './trace-section.ts';

export function tracePrediction(engine: Engine, context: TraceContext): TraceSection {
  const { layout, work } = engine.pipeline;
  const { symbolIx: i } = context;
  return {
    stage: '1 prediction',
    values: [
      value('capacity', work.capacity[i]),
      value('age of data', measured(work.hasData[i] === 1, work.ageSeconds[i]), 's'),
    ],
    rows: layout.columns.map((_, c) => modelRow(engine, context, c)),
  };
}

function modelRow(engine: Engine, { symbolIx: i, predictions }: TraceContext, c: number): TraceRow {
  const { layout, symbolCount, prediction, work, settings } = engine.pipeline;
  const { confidence, scores, calibrated } = prediction;
  const column = layout.columns[c];
  const at = c * symbolCount + i;
  const inputs = value('inputs', inputsOf(engine, c, i));
  const raw = predictions?.valid[at] === 1 ? predictions.values[at] : null;
  if (column.kind !== 'return') {
    return { label: column.id, values: [inputs, value('raw', raw, 'probability')] };
  }
  const { horizon, crossSectionalRanking } = column;
  const tau =
    settings.prediction.freshnessTauSeconds[horizon.label] ?? settings.prediction.freshnessTauDefaultSeconds;
  const isReady = scores.status[at] === SCORE_READY;
  const hasData = work.hasData[i] === 1;
  const hasPairs = (confidence.tracks[c]?.pairs.count ?? 0) >= settings.prediction.icMinPairs;
  return {
    label: column.id,
    values: [
      inputs,
      value('raw', raw, crossSectionalRanking === true ? 'rank score' : 'return'),
      value('score', measured(isReady, scores.scores[at]), 'std'),
      value('state', scoreState(scores.status[at])),
      value('IC', measured(hasPairs, confidence.ic[c])),
      value('IC shrunk', confidence.icShrunk[c]),
      value('freshness', measured(hasData, freshness(work.ageSeconds[i], tau))),
      value('stability', confidence.stability[c]),
      value('confidence', measured(hasData, calibrated.confidence[at])),
      value('calibrated', measured(isReady, calibrated.calibrated[at]), 'std'),
    ],
  };
}

function scoreState(status: number): string {
  if (status === SCORE_READY) return 'ready';
  return status === SCORE_WARMING_UP ? 'warming_up' : 'missing';
}

export function traceBlending({ pipeline }: Engine, { symbolIx: i }: TraceContext): TraceSection {
  const { blendPlan, work, layout, symbolCount, prediction } = pipeline;
  return {
    stage: '2 blending',
    values: [],
    rows: blendPlan.horizons.map(({ horizon, columns, temperature }, h) => {
      const family = work.blend.families[h];
      const slot = h * symbolCount + i;
      const present = columns.map((c) => work.present[c * symbolCount + i] === 1);
      const weights = weightsOfPresent(family.weights, present);
      const stateOf = (c: number): string => scoreState(prediction.scores.status[c * symbolCount + i]);
      return {
        label: horizon.label,
        values: [
          value('alpha', measured(work.blend.valid[slot] === 1, work.blend.alpha[slot] * 10_000), 'bps'),
          value('sigma', measured(work.sigmaKnown[i] === 1, work.sigma[slot] * 10_000), 'bps'),
          value('temperature', temperature),
          value('effective families', measured(present.includes(true), exp(weightEntropy(weights)))),
          ...columns.flatMap((c, m): TraceValue[] => {
            const name = layout.columns[c].family;
            return [
              value(`weight ${name}`, weights[m]),
              ...(present[m] ? [] : [value(`dropped ${name}`, stateOf(c))]),
              value(`mu ${name}`, family.mu[m]),
              value(`cost share ${name}`, family.costShare[m]),
            ];
          }),
        ],
      };
    }),
  };
}
