import { compareCodeUnits } from './compare.ts';
import type { MoneyMicros, PriceE4, Shares } from './units.ts';

/**
 * What an issuer does to its shares. It takes effect at the open of its ex-date, before anything trades, on what was
 * held at the close before; nobody sees it earlier.
 */
export type CorporateAction = SplitAction | DividendAction;

/** Every `oldShares` become `newShares`: 1 and 2 for a 2-for-1 split, 20 and 1 for a 1-for-20 reverse split. */
export interface SplitAction {
  readonly kind: 'split';
  readonly symbol: string;
  /** `YYYY-MM-DD`, the first session that trades on the new terms. */
  readonly exDate: string;
  readonly oldShares: Shares;
  readonly newShares: Shares;
  readonly referencePriceE4: PriceE4;
}

export interface DividendAction {
  readonly kind: 'dividend';
  readonly symbol: string;
  readonly exDate: string;
  /** Per share held before the ex-date. With a split on the same day, per share before the split. */
  readonly cashMicros: MoneyMicros;
  /** Last price before the ex-date, above the dividend: what a return over the ex-date is reckoned from. */
  readonly referencePriceE4: PriceE4;
}

/**
 * How numbers of before an action compare with numbers of after it: prices times `priceNumerator / priceDenominator`,
 * volumes likewise. A split keeps price times volume; a dividend leaves volumes alone and lowers prices by the share of
 * the reference price that was paid out, so that every return over the ex-date is a total return.
 */
export interface Rebase {
  readonly priceNumerator: number;
  readonly priceDenominator: number;
  readonly volumeNumerator: number;
  readonly volumeDenominator: number;
}

export function rebaseOf(action: CorporateAction): Rebase {
  if (action.kind === 'split') {
    const { oldShares, newShares } = action;
    return {
      priceNumerator: oldShares,
      priceDenominator: newShares,
      volumeNumerator: newShares,
      volumeDenominator: oldShares,
    };
  }
  const referenceMicros = action.referencePriceE4 * 100;
  return {
    priceNumerator: referenceMicros - action.cashMicros,
    priceDenominator: referenceMicros,
    volumeNumerator: 1,
    volumeDenominator: 1,
  };
}

/**
 * A mark of before the action on the terms after it, 1e-4 dollars; 0 stays "no price". A dividend comes off in full, so
 * that cash and position together are worth what they were; where the mark is not above it, its share comes off.
 */
export function rebasedMarkE4(action: CorporateAction, markE4: number): number {
  if (action.kind === 'dividend' && markE4 * 100 > action.cashMicros) {
    return (markE4 * 100 - action.cashMicros) / 100;
  }
  const { priceNumerator, priceDenominator } = rebaseOf(action);
  return (markE4 * priceNumerator) / priceDenominator;
}

/** Order in which actions apply: by ex-date, then symbol, and a dividend before a split, as it is paid on old shares. */
export function compareActions(a: CorporateAction, b: CorporateAction): number {
  return (
    compareCodeUnits(a.exDate, b.exDate) ||
    compareCodeUnits(a.symbol, b.symbol) ||
    compareCodeUnits(a.kind, b.kind)
  );
}

/**
 * The actions that apply at the open of a session: those of its date, and of days since the session before that had no
 * session in the data. Before the first session there is nothing they could change, so only its own count.
 * @param sessions.previous date of the session before, undefined for the first
 */
export function actionsAtOpen(
  actions: readonly CorporateAction[],
  { previous, date }: { readonly previous: string | undefined; readonly date: string },
): readonly CorporateAction[] {
  return actions.filter(
    ({ exDate }) => exDate === date || (previous !== undefined && exDate > previous && exDate < date),
  );
}
