import { type Horizon, parseHorizon } from '../../../src/domain/horizon.ts';
import { arbitrate, createArbitrationOutput } from '../../../src/pipeline/3-arbitration/arbitrate.ts';
import {
  type CostCoefficients,
  computeCosts,
  costParts,
  createCostOutput,
} from '../../../src/pipeline/3-arbitration/cost-model.ts';
import { isClose } from '../harness.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';
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
  /** A short's score gains what its alpha took away twice; the best score and the decision follow. */
  restate: ({ input, output }) => {
    const { alphas } = input as ArbiterInput;
    const old = output as ArbiterOutput;
    if (!Object.values(alphas).some((alpha) => alpha < 0)) return undefined;
    const scores = Object.fromEntries(
      Object.entries(old.scores).map(([label, score]) => {
        const twice = 2 * Math.max(0, -alphas[label]!) * 10_000;
        return [label, score + twice / Math.sqrt(parseHorizon(label).minutes / 5)];
      }),
    );
    const best = Math.max(...Object.values(scores));
    const decision = best >= old.threshold ? 'TRADE' : 'HOLD';
    return { output: { ...old, scores, net_score: best, decision }, reasons: [SHORTS] };
  },
  deviatingFields: (facts) => ({
    ...shortFields(facts),
    ...tieFields(facts),
    ...sidelessFields(facts),
  }),
};

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

/** With a short among the alphas, another horizon may be the best. */
function shortFields(facts: VectorFacts): Record<string, string> {
  const { alphas } = facts.input as ArbiterInput;
  const shorts = Object.keys(alphas).filter((label) => alphas[label]! < 0);
  if (shorts.length === 0) return {};
  const fields = ['selected', 'alpha', 'best_costs', 'ranking_without_size'];
  return Object.fromEntries(fields.map((field) => [field, SHORTS]));
}

function tieFields(facts: VectorFacts): Record<string, string> {
  const scores = Object.values((facts.output as ArbiterOutput).scores).sort((a, b) => a - b);
  const isTied = scores.some((score, k) => k > 0 && isClose(score, scores[k - 1]!));
  const fields = ['selected', 'alpha', 'best_costs', 'ranking_without_size'];
  return isTied ? Object.fromEntries(fields.map((field) => [field, TIES])) : {};
}

function sidelessFields(facts: VectorFacts): Record<string, string> {
  const alphas = Object.values((facts.input as ArbiterInput).alphas);
  const reason = 'an alpha of exactly 0 has no side and never trades, whatever the threshold';
  return alphas.length > 0 && alphas.every((alpha) => alpha === 0)
    ? { decision: reason, selected: reason }
    : {};
}
