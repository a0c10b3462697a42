import { scaleByVolatility } from '../../../src/pipeline/5-sizing/vol-scaling.ts';
import { settleWeights, sharesForWeight } from '../../../src/pipeline/5-sizing/weights.ts';
import { clipToPositionLimit } from '../../../src/pipeline/6-risk/exposure.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';
import { bandRule } from './sizing_turnover.ts';

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
  /** Held without a signal: it stays as it is, and has no result. */
  readonly isForeign: boolean;
}

const REFERENCE = { zMax: 3, maxWeight: 0.05, band: 0.008, grossTarget: 0.5 };
const REDUCTIONS = 'reductions pass the band';
const UNSOUND = 'without a volatility, or an alpha that is a number, there is no position';
const GROSS = 'only increases are scaled to the gross target, and all of the portfolio counts';

export const vectorComponent: VectorComponent = {
  component: 'sizing_position_sizer',
  run(input: SizerInput) {
    const symbols = symbolsOf(input);
    const target = settle(input, symbols);
    const results = symbols.map((symbol, i) => result(input, symbol, target[i]!));
    if (input.fn === 'single') return results[0];
    const shown = symbols.flatMap(({ name, isForeign }, i) =>
      isForeign ? [] : [[name, results[i]] as const],
    );
    return { results: Object.fromEntries(shown) };
  },
  restate: restateResults,
};

function symbolsOf(input: SizerInput): readonly SymbolInput[] {
  if (input.fn === 'single') {
    const { alpha, volatility: sigma, current_weight: from, gate_value: gate, price } = input;
    return [{ name: '', alpha, sigma, from, gate: gate ?? 1, price, isForeign: false }];
  }
  return [...new Set([...Object.keys(input.alphas), ...Object.keys(input.current_weights)])]
    .sort()
    .map((name) => ({
      name,
      alpha: input.alphas[name] ?? 0,
      sigma: input.volatilities[name] ?? 0,
      from: input.current_weights[name] ?? 0,
      gate: input.gate_values[name] ?? 1,
      price: input.prices[name] ?? 100,
      isForeign: !Object.hasOwn(input.alphas, name),
    }));
}

function limitsOf(input: SizerInput) {
  const isSingle = input.fn === 'single';
  return {
    zMax: input.z_max ?? REFERENCE.zMax,
    maxWeight: input.max_weight ?? REFERENCE.maxWeight,
    band: input.band ?? REFERENCE.band,
    grossTarget: isSingle ? Number.POSITIVE_INFINITY : (input.gross_target ?? REFERENCE.grossTarget),
    // here the position limit is a check of risk; there the sizer of one symbol applied it
    cap: isSingle ? (input.max_position_pct ?? 20) / 100 : Number.POSITIVE_INFINITY,
  };
}

function settle(input: SizerInput, symbols: readonly SymbolInput[]): Float64Array {
  const { zMax, maxWeight, band, grossTarget, cap } = limitsOf(input);
  const weights = symbols.map(({ alpha, sigma, gate, from, isForeign }) =>
    isForeign ? from : scaleByVolatility({ alpha, sigma }, { icRef: 1, zMax, maxWeight }).weight * gate,
  );
  const plan = {
    from: Float64Array.from(symbols, ({ from }) => from),
    wanted: Float64Array.from(clipToPositionLimit(weights, { maxPositionFrac: cap })),
    isSignal: Uint8Array.from(symbols, ({ isForeign }) => (isForeign ? 0 : 1)),
  };
  const target = new Float64Array(symbols.length);
  settleWeights(plan, { band, grossTarget }, { target, insideBand: new Uint8Array(symbols.length) });
  return target;
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

/** Where the rule decides otherwise, its result in place of the vector's. */
function restateResults({ input: given, output }: VectorFacts): Restated | undefined {
  const input = given as SizerInput;
  const settled = settleByRule(input);
  const reasons = new Set<string>();
  const resultOf = (symbol: SymbolInput, theirs: object) => {
    const { target, reason } = settled.get(symbol.name)!;
    if (reason === undefined) return theirs;
    reasons.add(reason);
    return resultByRule(input, symbol, target);
  };
  const symbols = symbolsOf(input).filter(({ isForeign }) => !isForeign);
  const theirs = output as { readonly results: Readonly<Record<string, object>> };
  const restated =
    input.fn === 'single'
      ? resultOf(symbols[0]!, output as object)
      : {
          results: Object.fromEntries(
            symbols.map((symbol) => [symbol.name, resultOf(symbol, theirs.results[symbol.name]!)]),
          ),
        };
  return reasons.size === 0 ? undefined : { output: restated, reasons: [...reasons] };
}

/** PIPELINE 5 a to c in plain arithmetic: target by symbol, with the reason why it may not be the vector's. */
function settleByRule(input: SizerInput) {
  const { zMax, maxWeight, band, grossTarget, cap } = limitsOf(input);
  const changes = symbolsOf(input).map(({ name, from, alpha, sigma, gate, isForeign }) => {
    const isSound = sigma > 0 && Number.isFinite(alpha) && Number.isFinite(sigma);
    const z = isSound ? Math.min(zMax, Math.max(-zMax, alpha / sigma)) : 0;
    const weight = (z / zMax) * maxWeight * gate;
    const wish = isForeign ? from : Math.min(cap, Math.max(-cap, weight));
    const to = bandRule({ from, to: wish }, band);
    const isPassing = to !== from && Math.abs(to - from) < band;
    const gain = from * to < 0 ? Math.abs(to) : Math.max(0, Math.abs(to) - Math.abs(from));
    return {
      name,
      from,
      wish,
      to,
      gain,
      reason: isSound || isForeign ? (isPassing ? REDUCTIONS : undefined) : UNSOUND,
    };
  });
  const gross = changes.reduce((sum, { to }) => sum + Math.abs(to), 0);
  const increases = changes.reduce((sum, { gain }) => sum + gain, 0);
  const isOver = gross > grossTarget && increases > 0;
  const scale = isOver ? Math.max(0, (grossTarget - (gross - increases)) / increases) : 1;
  const isWishOver = changes.reduce((sum, { wish }) => sum + Math.abs(wish), 0) > grossTarget;
  const isForeign = changes.length > (input.fn === 'single' ? 1 : Object.keys(input.alphas).length);
  const isScaledOtherwise = changes.some(({ from }) => from !== 0) && (isWishOver || isForeign);
  return new Map(
    changes.map(({ name, to, gain, reason }) => [
      name,
      {
        target: to - Math.sign(to) * gain * (1 - scale),
        reason: reason ?? (isScaledOtherwise ? GROSS : undefined),
      },
    ]),
  );
}

function resultByRule(input: SizerInput, { from, price }: SymbolInput, target: number) {
  const trade = target - from;
  const notional = Math.abs(trade) * input.portfolio_value;
  return {
    target_weight: target,
    current_weight: from,
    trade_weight: trade,
    shares: price > 0 ? Math.trunc(notional / price) : 0,
    notional,
    side: trade === 0 ? 'HOLD' : trade > 0 ? 'BUY' : 'SELL',
    kind: trade === 0 ? 'in_band' : 'sized',
  };
}
