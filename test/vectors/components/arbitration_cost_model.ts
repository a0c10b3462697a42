import { parseHorizon } from '../../../src/domain/horizon.ts';
import { costParts } from '../../../src/pipeline/3-arbitration/cost-model.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';

interface CostInput {
  readonly k1: number | null;
  readonly k2: number | null;
  readonly k3: number | null;
  readonly horizon: string;
  readonly spread_bps: number;
  readonly volatility: number;
  readonly order_size: number;
  readonly adv: number;
}

/** Horizons the earlier engine knew; any other label meant 5 minutes to it. */
export const REFERENCE_HORIZONS: readonly string[] = ['5m', '10m', '15m', '30m', '60m', '1d'];

/** Cost coefficients of the earlier engine. */
export const REFERENCE_K = { k1: 1, k2: 0.15, k3: 1, impactBps: 10, impactParticipation: 0.01 };

export const vectorComponent: VectorComponent = {
  component: 'arbitration_cost_model',
  run(input: CostInput) {
    const parts = costParts(
      {
        spreadBps: input.spread_bps,
        sigma5: input.volatility,
        minutes: parseHorizon(input.horizon).minutes,
        orderDollars: input.order_size,
        advDollars: input.adv,
      },
      {
        ...REFERENCE_K,
        k1: input.k1 ?? REFERENCE_K.k1,
        k2: input.k2 ?? REFERENCE_K.k2,
        k3: input.k3 ?? REFERENCE_K.k3,
      },
    );
    return {
      spread: parts.spreadBps,
      timing: parts.timingBps,
      impact: parts.impactBps,
      total: parts.totalBps,
      breakeven_alpha: parts.totalBps / 10_000,
    };
  },
  deviates: (facts: VectorFacts) =>
    REFERENCE_HORIZONS.includes((facts.input as CostInput).horizon)
      ? undefined
      : 'a horizon means what its label says; an unknown label is an error, not 5 minutes',
};
