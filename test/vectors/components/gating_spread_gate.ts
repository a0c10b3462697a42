import {
  effectiveSpreadBps,
  isTwoSided,
  judgeSpread,
  quotedSpreadBps,
} from '../../../src/pipeline/4-gating/spread-gate.ts';
import type { VectorComponent } from '../types.ts';

type SpreadInput = { readonly max_spread_bps: number | null; readonly max_quote_age_ms: number | null } & (
  | { readonly fn: 'evaluate'; readonly spread_bps: number; readonly age_us: number | null }
  | { readonly fn: 'spread'; readonly bid: number; readonly ask: number; readonly last: number }
);

const KINDS: Readonly<Record<string, string>> = { spread_too_wide: 'too_wide', quote_stale: 'too_old' };

export const vectorComponent: VectorComponent = {
  component: 'gating_spread_gate',
  run(input: SpreadInput) {
    if (input.fn === 'spread') return spreads(input);
    const verdict = judgeSpread(
      { spreadBps: input.spread_bps, ageUs: input.age_us ?? 0 },
      {
        maxSpreadBps: input.max_spread_bps ?? 12,
        maxQuoteAgeSeconds: (input.max_quote_age_ms ?? 200) / 1000,
      },
    );
    const kind = verdict.kind === 'allowed' ? 'ok' : KINDS[verdict.reason];
    const isAgeAsked = kind !== 'too_wide' && input.age_us !== null;
    return {
      allowed: verdict.kind === 'allowed',
      spread_bps: input.spread_bps,
      quote_age_ms: isAgeAsked ? input.age_us / 1000 : null,
      kind,
    };
  },
  restate: ({ input, output }) => {
    const given = input as SpreadInput;
    if (given.fn !== 'evaluate' || !Number.isNaN(given.spread_bps)) return undefined;
    const blocked = { ...(output as object), allowed: false, kind: 'too_wide', quote_age_ms: null };
    return { output: blocked, reasons: ['a spread that is not a number never passes'] };
  },
};

/** A quote without two sides is "missing" here and had an infinite spread there. */
function spreads({ bid, ask, last }: Extract<SpreadInput, { readonly fn: 'spread' }>) {
  const quote = { bidE4: bid, askE4: ask };
  if (!isTwoSided(quote)) {
    return { spread_bps: Number.POSITIVE_INFINITY, effective_spread_bps: Number.POSITIVE_INFINITY };
  }
  return {
    spread_bps: quotedSpreadBps(quote),
    effective_spread_bps: effectiveSpreadBps({ ...quote, tradeE4: last }),
  };
}
