import { US_PER_SECOND } from '../domain/units.ts';
import { advDollars } from './1-prediction/adv.ts';
import { capacity } from './1-prediction/confidence.ts';
import { sigma5, sigmaHorizon } from './1-prediction/volatility.ts';
import { isTwoSided, quotedSpreadBps } from './4-gating/spread-gate.ts';
import type { DecisionView } from './decision-view.ts';
import type { Pipeline } from './pipeline-state.ts';

/** What the stages read of the market at one moment: spread, volatility, ADV, age of data, capacity. By symbol. */
export function measureMarket(pipeline: Pipeline, view: DecisionView): void {
  const { market, volatility, adv, horizons, settings, symbolCount, work } = pipeline;
  const plannedDollars = plannedOrderDollars(pipeline, view);
  const kappa = settings.prediction.capacityKappa;
  for (let i = 0; i < symbolCount; i += 1) {
    const quote = { bidE4: market.bidE4[i], askE4: market.askE4[i] };
    const hasQuote = isTwoSided(quote);
    work.spreadKnown[i] = hasQuote ? 1 : 0;
    // a crossed quote is for the gate to refuse; it must not make trading look paid for
    work.spreadBps[i] = hasQuote ? Math.max(0, quotedSpreadBps(quote)) : 0;
    work.sigma5[i] = sigma5(volatility, i);
    work.sigmaKnown[i] = work.sigma5[i] > 0 ? 1 : 0;
    for (let h = 0; h < horizons.length; h += 1) {
      work.sigma[h * symbolCount + i] = sigmaHorizon(volatility, i, horizons[h]);
    }
    work.advDollars[i] = advDollars(adv, i);
    work.hasData[i] = market.dataUs[i] > 0 ? 1 : 0;
    work.ageSeconds[i] = (view.tUs - market.dataUs[i]) / US_PER_SECOND;
    work.capacity[i] = capacity({ advDollars: work.advDollars[i], plannedDollars, kappa });
  }
}

/** The size costs and capacity are reckoned for: a full position, dollars. */
export function plannedOrderDollars({ settings }: Pipeline, { equityMicros }: DecisionView): number {
  return Math.max(0, (settings.sizing.maxWeight * equityMicros) / 1_000_000);
}
