import type { DecisionKind, DecisionReason } from '../../domain/decisions.ts';
import { InvariantError } from '../../domain/errors.ts';
import type { SizingSettings } from '../../domain/settings.ts';
import type { MoneyMicros, PriceE4, Shares, WeightFrac } from '../../domain/units.ts';
import {
  changesSign,
  effectiveBand,
  increaseOf,
  settleWeights,
  sharesForWeight,
  turnoverOf,
  weightOfShares,
} from './weights.ts';

/** Codes of decision kinds in columns: indices into this list. */
export const DECISION_KINDS: readonly DecisionKind[] = ['HOLD', 'BLOCKED', 'EXIT', 'TRADE'];
export const HOLD = 0;
export const BLOCKED = 1;
export const EXIT = 2;
export const TRADE = 3;

/** What sizing did to a symbol, beside trading it as asked (`none`); `SizingOutput.reason` holds indices into this list. */
export const SIZING_REASONS = [
  'none',
  'no_market_data',
  'inside_band',
  'gross_target_reached',
  'below_one_lot',
  'below_min_notional',
  'at_target',
  'closing_before_reversal',
] as const;
type SizingReason = (typeof SIZING_REASONS)[number];

const REASON = Object.fromEntries(SIZING_REASONS.map((reason, code) => [reason, code])) as Readonly<
  Record<SizingReason, number>
>;

export interface SizingInputs {
  readonly symbolCount: number;
  /** N codes: HOLD, BLOCKED, EXIT or TRADE. */
  readonly kind: Uint8Array;
  /** N target weights of the TRADE symbols, signed, gate factor included; other slots are not read. */
  readonly signalWeight: Float64Array;
  /** N positions, signed shares. */
  readonly positionShares: Float64Array;
  /** N marks, 1e-4 dollars, 0 where none is known. */
  readonly priceE4: Float64Array;
  readonly equityMicros: MoneyMicros;
}

/** Written in place each cycle. */
export interface SizingOutput {
  /** N weights held now, at the current marks. */
  readonly weightNow: Float64Array;
  /** N weights asked for: 0 for EXIT, now for HOLD and BLOCKED, the signal's for TRADE. */
  readonly wantedWeight: Float64Array;
  /** N weights after band and gross scaling. */
  readonly targetWeight: Float64Array;
  /** N, 1 for TRADE, and 1 where the band kept the weight. */
  readonly isSignal: Uint8Array;
  readonly insideBand: Uint8Array;
  /** N positions after this cycle's trade; 0 in the closing leg of a reversal. */
  readonly targetShares: Float64Array;
  /** N trades: target less position, 0 where nothing is traded. */
  readonly deltaShares: Float64Array;
  /** N indices into `SIZING_REASONS`. */
  readonly reason: Uint8Array;
  /** Fraction of every increase that fitted under the gross target. */
  increaseScale: number;
  /** Sum of the changes from `weightNow` to `targetWeight`. */
  turnover: WeightFrac;
}

export function createSizingOutput(symbolCount: number): SizingOutput {
  return {
    weightNow: new Float64Array(symbolCount),
    wantedWeight: new Float64Array(symbolCount),
    targetWeight: new Float64Array(symbolCount),
    isSignal: new Uint8Array(symbolCount),
    insideBand: new Uint8Array(symbolCount),
    targetShares: new Float64Array(symbolCount),
    deltaShares: new Float64Array(symbolCount),
    reason: new Uint8Array(symbolCount),
    increaseScale: 1,
    turnover: 0,
  };
}

/** The decision reason of a sizing code, or undefined when sizing traded as asked. */
export function sizingReason(code: number): DecisionReason | undefined {
  const reason = SIZING_REASONS[code];
  if (reason === undefined) throw new InvariantError(`unknown sizing code ${code}`);
  return reason === 'none' ? undefined : reason;
}

/**
 * Stage 5 for the whole portfolio: (a) EXIT to 0, HOLD and BLOCKED stay, TRADE to its weight; (b) changes inside the
 * band stay; (c) increases, and only they, are scaled to fit the gross target; (d) whole lots toward 0, trades too
 * small are dropped. Exits and reductions pass the band, full closes also the lot and the minimum notional, so that no
 * remainder is ever stuck. A change of sign trades its closing leg only.
 */
export function sizePortfolio(inputs: SizingInputs, settings: SizingSettings, out: SizingOutput): void {
  const { symbolCount, kind } = inputs;
  for (let i = 0; i < symbolCount; i++) {
    const { equityMicros } = inputs;
    const shares = inputs.positionShares[i];
    out.weightNow[i] = weightOfShares({ shares, equityMicros, priceE4: inputs.priceE4[i] });
    out.wantedWeight[i] = wantedWeight(inputs, i, out.weightNow[i]);
    out.isSignal[i] = kind[i] === TRADE ? 1 : 0;
  }
  out.increaseScale = settleWeights(
    { from: out.weightNow, wanted: out.wantedWeight, isSignal: out.isSignal },
    { band: effectiveBand(settings, symbolCount), grossTarget: settings.grossTarget },
    { target: out.targetWeight, insideBand: out.insideBand },
  );
  for (let i = 0; i < symbolCount; i++) chooseShares(inputs, settings, out, i);
  out.turnover = turnoverOf(out.weightNow, out.targetWeight);
}

function wantedWeight(inputs: SizingInputs, i: number, from: WeightFrac): WeightFrac {
  if (inputs.kind[i] === EXIT) return 0;
  if (inputs.kind[i] !== TRADE || !(inputs.priceE4[i] > 0)) return from;
  return Number.isFinite(inputs.signalWeight[i]) ? inputs.signalWeight[i] : from;
}

function chooseShares(inputs: SizingInputs, settings: SizingSettings, out: SizingOutput, i: number): void {
  const position = inputs.positionShares[i];
  const stays = reasonToStay(inputs, out, i);
  if (stays !== undefined) {
    write(out, i, { position, target: position, reason: stays });
    return;
  }
  const change = { from: out.weightNow[i], to: out.wantedWeight[i] };
  if (changesSign(change)) {
    write(out, i, { position, target: 0, reason: REASON.closing_before_reversal });
    return;
  }
  const isIncrease = increaseOf(change) > 0;
  const target = targetInLots(inputs, settings, { i, weight: out.targetWeight[i], isIncrease });
  const dropped = reasonToDrop({ position, target, priceE4: inputs.priceE4[i] }, settings);
  const isDropped = dropped !== REASON.none;
  write(out, i, { position, target: isDropped ? position : target, reason: dropped });
}

/** Why a symbol is not traded at all, before shares are counted; undefined when it is. */
function reasonToStay(inputs: SizingInputs, out: SizingOutput, i: number): number | undefined {
  if (inputs.kind[i] === EXIT) return inputs.positionShares[i] === 0 ? REASON.at_target : undefined;
  if (inputs.kind[i] !== TRADE) return REASON.none;
  if (!(inputs.priceE4[i] > 0)) return REASON.no_market_data;
  if (out.insideBand[i] === 1) return REASON.inside_band;
  const change = { from: out.weightNow[i], to: out.wantedWeight[i] };
  if (changesSign(change)) return undefined;
  const hasRoom = out.increaseScale > 0 && inputs.equityMicros > 0;
  if (increaseOf(change) > 0 && !hasRoom) return REASON.gross_target_reached;
  return out.targetWeight[i] === out.weightNow[i] ? REASON.at_target : undefined;
}

/** Whole-lot target that never trades against its own direction: rounding must not sell out of an increase. */
function targetInLots(
  inputs: SizingInputs,
  { lotShares }: SizingSettings,
  {
    i,
    weight,
    isIncrease,
  }: { readonly i: number; readonly weight: WeightFrac; readonly isIncrease: boolean },
): Shares {
  const position = inputs.positionShares[i];
  const wanted = sharesForWeight({
    weight,
    equityMicros: inputs.equityMicros,
    priceE4: inputs.priceE4[i],
    lotShares,
  });
  if (isIncrease && Math.abs(wanted) < Math.abs(position)) return position;
  if (wanted === 0) return 0;
  return position + Math.trunc((wanted - position) / lotShares) * lotShares;
}

function reasonToDrop(
  {
    position,
    target,
    priceE4,
  }: { readonly position: Shares; readonly target: Shares; readonly priceE4: PriceE4 },
  { minTradeNotionalMicros }: SizingSettings,
): number {
  if (target === position) return REASON.below_one_lot;
  const notionalMicros = Math.abs(target - position) * priceE4 * 100;
  return target !== 0 && notionalMicros < minTradeNotionalMicros ? REASON.below_min_notional : REASON.none;
}

function write(
  out: SizingOutput,
  i: number,
  {
    position,
    target,
    reason,
  }: { readonly position: Shares; readonly target: Shares; readonly reason: number },
): void {
  out.targetShares[i] = target + 0;
  out.deltaShares[i] = target - position;
  out.reason[i] = reason;
}
