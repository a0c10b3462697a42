import { settleWeights, turnoverOf } from '../../../src/pipeline/5-sizing/weights.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';

interface TurnoverInput {
  readonly band: number | null;
  readonly target: Readonly<Record<string, number>>;
  readonly current: Readonly<Record<string, number>>;
}

const REFERENCE_BAND = 0.008;
const REDUCTIONS = 'reductions pass the band';
const NO_TRADE = 'a change of nothing is not a trade, also without a band';

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
  restate: restateTrades,
};

function namesOf({ target, current }: TurnoverInput): readonly string[] {
  return [...new Set([...Object.keys(target), ...Object.keys(current)])].sort();
}

/** A change under the band stays away, unless it is a reduction: towards 0, and not beyond it. */
export function bandRule({ from, to }: { from: number; to: number }, band: number): number {
  const isReduction = Math.abs(to) < Math.abs(from) && from * to >= 0;
  return isReduction || Math.abs(to - from) >= band ? to : from;
}

function restateTrades({ input, output }: VectorFacts): Restated | undefined {
  const { target, current, band } = input as TurnoverInput;
  const changes = namesOf(input as TurnoverInput).map((symbol) => {
    const from = current[symbol] ?? 0;
    const to = target[symbol] ?? 0;
    const settled = bandRule({ from, to }, band ?? REFERENCE_BAND);
    return {
      symbol,
      settled,
      delta: settled - from,
      isPassing: Math.abs(to - from) < (band ?? REFERENCE_BAND),
    };
  });
  const isReduced = changes.some(({ isPassing, delta }) => isPassing && delta !== 0);
  if (!isReduced && band !== 0) return undefined;
  const trades = changes
    .filter(({ delta }) => delta !== 0)
    .map(({ symbol, delta }) => ({ symbol, delta, side: delta > 0 ? 'BUY' : 'SELL' }));
  const kept = changes.filter(({ symbol }) => symbol in target);
  const adjusted = Object.fromEntries(kept.map(({ symbol, settled }) => [symbol, settled]));
  return {
    output: { ...(output as object), adjusted, trades },
    reasons: [isReduced ? REDUCTIONS : NO_TRADE],
  };
}
