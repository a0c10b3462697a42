import { closest, distance } from 'fastest-levenshtein';
import { type CorporateAction, compareActions, rebasedMarkE4 } from '../domain/corporate-actions.ts';
import { InputError } from '../domain/errors.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, type MarketTable } from '../domain/market-table.ts';
import type { PriceE4 } from '../domain/units.ts';

type WithoutReference<T> = T extends unknown ? Omit<T, 'referencePriceE4'> : never;

/** A corporate action as a source announces it; the price it is measured against is in the bars. */
export type AnnouncedAction = WithoutReference<CorporateAction>;

/** An action with the place it was read at, for messages: `factor_files/aapl.csv:12`. */
export interface SourcedAction {
  readonly action: AnnouncedAction;
  readonly at: string;
  /** The symbol is that of a file of bars, not one that somebody wrote: there is no mistake in it. */
  readonly isOfDataFile?: true;
}

/** Gathers the prices that actions are measured against while the sessions of a dataset pass by in order. */
export interface ActionPricer {
  /**
   * Takes the next session, before or after it is written.
   * @throws InputError ACTIONS_DIVIDEND when a dividend is not below the price before it
   */
  add(table: MarketTable): void;
  /**
   * The actions that can matter to the sessions taken: of symbols with a price before the ex-date, up to the last session,
   * in the order they apply.
   * @param symbols those that have a row in some session
   * @throws InputError ACTIONS_SYMBOL for an action of another symbol
   */
  finish(symbols: readonly string[]): readonly CorporateAction[];
}

/**
 * The reference price of an action is the symbol's last trade before the ex-date, or the mid (rounded down) where it never
 * traded; after an action, on its terms until a new one is known.
 * @throws InputError ACTIONS_TWICE for two actions of one kind, symbol and day
 */
export function createActionPricer(announced: readonly SourcedAction[]): ActionPricer {
  const waiting = [...announced].sort((a, b) =>
    compareActions(withPrice(a.action, 1), withPrice(b.action, 1)),
  );
  refuseRepeats(waiting);
  const priced: CorporateAction[] = [];
  const lastE4 = new Map<string, PriceE4>();
  let next = 0;
  return {
    add: (table) => {
      for (; next < waiting.length && waiting[next].action.exDate <= table.session; next += 1) {
        const action = price(waiting[next], lastE4);
        if (action !== undefined) priced.push(action);
      }
      noteLastPrices(table, lastE4);
    },
    finish: (symbols) => {
      refuseStrangers(waiting, symbols);
      return priced;
    },
  };
}

function withPrice(action: AnnouncedAction, referencePriceE4: PriceE4): CorporateAction {
  return { ...action, referencePriceE4 };
}

function refuseRepeats(sorted: readonly SourcedAction[]): void {
  for (let k = 1; k < sorted.length; k += 1) {
    const [before, after] = [sorted[k - 1], sorted[k]];
    if (compareActions(withPrice(before.action, 1), withPrice(after.action, 1)) !== 0) continue;
    const { kind, symbol, exDate } = after.action;
    throw new InputError(
      'ACTIONS_TWICE',
      `${after.at}: a second ${kind} of ${symbol} on ${exDate}, the first is at ${before.at}; remove one`,
    );
  }
}

/** An action of a symbol without data would apply to nothing: a misspelt one would be missed by nobody. */
function refuseStrangers(announced: readonly SourcedAction[], symbols: readonly string[]): void {
  const known = new Set(symbols);
  const stranger = announced.find(({ action, isOfDataFile }) => !isOfDataFile && !known.has(action.symbol));
  if (stranger === undefined) return;
  const { action, at } = stranger;
  const nearest = closest(action.symbol, [...symbols]);
  const isNear = distance(action.symbol.toUpperCase(), nearest.toUpperCase()) <= 2;
  throw new InputError(
    'ACTIONS_SYMBOL',
    `${at}: ${action.kind} of ${JSON.stringify(action.symbol.slice(0, 40))}, which has no bar in any session; ${isNear ? `did you mean ${nearest}?` : 'correct the symbol, leave the row out'}, or choose symbols with --symbols`,
  );
}

/** @returns undefined where the symbol has no price yet: nothing can be held, and there is no past to rebase */
function price({ action, at }: SourcedAction, lastE4: Map<string, PriceE4>): CorporateAction | undefined {
  const { symbol } = action;
  const reference = lastE4.get(symbol);
  if (reference === undefined) return undefined;
  if (action.kind === 'dividend') {
    if (action.cashMicros >= reference * 100) {
      throw new InputError(
        'ACTIONS_DIVIDEND',
        `${at}: dividend of ${action.cashMicros / 1e6} dollars on ${symbol} is not below its last price ${reference / 1e4}; correct it, or leave it out`,
      );
    }
  }
  lastE4.set(symbol, Math.max(1, Math.floor(rebasedMarkE4(withPrice(action, reference), reference))));
  return withPrice(action, reference);
}

function noteLastPrices(table: MarketTable, lastE4: Map<string, PriceE4>): void {
  const traded = new Uint8Array(table.symbols.length);
  for (let row = table.rowCount - 1; row >= 0; row -= 1) {
    const s = table.symbolIx[row];
    if (traded[s] === 1 || (table.flags[row] & HAS_TRADE) === 0) continue;
    traded[s] = 1;
    lastE4.set(table.symbols[s], table.closeE4[row]);
  }
  for (let row = 0; row < table.rowCount; row += 1) {
    const s = table.symbolIx[row];
    const hasBoth = (table.flags[row] & (HAS_BID | HAS_ASK)) === (HAS_BID | HAS_ASK);
    if (traded[s] === 1 || !hasBoth) continue;
    lastE4.set(table.symbols[s], Math.floor((table.bidCloseE4[row] + table.askCloseE4[row]) / 2));
  }
}
