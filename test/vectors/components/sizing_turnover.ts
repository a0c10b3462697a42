import { isReduction, settleWeights, turnoverOf } from '../../../src/pipeline/5-sizing/weights.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';

interface TurnoverInput {
  readonly band: number | null;
  readonly target: Readonly<Record<string, number>>;
  readonly current: Readonly<Record<string, number>>;
}

const REFERENCE_BAND = 0.008;
const REDUCTIONS = 'reductions pass the band';

export const vectorComponent: VectorComponent = {
  component: 'sizing_turnover',
  run(input: TurnoverInput) {
    const names = namesOf(input);
    const from = Float64Array.from(names, (name) => input.current[name] ?? 0);
    const wanted = Float64Array.from(names, (name) => input.target[name] ?? 0);
    const out = { target: new Float64Array(names.length), insideBand: new Uint8Array(names.length) };
    const isSignal = new Uint8Array(names.length).fill(1);
    const band = input.band ?? REFERENCE_BAND;
    settleWeights({ from, wanted, isSignal }, { band, grossTarget: Number.POSITIVE_INFINITY }, out);
    const trades = names.flatMap((symbol, i) => {
      const delta = out.target[i]! - from[i]!;
      return delta === 0 ? [] : [{ symbol, delta, side: delta > 0 ? 'BUY' : 'SELL' }];
    });
    const kept = names.filter((name) => name in input.target);
    return {
      adjusted: Object.fromEntries(kept.map((name) => [name, out.target[names.indexOf(name)]!])),
      turnover: turnoverOf(from, wanted),
      // a unit was one per cent
      cost_with_10_per_unit: 10 * 100 * turnoverOf(from, wanted),
      trades,
    };
  },
  deviatingFields: reductionFields,
};

function namesOf({ target, current }: TurnoverInput): readonly string[] {
  return [...new Set([...Object.keys(target), ...Object.keys(current)])].sort();
}

function reductionFields(facts: VectorFacts): Record<string, string> {
  const input = facts.input as TurnoverInput;
  const band = input.band ?? REFERENCE_BAND;
  const fields: Record<string, string> = {};
  if (band === 0) fields.trades = 'a change of nothing is not a trade, also without a band';
  for (const name of namesOf(input)) {
    const change = { from: input.current[name] ?? 0, to: input.target[name] ?? 0 };
    if (!isReduction(change) || Math.abs(change.to - change.from) >= band) continue;
    fields[`adjusted.${name}`] = REDUCTIONS;
    fields.trades = REDUCTIONS;
  }
  return fields;
}
