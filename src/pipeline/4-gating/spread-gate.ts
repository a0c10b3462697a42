import type { GatingSettings } from '../../domain/settings.ts';
import { type Bps, type DurationUs, type PriceE4, US_PER_SECOND } from '../../domain/units.ts';

export type SpreadBlock =
  | 'halted'
  | 'quote_missing'
  | 'quote_crossed'
  | 'quote_locked'
  | 'spread_too_wide'
  | 'quote_stale';

/** `value` failed against `limit`: bps for the spread, µs for the age, the spread in bps for crossed and locked. */
export type SpreadVerdict =
  | { readonly kind: 'allowed' }
  | {
      readonly kind: 'blocked';
      readonly reason: SpreadBlock;
      readonly value: number;
      readonly limit: number;
    };

export interface QuoteView {
  /** 0 means "no price". */
  readonly bidE4: PriceE4;
  readonly askE4: PriceE4;
  /** Logical time less the quote's time; a quote is known at the end of its bar. */
  readonly ageUs: DurationUs;
  readonly isHalted: boolean;
}

type SpreadLimits = Pick<GatingSettings, 'maxSpreadBps' | 'maxQuoteAgeSeconds'>;

const ALLOWED: SpreadVerdict = { kind: 'allowed' };

export function isTwoSided({ bidE4, askE4 }: Pick<QuoteView, 'bidE4' | 'askE4'>): boolean {
  return bidE4 > 0 && askE4 > 0;
}

/** Quoted spread over mid, bps; negative when crossed. Both sides must be there. */
export function quotedSpreadBps({ bidE4, askE4 }: Pick<QuoteView, 'bidE4' | 'askE4'>): Bps {
  return ((askE4 - bidE4) / ((bidE4 + askE4) / 2)) * 10_000;
}

/** Effective spread of a trade: twice its distance from mid over mid, bps. Both sides of the quote must be there. */
export function effectiveSpreadBps(quote: {
  readonly bidE4: PriceE4;
  readonly askE4: PriceE4;
  readonly tradeE4: PriceE4;
}): Bps {
  const mid = (quote.bidE4 + quote.askE4) / 2;
  return ((2 * Math.abs(quote.tradeE4 - mid)) / mid) * 10_000;
}

/**
 * Whether a symbol's quote is good enough to open on. A halt blocks even when the spread gate is off: nothing trades.
 * Otherwise, in this order: missing, crossed, locked, wide, stale; the first that fails gives the reason.
 */
export function spreadGate(
  quote: QuoteView,
  settings: SpreadLimits & Pick<GatingSettings, 'enableSpreadGate'>,
): SpreadVerdict {
  if (quote.isHalted) return { kind: 'blocked', reason: 'halted', value: 1, limit: 0 };
  if (!settings.enableSpreadGate) return ALLOWED;
  if (!isTwoSided(quote)) return { kind: 'blocked', reason: 'quote_missing', value: 0, limit: 0 };
  const spreadBps = quotedSpreadBps(quote);
  if (spreadBps < 0) return { kind: 'blocked', reason: 'quote_crossed', value: spreadBps, limit: 0 };
  if (spreadBps === 0) return { kind: 'blocked', reason: 'quote_locked', value: 0, limit: 0 };
  return judgeSpread({ spreadBps, ageUs: quote.ageUs }, settings);
}

/** Spread before age; a value on its limit passes. A spread that is not a number never passes. */
export function judgeSpread(
  { spreadBps, ageUs }: { readonly spreadBps: Bps; readonly ageUs: DurationUs },
  { maxSpreadBps, maxQuoteAgeSeconds }: SpreadLimits,
): SpreadVerdict {
  if (!(spreadBps <= maxSpreadBps)) {
    return { kind: 'blocked', reason: 'spread_too_wide', value: spreadBps, limit: maxSpreadBps };
  }
  const maxAgeUs = maxQuoteAgeSeconds * US_PER_SECOND;
  if (ageUs > maxAgeUs) return { kind: 'blocked', reason: 'quote_stale', value: ageUs, limit: maxAgeUs };
  return ALLOWED;
}
