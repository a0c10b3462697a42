import { assertNever, invariant } from './errors.ts';
import {
  type AdoptedPosition,
  addExecutionId,
  createPart,
  type ExecutionEntry,
  type HeldBooks,
  isBeforeMemory,
  type Journal,
  type JournalEntry,
  lookUpExecution,
  recordEntry,
  takeEarlyFee,
} from './execution-journal.ts';
import { applyExecution, bookExecution, createLedger, type Ledger, type LedgerChange } from './ledger.ts';
import { applyCorporateAction } from './ledger-actions.ts';
import type { RoundTrip } from './lots.ts';
import { exactMicros, notionalMicros } from './money.ts';
import type { Execution } from './orders.ts';
import { indexOfSymbol } from './symbol-index.ts';
import type { MoneyMicros, Shares, TimeUs } from './units.ts';

/** What the books of one symbol changed by, after something in its past did. */
export interface LedgerRevision {
  readonly symbol: string;
  readonly symbolIx: number;
  /** Position after it, signed. */
  readonly shares: Shares;
  readonly cashMicros: MoneyMicros;
  /** Price gains of closed lots, before fees. */
  readonly realizedMicros: MoneyMicros;
  readonly feesMicros: MoneyMicros;
  /** Round trips since the oldest entry of the journal, as they were and as they are. */
  readonly tripsBefore: readonly RoundTrip[];
  readonly tripsAfter: readonly RoundTrip[];
}

/**
 * Why the books cannot take an execution, if they cannot.
 * @param rule.least 0 where an execution may be taken back
 * @param rule.isNew whether it stands for none that is known: if it traded before anything that is remembered, it may have
 *   been booked then
 */
export function whyNotBookable(
  ledger: Ledger,
  execution: Execution,
  { least, isNew }: { readonly least: 0 | 1; readonly isNew: boolean },
): string | undefined {
  const { symbol, quantity, priceE4 } = execution;
  if (indexOfSymbol(ledger.symbols, symbol) < 0) return `${symbol} is not in the universe`;
  if (quantity < least || (quantity > 0 && priceE4 <= 0)) {
    return `${quantity} shares at ${priceE4 / 10_000} are no trade`;
  }
  if (isNew && isBeforeMemory(journalOf(ledger), execution)) {
    return 'it traded before what is remembered began, and may have been booked then';
  }
  return undefined;
}

/**
 * Puts an execution in the place of one in the journal. The books become what they would be, had the new one been
 * reported at first: lots, realised gains, fees, dividends on the shares that are there now.
 * @param execution its quantity is 0 where the old one is taken back
 * @throws InvariantError when the journal does not hold `corrects`, as the newest of its versions
 */
export function correctExecution(
  ledger: Ledger,
  { corrects, execution }: { readonly corrects: string; readonly execution: Execution },
): LedgerRevision {
  const journal = journalOf(ledger);
  const entry = newestOf(journal, corrects);
  const { executionId } = execution;
  const feeMicros = takeEarlyFee(journal, executionId);
  const charged = feeMicros === undefined ? execution : { ...execution, feeMicros };
  const revision = revise(ledger, entry, () => entry.versions.push(charged));
  addExecutionId(journal, entry, executionId);
  return revision;
}

/** Sets the whole fee of an execution in the journal. @throws InvariantError as `correctExecution` does */
export function chargeExecution(
  ledger: Ledger,
  { executionId, feeMicros }: { readonly executionId: string; readonly feeMicros: MoneyMicros },
): LedgerRevision {
  const entry = newestOf(journalOf(ledger), executionId);
  return revise(ledger, entry, () => {
    const newest = entry.versions.length - 1;
    entry.versions[newest] = { ...entry.versions[newest], feeMicros };
  });
}

/** Most fees a session keeps for executions that have not been reported: a broker that sends more is broken. */
export const MAX_EARLY_FEES = 1000;

/** Keeps a fee for an execution that has not been reported yet. @returns false when there are too many to keep it */
export function keepEarlyFee(ledger: Ledger, executionId: string, feeMicros: MoneyMicros): boolean {
  const { earlyFees } = journalOf(ledger).current;
  const isKept = earlyFees.has(executionId) || earlyFees.size < MAX_EARLY_FEES;
  if (isKept) earlyFees.set(executionId, exactMicros(feeMicros));
  return isKept;
}

/**
 * Books the correction of an execution that has not been reported. Should that one still come, it is known by its id and
 * not booked.
 * @returns undefined where the correction takes the execution back, so that there was nothing to book
 */
export function bookAheadOf(
  ledger: Ledger,
  corrects: string,
  execution: Execution,
): LedgerChange | undefined {
  const journal = journalOf(ledger);
  const symbolIx = indexOfSymbol(ledger.symbols, execution.symbol);
  const change = execution.quantity > 0 ? applyExecution(ledger, execution) : undefined;
  if (change === undefined) recordEntry(journal, { kind: 'execution', symbolIx, versions: [execution] });
  addExecutionId(journal, journal.current.entries.at(-1) as ExecutionEntry, corrects);
  return change;
}

/**
 * Takes shares into the books that no execution explains: lots are closed first in, first out, or opened, at a price; cash
 * stays.
 */
export function adoptPosition(
  ledger: Ledger,
  adopted: Omit<AdoptedPosition, 'kind'>,
): { readonly realizedMicros: MoneyMicros; readonly roundTrip: RoundTrip | undefined } {
  const before = ledger.realizedMicros;
  const entry = { kind: 'adopted', ...adopted } as const;
  const roundTrip = bookAdopted(ledger, entry);
  if (ledger.journal !== null) recordEntry(ledger.journal, entry);
  return { realizedMicros: exactMicros(ledger.realizedMicros - before), roundTrip };
}

/** Takes the broker's cash into the books. @returns what it changed by */
export function adoptCash(ledger: Ledger, cashMicros: MoneyMicros): MoneyMicros {
  const change = exactMicros(cashMicros - ledger.cashMicros);
  ledger.cashMicros = exactMicros(cashMicros);
  ledger.adoptedMicros = exactMicros(ledger.adoptedMicros + change);
  return change;
}

/** A session opens at `tUs`: what was booked before the newest one can no longer be changed. */
export function ageJournal(ledger: Ledger, tUs: TimeUs): void {
  const journal = journalOf(ledger);
  const { base, before } = journal;
  for (const symbolIx of new Set(before.entries.map((entry) => entry.symbolIx))) {
    base[symbolIx] = heldBooks(
      replaySymbol(ledger.symbols[symbolIx], base[symbolIx], before.entries.filter(isOf(symbolIx))).ledger,
    );
  }
  journal.before = journal.current;
  journal.current = createPart(tUs);
}

function journalOf({ journal }: Ledger): Journal {
  invariant(journal !== null, 'the ledger keeps no journal');
  return journal;
}

function newestOf(journal: Journal, executionId: string): ExecutionEntry {
  const known = lookUpExecution(journal, executionId);
  invariant(known?.kind === 'kept' && known.isNewest, `execution ${executionId} cannot be changed`);
  return known.entry;
}

/** Replays a symbol as it was and as it is; the whole account moves by the difference. */
function revise(ledger: Ledger, { symbolIx }: ExecutionEntry, change: () => void): LedgerRevision {
  const { base, before, current } = journalOf(ledger);
  const symbol = ledger.symbols[symbolIx];
  const entries = [...before.entries, ...current.entries].filter(isOf(symbolIx));
  const old = replaySymbol(symbol, base[symbolIx], entries);
  change();
  const now = replaySymbol(symbol, base[symbolIx], entries);
  for (const sum of SUMS) ledger[sum] = exactMicros(ledger[sum] + now.ledger[sum] - old.ledger[sum]);
  ledger.shares[symbolIx] = now.ledger.shares[0];
  ledger.costMicros[symbolIx] = now.ledger.costMicros[0];
  ledger.lots[symbolIx] = now.ledger.lots[0];
  ledger.trips[symbolIx] = now.ledger.trips[0];
  return {
    symbol,
    symbolIx,
    shares: now.ledger.shares[0],
    cashMicros: now.ledger.cashMicros - old.ledger.cashMicros,
    realizedMicros: now.ledger.realizedMicros - old.ledger.realizedMicros,
    feesMicros: now.ledger.feesMicros - old.ledger.feesMicros,
    tripsBefore: old.trips,
    tripsAfter: now.trips,
  };
}

/** Sums over all symbols that a symbol's past is part of. */
const SUMS = [
  'cashMicros',
  'realizedMicros',
  'dividendsMicros',
  'feesMicros',
  'closedFeesMicros',
  'adoptedMicros',
] as const;

interface Replayed {
  /** Of the symbol alone; sums count from 0 at the base. */
  readonly ledger: Ledger;
  readonly trips: readonly RoundTrip[];
}

function replaySymbol(symbol: string, base: HeldBooks | null, entries: readonly JournalEntry[]): Replayed {
  const ledger = createLedger({ cashMicros: 0, symbols: [symbol] });
  if (base !== null) {
    ledger.shares[0] = base.shares;
    ledger.costMicros[0] = base.costMicros;
    ledger.lots[0] = base.lots.map((lot) => ({ ...lot }));
    ledger.trips[0] = { ...base.trip };
  }
  const trips: RoundTrip[] = [];
  for (const entry of entries) {
    const trip = bookEntry(ledger, { ...entry, symbolIx: 0 });
    if (trip !== undefined) trips.push(trip);
  }
  return { ledger, trips };
}

function bookEntry(ledger: Ledger, entry: JournalEntry): RoundTrip | undefined {
  switch (entry.kind) {
    case 'execution': {
      const execution = entry.versions[entry.versions.length - 1];
      return execution.quantity === 0 ? undefined : bookExecution(ledger, execution).roundTrip;
    }
    case 'action':
      return applyCorporateAction(ledger, entry.action, entry.tUs)?.roundTrip;
    case 'adopted':
      return bookAdopted(ledger, entry);
    default:
      return assertNever(entry);
  }
}

/** As an execution that costs nothing but cash, which then is given back. */
function bookAdopted(
  ledger: Ledger,
  { symbolIx, shares, priceE4, tUs }: AdoptedPosition,
): RoundTrip | undefined {
  const { roundTrip } = bookExecution(ledger, {
    executionId: '',
    clientOrderId: '',
    symbol: ledger.symbols[symbolIx],
    side: shares > 0 ? 'buy' : 'sell',
    quantity: Math.abs(shares),
    priceE4,
    feeMicros: 0,
    tradeTimeUs: tUs,
  });
  const valueMicros = notionalMicros(priceE4, shares);
  ledger.cashMicros = exactMicros(ledger.cashMicros + valueMicros);
  ledger.adoptedMicros = exactMicros(ledger.adoptedMicros + valueMicros);
  return roundTrip;
}

function heldBooks({ shares, costMicros, lots, trips }: Ledger): HeldBooks | null {
  const trip = trips[0];
  return trip === null ? null : { shares: shares[0], costMicros: costMicros[0], lots: lots[0], trip };
}

function isOf(symbolIx: number): (entry: JournalEntry) => boolean {
  return (entry) => entry.symbolIx === symbolIx;
}
