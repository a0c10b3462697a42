import { z } from 'zod';
import { DEFAULT_HORIZONS } from './horizon-defaults.ts';
import { alertsSchema } from './sections/alerts.ts';
import { alpacaDataSchema } from './sections/alpaca.ts';
import { arbitrationSchema } from './sections/arbitration.ts';
import { blendingSchema } from './sections/blending.ts';
import { brokerSchema, executionSchema } from './sections/broker.ts';
import {
  artifactName,
  dollars,
  filePath,
  horizonLabel,
  sessionDate,
  symbol,
  wholeNumber,
} from './sections/common.ts';
import { gatingSchema } from './sections/gating.ts';
import { incidentsSchema } from './sections/incidents.ts';
import { latencySchema } from './sections/latency.ts';
import { learningSchema } from './sections/learning.ts';
import { predictionSchema } from './sections/prediction.ts';
import { reconciliationSchema } from './sections/reconciliation.ts';
import { riskSchema } from './sections/risk.ts';
import { sizingSchema } from './sections/sizing.ts';

const dataSchema = z
  .strictObject({
    dataset: filePath().describe('Dataset folder, relative to this file.'),
    from: sessionDate()
      .optional()
      .describe('First session, YYYY-MM-DD in New York. Default: the first of the dataset.'),
    to: sessionDate().optional().describe('Last session, included. Default: the last of the dataset.'),
    source: z
      .enum(['dataset', 'simulated', 'alpaca'])
      .default('dataset')
      .describe('Where paper and live runs take market data from; a backtest reads the dataset.'),
    warmupSessions: wholeNumber({ min: 0, max: 250 })
      .default(5)
      .describe(
        'Sessions of history that a paper or live run takes in before it starts; not with a dataset as its source.',
      ),
    graceMilliseconds: wholeNumber({ min: 0, max: 60_000 })
      .default(1500)
      .describe(
        'Time after the end of a bar that a live source is given to deliver it, before the cycle is due without it, ms.',
      ),
    symbols: z
      .array(symbol())
      .min(1)
      .max(10_000)
      .optional()
      .describe('Universe, in any order. Default: every symbol of the dataset.'),
    alpaca: alpacaDataSchema,
  })
  .describe('Market data and universe.');

const modelsSchema = z
  .strictObject({
    runRoot: filePath()
      .nullable()
      .optional()
      .describe('Model run root, relative to this file. Without one (or null) a run makes no predictions.'),
    predictions: filePath()
      .optional()
      .describe('Recorded predictions to read instead of running the models, relative to this file.'),
    families: z
      .array(artifactName())
      .min(1)
      .max(256)
      .optional()
      .describe('Families of return models to use. Default: all that the run root routes to.'),
    excludeFamilies: z
      .array(artifactName())
      .max(256)
      .optional()
      .describe('Families to leave out, of return and of barrier models.'),
    views: z
      .array(artifactName())
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Views to use, the first of these that a target has; wins over its routing decisions, but never picks a blocked view. Default: as routed.',
      ),
  })
  .prefault({})
  .describe('Where predictions come from.');

/** A scenario file: what a person writes, in human units. Every key but `name` and `data.dataset` has a default. */
export const scenarioSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
      .meta({ examples: ['quickstart'] })
      .describe('Short name: letters, digits, dot, underscore, dash.'),
    description: z
      .string()
      .max(2000)
      .optional()
      .describe('What this scenario is for. Not part of its identity.'),
    extends: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['reference', './base.yaml'] })
      .describe(
        'Profile or scenario file whose keys hold where this file has none: reference, or a relative path.',
      ),
    seed: wholeNumber({ min: 0, max: 4_294_967_295 }).default(1).describe('Seed of every random draw.'),
    strict: z
      .boolean()
      .default(true)
      .describe(
        'true stops the run at any error that touches artifacts or routing; false records it and holds the symbol.',
      ),
    data: dataSchema,
    models: modelsSchema,
    warmStart: filePath()
      .optional()
      .meta({ examples: ['../runs/quickstart-0123456789ab'] })
      .describe(
        'Folder of an earlier run, relative to this file, to start from where it ended: features, volatility, score rings, matured pairs and correlations, nothing of its account. Its state is part of the identity.',
      ),
    horizons: z
      .union([z.array(horizonLabel()).min(1).max(32), z.literal('discover')])
      .default([...DEFAULT_HORIZONS])
      .describe(
        "Prediction horizons: <n>m, <n>h or <n>d, in any order; or discover, for those of the run root's targets.",
      ),
    cycle: z
      .strictObject({
        // one that falls due with the close of 390 minutes is none
        minutes: wholeNumber({ min: 1, max: 389 }).default(1).describe('Minutes between decisions.'),
        heartbeatMinutes: wholeNumber({ min: 0, max: 390 })
          .default(0)
          .describe('Minutes between heartbeats on the tape; 0 writes none.'),
      })
      .prefault({})
      .describe('When decisions are made.'),
    account: z
      .strictObject({
        initialCashDollars: dollars().gt(0).default(1_000_000).describe('Cash at the start, dollars.'),
      })
      .prefault({})
      .describe('The account a run starts with.'),
    prediction: predictionSchema,
    blending: blendingSchema,
    arbitration: arbitrationSchema,
    gating: gatingSchema,
    sizing: sizingSchema,
    risk: riskSchema,
    execution: executionSchema,
    broker: brokerSchema,
    incidents: incidentsSchema,
    learning: learningSchema,
    latency: latencySchema,
    alerts: alertsSchema,
    reconciliation: reconciliationSchema,
  })
  .describe('A sametape scenario.');

/** A scenario as validated: human units, every default filled in. */
export type Scenario = z.output<typeof scenarioSchema>;
