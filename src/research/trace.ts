import { US_PER_SECOND } from '../domain/units.ts';
import { currentEquityMicros, type Engine } from '../engine/engine-state.ts';
import { costParts } from '../pipeline/3-arbitration/cost-model.ts';
import { GATE_OUTCOMES } from '../pipeline/4-gating/entry-gates.ts';
import { EXIT_REASONS } from '../pipeline/4-gating/exits.ts';
import { SIZING_REASONS } from '../pipeline/5-sizing/size-portfolio.ts';
import { scaleByVolatility } from '../pipeline/5-sizing/vol-scaling.ts';
import { effectiveBand } from '../pipeline/5-sizing/weights.ts';
import { traceFeatures } from './trace-features.ts';
import { traceRisk } from './trace-risk.ts';
import { measured, type TraceContext, type TraceSection, value } from './trace-section.ts';
import { traceBlending, tracePrediction } from './trace-signals.ts';

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

function traceMarket({ pipeline }: Engine, { symbolIx: i, tUs }: TraceContext): TraceSection {
  const { market, work } = pipeline;
  const price = (priceE4: number): number | null => measured(priceE4 > 0, priceE4 / 10_000);
  const hasAdv = work.advDollars[i] > 0;
  return {
    stage: 'market',
    values: [
      value('bid', price(market.bidE4[i]), '$'),
      value('ask', price(market.askE4[i]), '$'),
      value('mark', price(pipeline.marksE4[i]), '$'),
      value('spread', measured(work.spreadKnown[i] === 1, work.spreadBps[i]), 'bps'),
      value('quote age', measured(market.quoteUs[i] > 0, (tUs - market.quoteUs[i]) / US_PER_SECOND), 's'),
      value('halted', market.isHalted[i] === 1 ? 'yes' : 'no'),
      value('sigma5', measured(work.sigmaKnown[i] === 1, work.sigma5[i] * 10_000), 'bps'),
      value('ADV', measured(hasAdv, work.advDollars[i]), '$'),
      ...(hasAdv ? [] : [value('ADV unknown', 'taken as no impact, capacity 1')]),
    ],
  };
}

function traceArbitration(engine: Engine, { symbolIx: i }: TraceContext): TraceSection {
  const { horizons, work, settings, symbolCount } = engine.pipeline;
  const { arbitration } = work;
  const hasSpread = work.spreadKnown[i] === 1;
  const isCostKnown = work.cost.known[i] === 1;
  const planned = (settings.sizing.maxWeight * currentEquityMicros(engine)) / 1_000_000;
  return {
    stage: '3 arbitration',
    values: [
      value('best horizon', arbitration.best[i] < 0 ? null : horizons[arbitration.best[i]].label),
      value('best score', measured(arbitration.best[i] >= 0, arbitration.bestScoreBps[i]), 'bps'),
      value('threshold', measured(hasSpread, arbitration.thetaBps[i]), 'bps'),
      value('planned order', planned, '$'),
    ],
    rows: horizons.map((horizon, h) => {
      const slot = h * symbolCount + i;
      const hasScore = work.blend.valid[slot] === 1 && isCostKnown;
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
          value('cost of spread', measured(hasSpread, parts.spreadBps), 'bps'),
          value('timing', measured(work.sigmaKnown[i] === 1, parts.timingBps), 'bps'),
          value('impact', measured(work.advDollars[i] > 0, parts.impactBps), 'bps'),
          value('total cost', measured(isCostKnown, work.cost.costBps[slot]), 'bps'),
          value('omega', work.priorOmega[h]),
          value('score', measured(hasScore, arbitration.scoreBps[slot]), 'bps'),
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
  const asked = GATE_OUTCOMES[gate.outcome[i]];
  // A timer outlives its position, and starts before the entry is filled: without a position it says nothing.
  const horizonIx = ledger.shares[i] === 0 ? -1 : timers.horizonIx[i];
  return {
    stage: '4 gating',
    values: [
      value('p peak', measured(barriers.peak.known[i] === 1, barriers.peak.p[i]), 'probability'),
      value('p valley', measured(barriers.valley.known[i] === 1, barriers.valley.p[i]), 'probability'),
      value('entry gate', asked),
      value('gate factor', measured(asked !== 'not_asked', gate.factor[i])),
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
