import type { CorporateAction } from './corporate-actions.ts';
import type { Lot, OpenTrip } from './lots.ts';
import type { Execution } from './orders.ts';
import type { MoneyMicros, Shares, TimeUs } from './units.ts';

/**
 * What a ledger booked in this session and the one before it, so that a correction or a late fee can be booked as if it
 * had been known from the start, and no execution is booked twice. Plain data; older entries are in `base`.
 */
export interface Journal {
  /** Books of each symbol before the oldest entry; null where nothing was held. */
  readonly base: (HeldBooks | null)[];
  before: JournalPart;
  current: JournalPart;
}

export interface JournalPart {
  readonly startedUs: TimeUs;
  /** In the order they were booked. */
  readonly entries: JournalEntry[];
  /** Places of executions among the entries, by every id one has had; null where the other part has it. */
  readonly places: Map<string, number | null>;
  /** Fees that were reported before their execution, by its id. */
  readonly earlyFees: Map<string, MoneyMicros>;
}

export interface HeldBooks {
  readonly shares: Shares;
  readonly costMicros: MoneyMicros;
  readonly lots: readonly Lot[];
  readonly trip: OpenTrip;
}

export interface ExecutionEntry {
  readonly kind: 'execution';
  readonly symbolIx: number;
  /** As first reported, then each correction. The last one counts; with a quantity of 0, nothing of it does. */
  readonly versions: Execution[];
}

export type JournalEntry =
  | ExecutionEntry
  | {
      readonly kind: 'action';
      readonly symbolIx: number;
      readonly action: CorporateAction;
      readonly tUs: TimeUs;
    }
  | AdoptedPosition;

/** Shares taken into the books as the broker has them, at a price, without cash. */
export interface AdoptedPosition {
  readonly kind: 'adopted';
  readonly symbolIx: number;
  /** Signed change. */
  readonly shares: Shares;
  readonly priceE4: number;
  readonly tUs: TimeUs;
}

/** What is known of an execution id. */
export type KnownExecution =
  | {
      readonly kind: 'kept';
      readonly entry: ExecutionEntry;
      /** As reported under this id; absent where only a correction has named it. */
      readonly version: Execution | undefined;
      readonly isNewest: boolean;
    }
  /** Booked, and too old to be changed. */
  | { readonly kind: 'settled' };

export function createJournal(symbolCount: number): Journal {
  return {
    base: Array.from({ length: symbolCount }, () => null),
    before: createPart(0),
    current: createPart(0),
  };
}

export function createPart(startedUs: TimeUs): JournalPart {
  return { startedUs, entries: [], places: new Map(), earlyFees: new Map() };
}

export function recordEntry({ current }: Journal, entry: JournalEntry): void {
  if (entry.kind === 'execution') current.places.set(entry.versions[0].executionId, current.entries.length);
  current.entries.push(entry);
}

export function lookUpExecution(
  { before, current }: Journal,
  executionId: string,
): KnownExecution | undefined {
  const found = lookUpIn(before, executionId) ?? lookUpIn(current, executionId);
  if (found !== undefined) return found;
  const isNoted = before.places.has(executionId) || current.places.has(executionId);
  return isNoted ? { kind: 'settled' } : undefined;
}

function lookUpIn({ entries, places }: JournalPart, executionId: string): KnownExecution | undefined {
  const place = places.get(executionId) ?? null;
  if (place === null) return undefined;
  const entry = entries[place] as ExecutionEntry;
  const at = entry.versions.findIndex((version) => version.executionId === executionId);
  return {
    kind: 'kept',
    entry,
    version: entry.versions[at],
    isNewest: at === entry.versions.length - 1,
  };
}

/** Another id leads to the same execution from now on, for as long as this session is remembered. */
export function addExecutionId(journal: Journal, entry: ExecutionEntry, executionId: string): void {
  const { before, current } = journal;
  const place = current.entries.indexOf(entry);
  if (place >= 0) {
    current.places.set(executionId, place);
    return;
  }
  before.places.set(executionId, before.entries.indexOf(entry));
  current.places.set(executionId, null);
}

/**
 * Whether an execution that is not known may have been booked and forgotten: it traded before what is remembered began.
 */
export function isBeforeMemory(
  { before }: Journal,
  { tradeTimeUs }: Pick<Execution, 'tradeTimeUs'>,
): boolean {
  return tradeTimeUs < before.startedUs;
}

/** @returns the fee that was reported before the execution, which is then no longer kept */
export function takeEarlyFee({ before, current }: Journal, executionId: string): MoneyMicros | undefined {
  for (const { earlyFees } of [current, before]) {
    const feeMicros = earlyFees.get(executionId);
    if (feeMicros === undefined) continue;
    earlyFees.delete(executionId);
    return feeMicros;
  }
  return undefined;
}
