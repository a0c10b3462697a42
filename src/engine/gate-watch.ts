import { US_PER_SECOND } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import { gateReason, isGateBlock } from '../pipeline/4-gating/entry-gates.ts';
import { isTwoSided } from '../pipeline/4-gating/spread-gate.ts';
import { BLOCKED } from '../pipeline/5-sizing/size-portfolio.ts';
import type { DecisionView } from '../pipeline/decision-view.ts';
import type { Pipeline } from '../pipeline/pipeline-state.ts';

/**
 * What the entry gates last said of each symbol, so that the tape tells when it changes and not every cycle that it
 * holds; the decisions of each cycle say that. Plain data.
 */
export interface GateWatch {
  /** N gate outcomes of the last cycle the symbol was asked in, 0 for allowed. */
  readonly blocked: Uint8Array;
  /** N, 1 while the newest quote is too old to enter on. */
  readonly stale: Uint8Array;
}

export function createGateWatch(symbolCount: number): GateWatch {
  return { blocked: new Uint8Array(symbolCount), stale: new Uint8Array(symbolCount) };
}

/** A new session starts without quotes and without verdicts. */
export function forgetGates({ blocked, stale }: GateWatch): void {
  blocked.fill(0);
  stale.fill(0);
}

/** After a cycle: one event for every symbol that gates began to block, and for every quote that grew stale. */
export function watchGates(
  watch: GateWatch,
  { work, market, settings, layout, symbolCount }: Pipeline,
  { cycle, tUs }: Pick<DecisionView, 'cycle' | 'tUs'>,
  out: DerivedEvent[],
): void {
  const limitUs = settings.gating.maxQuoteAgeSeconds * US_PER_SECOND;
  const { gate } = work;
  for (let i = 0; i < symbolCount; i += 1) {
    const ageUs = tUs - market.quoteUs[i];
    const isStale = ageUs > limitUs && isTwoSided({ bidE4: market.bidE4[i], askE4: market.askE4[i] });
    if (isStale && watch.stale[i] === 0) {
      out.push({ type: 'QuoteStale', cycle, symbol: layout.symbols[i], ageUs, limitUs });
    }
    watch.stale[i] = isStale ? 1 : 0;
    if (work.arbitration.selected[i] === 0) continue;
    const code = gate.outcome[i];
    // a reduction passes a gate that blocks: nothing was stopped
    const isBlocked = isGateBlock(code) && work.kind[i] === BLOCKED && work.reason[i] === gateReason(code);
    if (isBlocked && watch.blocked[i] !== code) {
      const { value, limit } = { value: gate.value[i], limit: gate.limit[i] };
      out.push({
        type: 'GateBlocked',
        cycle,
        symbol: layout.symbols[i],
        reason: gateReason(code),
        value,
        limit,
      });
    }
    watch.blocked[i] = isBlocked ? code : 0;
  }
}
