import type { Horizon } from '../../domain/horizon.ts';
import type { ArbitrationSettings } from '../../domain/settings.ts';
import type { Bps } from '../../domain/units.ts';

export type CostCoefficients = Pick<
  ArbitrationSettings,
  'k1' | 'k2' | 'k3' | 'impactBps' | 'impactParticipation'
>;

export interface CostInputs {
  readonly spreadBps: Bps;
  /** Standard deviation of 5-minute mid returns, decimal. */
  readonly sigma5: number;
  readonly minutes: number;
  readonly orderDollars: number;
  /** Average daily volume, dollars; not positive or infinite means unknown or unlimited: no impact. */
  readonly advDollars: number;
}

/** Trading cost of reaching a target over one horizon, by part, bps of notional. */
export interface CostParts {
  readonly spreadBps: Bps;
  readonly timingBps: Bps;
  readonly impactBps: Bps;
  readonly totalBps: Bps;
}

/** Cost of one symbol and horizon: `k1*spread + k2*sigma5*1e4*sqrt(h/5) + k3*10*sqrt((q/ADV)/0.01)`. */
export function costParts(inputs: CostInputs, k: CostCoefficients): CostParts {
  const spreadBps = k.k1 * inputs.spreadBps;
  const timingBps = timingCostBps(inputs, k);
  const impactBps = impactCostBps(inputs, k);
  return { spreadBps, timingBps, impactBps, totalBps: spreadBps + timingBps + impactBps };
}

function timingCostBps(
  { sigma5, minutes }: Pick<CostInputs, 'sigma5' | 'minutes'>,
  { k2 }: CostCoefficients,
): Bps {
  return k2 * sigma5 * 10_000 * Math.sqrt(minutes / 5);
}

/** Square-root law. */
function impactCostBps(
  { orderDollars, advDollars }: Pick<CostInputs, 'orderDollars' | 'advDollars'>,
  { k3, impactBps, impactParticipation }: CostCoefficients,
): Bps {
  if (!(orderDollars > 0) || !(advDollars > 0)) return 0;
  return k3 * impactBps * Math.sqrt(orderDollars / advDollars / impactParticipation);
}

/** N symbols; H horizons are given separately. */
export interface CostStageInputs {
  readonly symbolCount: number;
  /** N quoted spreads, bps. */
  readonly spreadBps: Float64Array;
  /** N, 1 where there is a two-sided quote. */
  readonly spreadKnown: Uint8Array;
  /** N standard deviations of 5-minute mid returns, decimal. */
  readonly sigma5: Float64Array;
  /** N, 1 where sigma5 is known. */
  readonly sigmaKnown: Uint8Array;
  /** N average daily volumes in dollars, 0 where unknown. */
  readonly advDollars: Float64Array;
  /** Size costs are reckoned for: `max_weight * equity`, dollars. */
  readonly orderDollars: number;
}

export interface CostOutput {
  /** H*N costs in bps at `h * N + i`; 0 where not known. */
  readonly costBps: Float64Array;
  /** N, 1 where spread and volatility are known. */
  readonly known: Uint8Array;
}

export function createCostOutput(horizonCount: number, symbolCount: number): CostOutput {
  return { costBps: new Float64Array(horizonCount * symbolCount), known: new Uint8Array(symbolCount) };
}

/** Costs of every horizon and symbol, once a cycle; blending and arbitration share the result. */
export function computeCosts(
  inputs: CostStageInputs,
  horizons: readonly Horizon[],
  k: CostCoefficients,
  out: CostOutput,
): void {
  const { symbolCount, orderDollars } = inputs;
  for (let i = 0; i < symbolCount; i++) {
    const known = inputs.spreadKnown[i] === 1 && inputs.sigmaKnown[i] === 1;
    out.known[i] = known ? 1 : 0;
    const spread = k.k1 * inputs.spreadBps[i];
    const impact = known ? impactCostBps({ orderDollars, advDollars: inputs.advDollars[i] }, k) : 0;
    for (let h = 0; h < horizons.length; h++) {
      const timing = timingCostBps({ sigma5: inputs.sigma5[i], minutes: horizons[h].minutes }, k);
      out.costBps[h * symbolCount + i] = known ? spread + timing + impact : 0;
    }
  }
}
