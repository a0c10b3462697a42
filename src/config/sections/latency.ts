import { z } from 'zod';
import { DEFAULT_LATENCY, type LatencySettings, type LatencyStage } from '../../domain/latency.ts';
import { positive } from './common.ts';

const WHAT: Readonly<Record<LatencyStage, string>> = {
  prediction: 'From asking the models to their answer.',
  blending: 'Stage 2 of a cycle.',
  cycle: 'From a cycle falling due to the last of its orders sent.',
  inferenceToOrder: 'From the answer of the models to an order sent.',
  tickToOrder: 'From the newest market data to an order sent.',
};

const threshold = (stage: LatencyStage) => {
  const { budgetMs, limitMs } = DEFAULT_LATENCY[stage];
  return z
    .strictObject({
      budgetMilliseconds: positive(3_600_000)
        .default(budgetMs)
        .describe('What it should take, milliseconds; how often it took longer is counted.'),
      limitMilliseconds: positive(3_600_000).default(limitMs).describe('What raises an event, milliseconds.'),
    })
    .prefault({})
    .describe(WHAT[stage]);
};

export const latencySchema = z
  .strictObject({
    prediction: threshold('prediction'),
    blending: threshold('blending'),
    cycle: threshold('cycle'),
    inferenceToOrder: threshold('inferenceToOrder'),
    tickToOrder: threshold('tickToOrder'),
  })
  .prefault({})
  .describe(
    "How long things may take in paper and live runs. Telemetry: it decides nothing and is no part of a run's identity.",
  );

export function toLatencySettings(section: z.output<typeof latencySchema>): LatencySettings {
  const of = (stage: LatencyStage): LatencySettings[LatencyStage] => {
    const { budgetMilliseconds: budgetMs, limitMilliseconds: limitMs } = section[stage];
    return { budgetMs, limitMs, severity: DEFAULT_LATENCY[stage].severity };
  };
  return {
    prediction: of('prediction'),
    blending: of('blending'),
    cycle: of('cycle'),
    inferenceToOrder: of('inferenceToOrder'),
    tickToOrder: of('tickToOrder'),
  };
}
