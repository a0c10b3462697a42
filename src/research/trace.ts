import { US_PER_SECOND } from '../domain/units.ts';
import { currentEquityMicros, type Engine } from '../engine/engine-state.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { Predictions } from '../events/inputs.ts';
import { exp } from '../math/elementary.ts';
import { FEATURE_NAMES } from '../pipeline/0-features/feature-names.ts';
import { freshness } from '../pipeline/1-prediction/confidence.ts';
import { SCORE_READY, SCORE_WARMING_UP } from '../pipeline/1-prediction/standardize.ts';
import { weightEntropy } from '../pipeline/2-blending/temperature.ts';
import { costParts } from '../pipeline/3-arbitration/cost-model.ts';
import { GATE_OUTCOMES } from '../pipeline/4-gating/entry-gates.ts';
import { EXIT_REASONS } from '../pipeline/4-gating/exits.ts';
import { SIZING_REASONS } from '../pipeline/5-sizing/size-portfolio.ts';
import { scaleByVolatility } from '../pipeline/5-sizing/vol-scaling.ts';
import { effectiveBand } from '../pipeline/5-sizing/weights.ts';
import { type LoggedCheck, readLog } from '../pipeline/6-risk/check-log.ts';
import { KILL_CAUSES, lossStatus } from '../pipeline/6-risk/kill-switch.ts';
import type { TraceRow, TraceSection, TraceValue } from './trace-section.ts';
import { limitValues } from './why.ts';

interface TraceContext {
  readonly symbolIx: number;
  readonly tUs: number;
  readonly predictions: Predictions | undefined;
  readonly effects: readonly DerivedEvent[];
}

/** What every stage made of one symbol in the engine's newest cycle, with units. */
export function traceSymbol(engine: Engine, context: TraceContext): TraceSection[] {
  return [
    traceMarket(engine, context),
    ...traceFeatures(engine, context),
    tracePrediction(engine, context),
    traceBlending(engine, context),
    traceArbitration(engine, context),
    ...traceLearning(engine, context),
    traceGating(engine, context),
    traceSizing(engine, context),
    traceRisk(engine, context),
    traceEffects(engine, context),
  ];
}

function value(name: string, amount: number | string | null, unit = ''): TraceValue {
  return { name, value: amount, unit };
}

function traceMarket({ pipeline }: Engine, { symbolIx: i, tUs }: TraceContext): TraceSection {
  const { market, work } = pipeline;
  return {
    stage: 'market',
    values: [
      value('bid', market.bidE4[i] / 10_000, '$'),
      value('ask', market.askE4[i] / 10_000, '$'),
      value('mark', pipeline.marksE4[i] / 10_000, '$'),
      value('spread', work.spreadBps[i], 'bps'),
      value('quote age', (tUs - market.quoteUs[i]) / US_PER_SECOND, 's'),
      value('halted', market.isHalted[i] === 1 ? 'yes' : 'no'),
      value('sigma5', work.sigma5[i] * 10_000, 'bps'),
      value('ADV', work.advDollars[i] > 0 ? work.advDollars[i] : null, '$'),
    ],
  };
}

function traceFeatures({ pipeline }: Engine, { symbolIx: i }: TraceContext): TraceSection[] {
  const { features } = pipeline;
  return features.plans.map((plan) => {
    const width = plan.codes.length;
    const start = (i * plan.sequenceLength + plan.sequenceLength - 1) * width;
    const { minutes } = features.intervals[plan.interval];
    const newest = plan.sequenceLength > 1 ? `, newest of ${plan.sequenceLength} rows` : '';
    return {
      stage: `features (${minutes}-minute bars${newest})`,
      values: Array.from(plan.codes, (code, k) => value(FEATURE_NAMES[code], plan.batch[start + k])),
    };
  });
}

function tracePrediction({ pipeline }: Engine, { symbolIx: i, predictions }: TraceContext): TraceSection {
  const { layout, symbolCount, prediction, work, settings } = pipeline;
  const { confidence, scores, calibrated } = prediction;
  return {
    stage: '1 prediction',
    values: [value('capacity', work.capacity[i]), value('age of data', work.ageSeconds[i], 's')],
    rows: layout.columns.map((column, c) => {
      const at = c * symbolCount + i;
      const raw = value('raw', predictions?.valid[at] === 1 ? predictions.values[at] : null);
      if (column.kind !== 'return') return { label: column.id, values: [{ ...raw, unit: 'probability' }] };
      const tau =
        settings.prediction.freshnessTauSeconds[column.horizon.label] ??
        settings.prediction.freshnessTauDefaultSeconds;
      return {
        label: column.id,
        values: [
          { ...raw, unit: column.crossSectionalRanking === true ? 'rank score' : 'return' },
          value('score', scores.scores[at], 'std'),
          value('state', scoreState(scores.status[at])),
          value('IC', confidence.ic[c]),
          value('IC shrunk', confidence.icShrunk[c]),
          value('freshness', freshness(work.ageSeconds[i], tau)),
          value('stability', confidence.stability[c]),
          value('confidence', calibrated.confidence[at]),
          value('calibrated', calibrated.calibrated[at], 'std'),
        ],
      };
    }),
  };
}

function scoreState(status: number): string {
  if (status === SCORE_READY) return 'ready';
  return status === SCORE_WARMING_UP ? 'warming_up' : 'missing';
}

function traceBlending({ pipeline }: Engine, { symbolIx: i }: TraceContext): TraceSection {
  const { blendPlan, work, layout, symbolCount } = pipeline;
  return {
    stage: '2 blending',
    values: [],
    rows: blendPlan.horizons.map(({ horizon, columns, temperature }, h) => {
      const family = work.blend.families[h];
      const slot = h * symbolCount + i;
      return {
        label: horizon.label,
        values: [
          value('alpha', work.blend.valid[slot] === 1 ? work.blend.alpha[slot] * 10_000 : null, 'bps'),
          value('sigma', work.sigma[slot] * 10_000, 'bps'),
          value('temperature', temperature),
          value('effective families', exp(weightEntropy(family.weights))),
          ...columns.flatMap((c, m) => [
            value(`weight ${layout.columns[c].family}`, family.weights[m]),
            value(`mu ${layout.columns[c].family}`, family.mu[m]),
            value(`cost share ${layout.columns[c].family}`, family.costShare[m]),
          ]),
        ],
      };
    }),
  };
}

function traceArbitration(engine: Engine, { symbolIx: i }: TraceContext): TraceSection {
  const { horizons, work, settings, symbolCount } = engine.pipeline;
  const { arbitration } = work;
  const planned = (settings.sizing.maxWeight * currentEquityMicros(engine)) / 1_000_000;
  return {
    stage: '3 arbitration',
    values: [
      value('best horizon', arbitration.best[i] < 0 ? null : horizons[arbitration.best[i]].label),
      value('best score', arbitration.best[i] < 0 ? null : arbitration.bestScoreBps[i], 'bps'),
      value('threshold', arbitration.thetaBps[i], 'bps'),
      value('planned order', planned, '$'),
    ],
    rows: horizons.map((horizon, h) => {
      const parts = costParts(
        {
          spreadBps: work.spreadBps[i],
          sigma5: work.sigma5[i],
          minutes: horizon.minutes,
          orderDollars: planned,
          advDollars: work.advDollars[i],
        },
        settings.arbitration,
      );
      return {
        label: horizon.label,
        values: [
          value('cost of spread', parts.spreadBps, 'bps'),
          value('timing', parts.timingBps, 'bps'),
          value('impact', parts.impactBps, 'bps'),
          value(
            'total cost',
            work.cost.known[i] === 1 ? work.cost.costBps[h * symbolCount + i] : null,
            'bps',
          ),
          value('omega', work.priorOmega[h]),
          value('score', arbitration.scoreBps[h * symbolCount + i], 'bps'),
        ],
      };
    }),
  };
}

/** What was learned by this cycle, and which horizon it drew; nothing when learning is off. */
function traceLearning({ pipeline }: Engine, { symbolIx: i }: TraceContext): TraceSection[] {
  const { learning, work, horizons, symbolCount } = pipeline;
  if (learning === null) return [];
  const drawn = work.drawn[i];
  const { arms, weights, fixed, omega, tracker } = learning;
  return [
    {
      stage: '3 learning',
      values: [
        value('algorithm', learning.algorithm),
        value('rounds', weights.rounds),
        value('share of learned weights', learning.share),
        value('horizon drawn', drawn < 0 ? null : horizons[drawn].label),
        ...(drawn < 0 ? [] : [value('its score', work.arbitration.scoreBps[drawn * symbolCount + i], 'bps')]),
        value('propensity', work.propensity[i] === 0 ? null : work.propensity[i], 'probability'),
      ],
      rows: arms.map((label, k) => ({
        label,
        values: [
          value('loss', weights.lossSums[k]),
          value('learned weight', weights.probabilities[k]),
          value('static weight', fixed[k]),
          value('omega', omega[k]),
          value('round trips', tracker.tallies[k].roundTrips),
        ],
      })),
    },
  ];
}

function traceGating({ pipeline, ledger }: Engine, { symbolIx: i }: TraceContext): TraceSection {
  const { work, timers, horizons } = pipeline;
  const { barriers, gate, exit } = work;
  // A timer outlives its position, and starts before the entry is filled: without a position it says nothing.
  const horizonIx = ledger.shares[i] === 0 ? -1 : timers.horizonIx[i];
  return {
    stage: '4 gating',
    values: [
      value('p peak', barriers.peak.known[i] === 1 ? barriers.peak.p[i] : null, 'probability'),
      value('p valley', barriers.valley.known[i] === 1 ? barriers.valley.p[i] : null, 'probability'),
      value('entry gate', GATE_OUTCOMES[gate.outcome[i]]),
      value('gate factor', gate.factor[i]),
      value('exit', EXIT_REASONS[exit.reason[i]]),
      value('entry horizon', horizonIx < 0 ? null : horizons[horizonIx].label),
      value('held', horizonIx < 0 ? null : work.heldMinutes[i], 'session minutes'),
    ],
  };
}

function traceSizing({ pipeline, ledger }: Engine, { symbolIx: i }: TraceContext): TraceSection {
  const { work, settings, symbolCount } = pipeline;
  const { sizing } = work;
  const best = work.arbitration.best[i];
  const slot = best * symbolCount + i;
  const scaled =
    best < 0
      ? null
      : scaleByVolatility({ alpha: work.blend.alpha[slot], sigma: work.sigma[slot] }, settings.sizing);
  return {
    stage: '5 sizing',
    values: [
      value('z', scaled === null ? null : scaled.z),
      value('signal weight', work.signalWeight[i], 'of equity'),
      value('weight now', sizing.weightNow[i], 'of equity'),
      value('target weight', sizing.targetWeight[i], 'of equity'),
      value('band', effectiveBand(settings.sizing, symbolCount), 'of equity'),
      value('increase scale', sizing.increaseScale),
      value('sizing', SIZING_REASONS[sizing.reason[i]]),
      value('position', ledger.shares[i], 'shares'),
      value('wanted trade', sizing.deltaShares[i], 'shares'),
      value('target position', sizing.targetShares[i], 'shares'),
    ],
  };
}

function traceRisk(engine: Engine, { symbolIx: i, tUs }: TraceContext): TraceSection {
  const { kill, pipeline } = engine;
  const { work, settings } = pipeline;
  const equityMicros = currentEquityMicros(engine);
  const losses = lossStatus(kill, { equityMicros, tUs });
  const log = readLog(work.checks, i);
  const tripped = KILL_CAUSES.filter((cause) => kill.tripped[cause]);
  // what a check of risk measured is in its own row
  const isChecked = log?.checks.some(({ check }) => check === work.reason[i]) ?? false;
  return {
    stage: '6 risk',
    values: [
      value('asked', log === undefined ? null : log.askedShares, 'shares'),
      value('approved', work.orderShares[i], 'shares'),
      ...(work.hasLimit[i] === 1 && !isChecked
        ? limitValues(work.reason[i], { value: work.value[i], limit: work.limit[i] })
        : []),
      value('equity', equityMicros / 1_000_000, '$'),
      value('daily loss', losses.dailyLossFrac * 100, '%'),
      value('daily loss limit', settings.risk.dailyLossFrac * 100, '%'),
      value('drawdown', losses.drawdownFrac * 100, '%'),
      value('drawdown limit', settings.risk.drawdownFrac * 100, '%'),
      ...(settings.risk.lossVelocityFrac === undefined
        ? []
        : [
            value(`loss in ${settings.risk.lossVelocityMinutes} minutes`, losses.lossVelocityFrac * 100, '%'),
            value('its limit', settings.risk.lossVelocityFrac * 100, '%'),
          ]),
      value('kill switch', tripped.length === 0 ? 'not tripped' : tripped.join(', ')),
    ],
    ...(log === undefined ? {} : { rows: log.checks.map(checkRow) }),
  };
}

/** Money is kept in micro-dollars; people read dollars. */
function checkRow({ check, unit, outcome, ...measured }: LoggedCheck): TraceRow {
  const [scale, shown] = unit === 'micro-dollars' ? [1_000_000, '$'] : [1, unit];
  return {
    label: check,
    values: [
      value('result', outcome),
      value('value', measured.value / scale, shown),
      value('limit', measured.limit / scale, shown),
    ],
  };
}

function traceEffects({ layout }: Engine, { symbolIx, effects }: TraceContext): TraceSection {
  const symbol = layout.symbols[symbolIx];
  return {
    stage: 'orders',
    values: effects.flatMap((event) => {
      if (event.type !== 'OrderIntended' || event.order.symbol !== symbol) return [];
      const { side, quantity, type, limitPriceE4, purpose, clientOrderId } = event.order;
      const limit = limitPriceE4 === undefined ? '' : ` at ${limitPriceE4 / 10_000} $`;
      return [value(clientOrderId, `${purpose}: ${side} ${quantity} shares, ${type}${limit}`)];
    }),
  };
}
