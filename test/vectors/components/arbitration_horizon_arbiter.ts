import { type Horizon, parseHorizon } from '../../../src/domain/horizon.ts';
import { arbitrate, createArbitrationOutput } from '../../../src/pipeline/3-arbitration/arbitrate.ts';
import {
  type CostCoefficients,
  computeCosts,
  costParts,
  createCostOutput,
} from '../../../src/pipeline/3-arbitration/cost-model.ts';
import { isClose } from '../harness.ts';
import type { VectorComponent } from '../types.ts';
import { REFERENCE_HORIZONS, REFERENCE_K } from './arbitration_cost_model.ts';

interface ArbiterInput {
  readonly k: readonly (number | null)[];
  readonly entry_threshold_bps: number | null;
  readonly reserve_bps: number;
  readonly alphas: Readonly<Record<string, number>>;
  readonly spread_bps: number;
  readonly volatility: number;
  readonly order_size: number;
  readonly adv: number;
}

interface ArbiterOutput {
  readonly threshold: number;
  readonly scores: Readonly<Record<string, number>>;
}

const SHORTS = 'shorts are arbitrated like longs: the score takes |alpha|';
const SIDELESS = 'an alpha of exactly 0 has no side and never trades, whatever the threshold';
const TIES = 'ties go to the shorter horizon, not to the name that sorts first';

export const vectorComponent: VectorComponent = {
  component: 'arbitration_horizon_arbiter',
  run(input: ArbiterInput) {
    const horizons = Object.keys(input.alphas)
      .map(parseHorizon)
      .sort((a, b) => a.minutes - b.minutes);
    const { out } = arbitrateAt(input, horizons, input.order_size);
    const best = out.best[0]!;
    const chosen = best < 0 ? undefined : horizons[best]!;
    return {
      decision: out.selected[0] === 1 ? 'TRADE' : 'HOLD',
      selected: out.selected[0] === 1 ? chosen?.label : null,
      net_score: out.bestScoreBps[0],
      alpha: chosen === undefined ? 0 : input.alphas[chosen.label],
      scores: Object.fromEntries(horizons.map(({ label }, h) => [label, out.scoreBps[h]])),
      threshold: out.thetaBps[0],
      best_costs: chosen === undefined ? null : bestCosts(input, chosen),
      ranking_without_size: ranking(input, horizons),
    };
  },
  deviates: (facts) => {
    const input = facts.input as ArbiterInput;
    const finite = Object.values(input.alphas).every(Number.isFinite) && Number.isFinite(input.volatility);
    if (!finite) return 'a missing alpha or volatility never competes and never enters a score';
    const isKnown = Object.keys(input.alphas).every((label) => REFERENCE_HORIZONS.includes(label));
    return isKnown ? undefined : 'a horizon means what its label says; an unknown label is not 5 minutes';
  },
  restate: ({ input, output }) => {
    const reasons = reasonsOf(input as ArbiterInput, output as ArbiterOutput);
    if (reasons.length === 0) return undefined;
    const old = output as ArbiterOutput;
    return { output: { ...old, ...arbitrateByRule(input as ArbiterInput, old.threshold) }, reasons };
  },
};

/** With a short, a tie or no side among the alphas, another horizon may be the best, or none. */
function reasonsOf({ alphas }: ArbiterInput, { scores }: ArbiterOutput): readonly string[] {
  const values = Object.values(alphas);
  const ranked = Object.values(scores).sort((a, b) => a - b);
  return [
    ...(values.some((alpha) => alpha < 0) ? [SHORTS] : []),
    ...(ranked.some((score, k) => k > 0 && isClose(score, ranked[k - 1]!)) ? [TIES] : []),
    ...(values.length > 0 && values.every((alpha) => alpha === 0) ? [SIDELESS] : []),
  ];
}

/** PIPELINE 3 in plain arithmetic: costs, scores by |alpha|, the best with ties to the shorter. */
function arbitrateByRule(input: ArbiterInput, threshold: number) {
  const { alphas, spread_bps, volatility, order_size, adv, k } = input;
  const [k1, k2, k3] = [k[0] ?? 1, k[1] ?? 0.15, k[2] ?? 1];
  const hasImpact = order_size > 0 && adv > 0;
  const ranked = Object.keys(alphas)
    .map((horizon) => {
      const root = Math.sqrt(parseHorizon(horizon).minutes / 5);
      const parts = {
        horizon,
        spread: k1 * spread_bps,
        timing: k2 * volatility * 1e4 * root,
        impact: hasImpact ? k3 * 10 * Math.sqrt(order_size / adv / 0.01) : 0,
      };
      const gain = Math.abs(alphas[horizon]!) * 1e4 - parts.spread - parts.timing;
      const costs = { ...parts, total: parts.spread + parts.timing + parts.impact };
      return { horizon, root, costs, score: (gain - parts.impact) / root, sizeless: gain / root };
    })
    .sort((a, b) => a.root - b.root);
  const top = Math.max(...ranked.map(({ score }) => score));
  const best = ranked.find(({ score }) => isClose(score, top))!;
  const isTraded = best.score >= threshold && alphas[best.horizon] !== 0;
  const bySizeless = [...ranked].sort((a, b) =>
    isClose(a.sizeless, b.sizeless) ? 0 : b.sizeless - a.sizeless,
  );
  return {
    decision: isTraded ? 'TRADE' : 'HOLD',
    selected: isTraded ? best.horizon : null,
    net_score: best.score,
    alpha: alphas[best.horizon],
    scores: Object.fromEntries(ranked.map(({ horizon, score }) => [horizon, score])),
    best_costs: best.costs,
    ranking_without_size: bySizeless.map(({ horizon }) => horizon),
  };
}

function coefficientsOf({ k }: ArbiterInput): CostCoefficients {
  const [k1, k2, k3] = k;
  return {
    ...REFERENCE_K,
    k1: k1 ?? REFERENCE_K.k1,
    k2: k2 ?? REFERENCE_K.k2,
    k3: k3 ?? REFERENCE_K.k3,
  };
}

function arbitrateAt(input: ArbiterInput, horizons: readonly Horizon[], orderDollars: number) {
  const alpha = Float64Array.from(horizons, ({ label }) => input.alphas[label]!);
  const spreadBps = Float64Array.of(input.spread_bps);
  const costs = createCostOutput(horizons.length, 1);
  computeCosts(
    {
      symbolCount: 1,
      spreadBps,
      spreadKnown: Uint8Array.of(1),
      sigma5: Float64Array.of(input.volatility),
      sigmaKnown: Uint8Array.of(1),
      advDollars: Float64Array.of(input.adv),
      orderDollars,
    },
    horizons,
    coefficientsOf(input),
    costs,
  );
  const out = createArbitrationOutput(horizons.length, 1);
  arbitrate(
    {
      symbolCount: 1,
      alpha,
      alphaValid: new Uint8Array(horizons.length).fill(1),
      costBps: costs.costBps,
      costKnown: costs.known,
      spreadBps,
      priorOmega: new Float64Array(horizons.length).fill(1 / horizons.length),
    },
    horizons,
    { entryThresholdBps: input.entry_threshold_bps ?? 2, reserve: input.reserve_bps },
    out,
  );
  return { out };
}

function bestCosts(input: ArbiterInput, { label, minutes }: Horizon) {
  const { spreadBps, timingBps, impactBps, totalBps } = costParts(
    {
      spreadBps: input.spread_bps,
      sigma5: input.volatility,
      minutes,
      orderDollars: input.order_size,
      advDollars: input.adv,
    },
    coefficientsOf(input),
  );
  return { horizon: label, spread: spreadBps, timing: timingBps, impact: impactBps, total: totalBps };
}

function ranking(input: ArbiterInput, horizons: readonly Horizon[]): readonly string[] | null {
  if (horizons.length === 0) return null;
  const { out } = arbitrateAt(input, horizons, 0);
  return horizons
    .map(({ label }, h) => ({ label, score: out.scoreBps[h]! }))
    .sort((a, b) => b.score - a.score)
    .map(({ label }) => label);
}
