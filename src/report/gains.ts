import { compareCodeUnits } from '../domain/compare.ts';
import { markedMicros } from '../domain/ledger.ts';
import { exactMicros } from '../domain/money.ts';
import type { MoneyMicros } from '../domain/units.ts';
import { currentEquityMicros } from './collect.ts';
import type { RunStory } from './run-story.ts';

/** What a part of a run gained; the parts of one list add up to the net P&L exactly. */
export interface Gain {
  readonly name: string;
  readonly netMicros: MoneyMicros;
  readonly trips: number;
  readonly wins: number;
}

/** Parts that no symbol or horizon stands for. */
export const TAKEN_OVER = 'taken over from the broker';
export const STILL_OPEN = 'open, and the rest';

/**
 * Net P&L by symbol, of those that anything came of: what moved cash on their account and the value of what is held at
 * the end. Cash that was taken over from the broker's books is of none. Best first.
 */
export function gainsBySymbol({ collector, cashMicros }: RunStory): readonly Gain[] {
  const { ledger, marks, trades } = collector;
  const counts = countBy(trades, ({ symbol }) => symbol);
  const gains = ledger.symbols.flatMap((name, i) => {
    const netMicros = exactMicros(cashMicros[i] + markedMicros(ledger, marks.priceE4, i));
    const { trips, wins } = counts.get(name) ?? NONE;
    return netMicros === 0 && trips === 0 ? [] : [{ name, netMicros, trips, wins }];
  });
  const netMicros = currentEquityMicros(collector) - ledger.initialCashMicros;
  return withRest(gains.sort(bestFirst), netMicros, TAKEN_OVER);
}

/** Net P&L by the horizon that positions were entered on, of closed positions, and what is left beside them. */
export function gainsByHorizon({ collector }: RunStory, horizons: readonly string[]): readonly Gain[] {
  const { ledger, trades } = collector;
  const counts = countBy(trades, ({ horizon }) => horizon ?? NO_HORIZON);
  const known = [...horizons, NO_HORIZON];
  const gains = known.flatMap((name) => {
    const found = counts.get(name);
    return found === undefined ? [] : [{ name, ...found }];
  });
  return withRest(gains, currentEquityMicros(collector) - ledger.initialCashMicros, STILL_OPEN);
}

const NO_HORIZON = 'no horizon';
const NONE = { netMicros: 0, trips: 0, wins: 0 };

function countBy<T extends { readonly netMicros: MoneyMicros }>(
  trades: readonly T[],
  nameOf: (trade: T) => string,
): Map<string, Omit<Gain, 'name'>> {
  const counts = new Map<string, Omit<Gain, 'name'>>();
  for (const trade of trades) {
    const { netMicros, trips, wins } = counts.get(nameOf(trade)) ?? NONE;
    counts.set(nameOf(trade), {
      netMicros: exactMicros(netMicros + trade.netMicros),
      trips: trips + 1,
      wins: wins + (trade.netMicros > 0 ? 1 : 0),
    });
  }
  return counts;
}

function withRest(gains: readonly Gain[], totalMicros: MoneyMicros, name: string): readonly Gain[] {
  const restMicros = gains.reduce((rest, { netMicros }) => rest - netMicros, totalMicros);
  return restMicros === 0 ? gains : [...gains, { name, netMicros: restMicros, trips: 0, wins: 0 }];
}

function bestFirst(a: Gain, b: Gain): number {
  return b.netMicros - a.netMicros || compareCodeUnits(a.name, b.name);
}
