import { scaleByVolatility } from '../../../src/pipeline/5-sizing/vol-scaling.ts';
import { isReduction, settleWeights, sharesForWeight } from '../../../src/pipeline/5-sizing/weights.ts';
import { clipToPositionLimit } from '../../../src/pipeline/6-risk/exposure.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';

interface SizerLimits {
  readonly z_max: number | null;
  readonly max_weight: number | null;
  readonly band: number | null;
  readonly gross_target: number | null;
  readonly max_position_pct: number | null;
  readonly portfolio_value: number;
}

type SizerInput = SizerLimits &
  (
    | {
        readonly fn: 'single';
        readonly alpha: number;
        readonly volatility: number;
        readonly current_weight: number;
        readonly price: number;
        readonly gate_value: number | null;
      }
    | {
        readonly fn: 'portfolio';
        readonly alphas: Readonly<Record<string, number>>;
        readonly volatilities: Readonly<Record<string, number>>;
        readonly current_weights: Readonly<Record<string, number>>;
        readonly gate_values: Readonly<Record<string, number>>;
        readonly prices: Readonly<Record<string, number>>;
      }
  );

interface SymbolInput {
  readonly name: string;
  readonly alpha: number;
  readonly sigma: number;
  readonly from: number;
  readonly gate: number;
  readonly price: number;
}

const REFERENCE = { zMax: 3, maxWeight: 0.05, band: 0.008, grossTarget: 0.5 };
const REDUCTIONS = 'reductions pass the band';
const GROSS = 'only increases are scaled to the gross target, and all of the portfolio counts';

export const vectorComponent: VectorComponent = {
  component: 'sizing_position_sizer',
  run(input: SizerInput) {
    const symbols = symbolsOf(input);
    const settled = settle(input, symbols);
    const results = symbols.map((symbol, i) => result(input, symbol, settled.target[i]!));
    if (input.fn === 'single') return results[0];
    return { results: Object.fromEntries(symbols.map(({ name }, i) => [name, results[i]])) };
  },
  deviates: ({ input }) => reasonToDeviate(input as SizerInput),
  deviatingFields,
};

function reasonToDeviate(input: SizerInput): string | undefined {
  const grossTarget = input.gross_target ?? REFERENCE.grossTarget;
  if (input.fn === 'single') {
    return Number.isFinite(input.alpha) && Number.isFinite(input.volatility)
      ? undefined
      : 'an alpha or volatility that is not a number gives no position';
  }
  const names = Object.keys(input.alphas);
  if (names.some((name) => !Object.hasOwn(input.volatilities, name))) {
    return 'a symbol without a volatility is not traded';
  }
  const held = Object.values(input.current_weights).some((weight) => weight !== 0);
  const { wanted } = settle(input, symbolsOf(input));
  const isOver = wanted.reduce((sum, weight) => sum + Math.abs(weight), 0) > grossTarget;
  const isForeign = Object.keys(input.current_weights).some((name) => !names.includes(name));
  return held && (isOver || isForeign) ? GROSS : undefined;
}

function symbolsOf(input: SizerInput): readonly SymbolInput[] {
  if (input.fn === 'single') {
    const { alpha, volatility: sigma, current_weight: from, gate_value: gate, price } = input;
    return [{ name: '', alpha, sigma, from, gate: gate ?? 1, price }];
  }
  return Object.keys(input.alphas)
    .sort()
    .map((name) => ({
      name,
      alpha: input.alphas[name]!,
      sigma: input.volatilities[name] ?? 0,
      from: input.current_weights[name] ?? 0,
      gate: input.gate_values[name] ?? 1,
      price: input.prices[name] ?? 100,
    }));
}

function settle(input: SizerInput, symbols: readonly SymbolInput[]) {
  const scaling = {
    icRef: 1,
    zMax: input.z_max ?? REFERENCE.zMax,
    maxWeight: input.max_weight ?? REFERENCE.maxWeight,
  };
  const from = Float64Array.from(symbols, (symbol) => symbol.from);
  const wanted = Float64Array.from(
    symbols,
    ({ alpha, sigma, gate }) => scaleByVolatility({ alpha, sigma }, scaling).weight * gate,
  );
  const isSignal = new Uint8Array(symbols.length).fill(1);
  const target = new Float64Array(symbols.length);
  const grossTarget =
    input.fn === 'single' ? Number.POSITIVE_INFINITY : (input.gross_target ?? REFERENCE.grossTarget);
  const band = input.band ?? REFERENCE.band;
  const insideBand = new Uint8Array(symbols.length);
  // here the position limit is a check of risk; there the sizer of one symbol applied it
  const limit = { maxPositionFrac: (input.max_position_pct ?? 20) / 100, maxGrossFrac: 1 };
  if (input.fn === 'single') wanted.set(clipToPositionLimit(Array.from(wanted), limit));
  const scale = settleWeights({ from, wanted, isSignal }, { band, grossTarget }, { target, insideBand });
  return { from, wanted, target, scale, band };
}

function result(input: SizerInput, { from, price }: SymbolInput, target: number) {
  const trade = target - from;
  const shares = sharesForWeight({
    weight: Math.abs(trade),
    equityMicros: Math.round(input.portfolio_value * 1e6),
    priceE4: Math.round(price * 1e4),
    lotShares: 1,
  });
  const side = trade === 0 ? 'HOLD' : trade > 0 ? 'BUY' : 'SELL';
  return {
    target_weight: target,
    current_weight: from,
    trade_weight: trade,
    shares,
    notional: Math.abs(trade) * input.portfolio_value,
    side,
    kind: trade === 0 ? 'in_band' : 'sized',
  };
}

/** A reduction smaller than the band, and a portfolio over its gross target that holds something already. */
function deviatingFields(facts: VectorFacts): Record<string, string> {
  const input = facts.input as SizerInput;
  const symbols = symbolsOf(input);
  const { from, wanted, scale, band } = settle(input, symbols);
  const fields: Record<string, string> = {};
  const changed = ['target_weight', 'trade_weight', 'shares', 'notional', 'side', 'kind'];
  const isHolding = from.some((weight) => weight !== 0);
  symbols.forEach(({ name }, i) => {
    const change = { from: from[i]!, to: wanted[i]! };
    const isSmall = isReduction(change) && Math.abs(change.to - change.from) < band;
    const reason = isSmall ? REDUCTIONS : scale < 1 && isHolding ? GROSS : undefined;
    if (reason === undefined) return;
    for (const field of changed) fields[name === '' ? field : `results.${name}.${field}`] = reason;
  });
  return fields;
}
