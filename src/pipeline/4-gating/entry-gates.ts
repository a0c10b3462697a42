import type { DecisionReason } from '../../domain/decisions.ts';
import { InvariantError } from '../../domain/errors.ts';
import type { GatingSettings } from '../../domain/settings.ts';
import type { TimeUs } from '../../domain/units.ts';
import type { MarketState } from '../market-state.ts';
import { type BarrierVerdict, barrierGate } from './barrier-gate.ts';
import type { BarrierProbabilities, BarrierSeries } from './barrier-probabilities.ts';
import { type SpreadVerdict, spreadGate } from './spread-gate.ts';

/** What the entry gates can say of a symbol; `GateOutput.outcome` holds indices into this list. */
export const GATE_OUTCOMES = [
  'not_asked',
  'allowed',
  'no_barrier_model',
  'halted',
  'quote_missing',
  'quote_crossed',
  'quote_locked',
  'spread_too_wide',
  'quote_stale',
  'barrier_peak',
  'barrier_valley',
  'barrier_faulted',
  'barrier_masked',
] as const;
export type GateOutcome = (typeof GATE_OUTCOMES)[number];

const FIRST_BLOCK = GATE_OUTCOMES.indexOf('halted');
const CODE = Object.fromEntries(GATE_OUTCOMES.map((outcome, code) => [outcome, code])) as Readonly<
  Record<GateOutcome, number>
>;

export interface GateInputs {
  readonly symbolCount: number;
  /** N, 1 where the symbol wants to open or add; others are not asked. */
  readonly candidate: Uint8Array;
  /** N sides wanted, 1 or -1. */
  readonly side: Int8Array;
  readonly market: Pick<MarketState, 'bidE4' | 'askE4' | 'quoteUs' | 'isHalted'>;
  /** Logical time of the cycle. */
  readonly tUs: TimeUs;
  readonly barriers: BarrierProbabilities;
}

/** Written in place each cycle. */
export interface GateOutput {
  /** N indices into `GATE_OUTCOMES`. */
  readonly outcome: Uint8Array;
  /** N fractions g of the full position; 0 where blocked or not asked. */
  readonly factor: Float64Array;
  /** N values that failed, and the limits they failed against; 0 where nothing failed. */
  readonly value: Float64Array;
  readonly limit: Float64Array;
}

export function createGateOutput(symbolCount: number): GateOutput {
  return {
    outcome: new Uint8Array(symbolCount),
    factor: new Float64Array(symbolCount),
    value: new Float64Array(symbolCount),
    limit: new Float64Array(symbolCount),
  };
}

export function isGateBlock(outcomeCode: number): boolean {
  return outcomeCode >= FIRST_BLOCK;
}

/** @throws InvariantError when the code is not that of a block */
export function gateReason(outcomeCode: number): DecisionReason {
  const outcome = GATE_OUTCOMES[outcomeCode];
  if (
    outcome === undefined ||
    outcome === 'not_asked' ||
    outcome === 'allowed' ||
    outcome === 'no_barrier_model'
  ) {
    throw new InvariantError(`gate outcome ${outcomeCode} (${outcome}) is not a block`);
  }
  return outcome;
}

/** Stage 4, entries: the spread gate, then the barrier gate, for every candidate. Exits and reductions are not asked. */
export function applyEntryGates(inputs: GateInputs, settings: GatingSettings, out: GateOutput): void {
  const { market, barriers, tUs } = inputs;
  for (let i = 0; i < inputs.symbolCount; i++) {
    if (inputs.candidate[i] === 0) {
      write(out, i, { outcome: CODE.not_asked, factor: 0, value: 0, limit: 0 });
      continue;
    }
    const spread = spreadGate(
      {
        bidE4: market.bidE4[i],
        askE4: market.askE4[i],
        ageUs: tUs - market.quoteUs[i],
        isHalted: market.isHalted[i] === 1,
      },
      settings,
    );
    if (spread.kind === 'blocked') {
      writeBlock(out, i, spread);
      continue;
    }
    if (!settings.enableBarrierGate) {
      write(out, i, { outcome: CODE.allowed, factor: 1, value: 0, limit: 0 });
      continue;
    }
    if (isFaulted(barriers, i)) {
      write(out, i, { outcome: CODE.barrier_faulted, factor: 0, value: 1, limit: 0 });
      continue;
    }
    if (isMasked(barriers, i)) {
      write(out, i, { outcome: CODE.barrier_masked, factor: 0, value: 1, limit: 0 });
      continue;
    }
    const side = inputs.side[i] > 0 ? 1 : -1;
    const verdict = barrierGate(
      side,
      {
        peak: at(barriers.peak, i),
        valley: at(barriers.valley, i),
        secondPeak: at(barriers.secondPeak, i),
        secondValley: at(barriers.secondValley, i),
      },
      settings,
    );
    if (verdict.kind === 'blocked') writeBlock(out, i, verdict);
    else write(out, i, { outcome: CODE[verdict.kind], factor: verdict.factor, value: 0, limit: 0 });
  }
}

/** A gate whose model failed this cycle cannot say that entering is safe. */
function isFaulted({ peak, valley, secondPeak, secondValley }: BarrierProbabilities, i: number): boolean {
  return (peak.faulted[i] | valley.faulted[i] | secondPeak.faulted[i] | secondValley.faulted[i]) !== 0;
}

/** Nor can one whose models were not asked, for want of a feature: RSI has no value just where a price only rose. */
function isMasked({ peak, valley, secondPeak, secondValley }: BarrierProbabilities, i: number): boolean {
  return isUnheard(peak, i) || isUnheard(valley, i) || isUnheard(secondPeak, i) || isUnheard(secondValley, i);
}

function isUnheard({ hasModel, known }: BarrierSeries, i: number): boolean {
  return hasModel && known[i] === 0;
}

function at({ p, known }: BarrierSeries, i: number): number | undefined {
  return known[i] === 1 ? p[i] : undefined;
}

function writeBlock(
  out: GateOutput,
  i: number,
  verdict: Extract<SpreadVerdict | BarrierVerdict, { readonly kind: 'blocked' }>,
): void {
  write(out, i, { outcome: CODE[verdict.reason], factor: 0, value: verdict.value, limit: verdict.limit });
}

function write(
  out: GateOutput,
  i: number,
  row: {
    readonly outcome: number;
    readonly factor: number;
    readonly value: number;
    readonly limit: number;
  },
): void {
  out.outcome[i] = row.outcome;
  out.factor[i] = row.factor;
  out.value[i] = row.value;
  out.limit[i] = row.limit;
}
