import type { MoneyMicros, TimeUs } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import { INPUT_TYPES, type InputEvent } from '../events/inputs.ts';
import type { TapeRecord } from '../events/record.ts';
import type { RunIdentity } from '../modes/run-identity.ts';
import {
  collectDerived,
  collectInput,
  createRunCollector,
  currentEquityMicros,
  type RunCollector,
} from '../report/collect.ts';
import { createDrawdown, type Drawdown, ratio, updateDrawdown } from '../report/measures.ts';

/** What one of two runs came to from a cycle on, and how the other compares. */
export interface ForkSide {
  readonly finalEquityMicros: MoneyMicros;
  readonly pnlMicros: MoneyMicros;
  /** Fraction of the highest equity since the cycle. */
  readonly maxDrawdownFrac: number;
  readonly orders: number;
  readonly fills: number;
  /** Borrow fees included. */
  readonly feesMicros: MoneyMicros;
  readonly tradedMicros: MoneyMicros;
  /** Traded value as a multiple of the mean equity; null without a cycle. */
  readonly turnover: number | null;
}

/** Gathers a run, and from a mark on what it comes to. */
export interface SideCollector {
  readonly collector: RunCollector;
  mark: { readonly totals: Totals; readonly drawdown: Drawdown } | undefined;
  lastTUs: TimeUs;
}

interface Totals {
  readonly orders: number;
  readonly fills: number;
  readonly feesMicros: MoneyMicros;
  readonly tradedMicros: MoneyMicros;
  readonly equityMicros: MoneyMicros;
  readonly equitySumMicros: number;
  readonly cycles: number;
}

export function createSide({ layout, settings }: RunIdentity): SideCollector {
  const { initialCashMicros } = settings;
  const collector = createRunCollector({ symbols: layout.symbols, initialCashMicros });
  return { collector, mark: undefined, lastTUs: 0 };
}

/** Takes the next record of a tape. */
export function collectRecord(side: SideCollector, record: TapeRecord, decode: () => InputEvent): void {
  const { type, t, payload } = record;
  if (INPUT_TYPES.has(type)) collectInputOf(side, decode());
  // what is counted of these is plain in their payload
  else if (type === 'OrderIntended' || type === 'CycleCompleted')
    collectDerivedOf(side, { type, ...payload } as unknown as DerivedEvent, t);
}

export function collectInputOf(side: SideCollector, event: InputEvent): void {
  side.lastTUs = event.tUs;
  collectInput(side.collector, event);
  if (event.type !== 'SessionClosed' || side.mark === undefined) return;
  updateDrawdown(side.mark.drawdown, {
    equityMicros: currentEquityMicros(side.collector),
    tUs: event.tUs,
  });
}

export function collectDerivedOf(side: SideCollector, event: DerivedEvent, tUs: TimeUs): void {
  collectDerived(side.collector, event, tUs);
  if (event.type !== 'CycleCompleted' || side.mark === undefined) return;
  updateDrawdown(side.mark.drawdown, { equityMicros: event.equityMicros, tUs });
}

/** From here on it counts. */
export function markSide(side: SideCollector): void {
  const totals = totalsOf(side);
  const { equityMicros } = totals;
  side.mark = { totals, drawdown: createDrawdown({ equityMicros, tUs: side.lastTUs }) };
}

export function sideOf(side: SideCollector): ForkSide {
  const now = totalsOf(side);
  const then = side.mark?.totals ?? now;
  const cycles = now.cycles - then.cycles;
  const tradedMicros = now.tradedMicros - then.tradedMicros;
  return {
    finalEquityMicros: now.equityMicros,
    pnlMicros: now.equityMicros - then.equityMicros,
    maxDrawdownFrac: side.mark?.drawdown.maxFrac ?? 0,
    orders: now.orders - then.orders,
    fills: now.fills - then.fills,
    feesMicros: now.feesMicros - then.feesMicros,
    tradedMicros,
    turnover:
      cycles === 0 ? null : ratio(tradedMicros, (now.equitySumMicros - then.equitySumMicros) / cycles),
  };
}

function totalsOf({ collector }: SideCollector): Totals {
  const { orders, ledger, tradedMicros, equitySumMicros, cycles } = collector;
  return {
    orders: orders.intended,
    fills: orders.fills,
    feesMicros: ledger.feesMicros + ledger.borrowFeesMicros,
    tradedMicros,
    equityMicros: currentEquityMicros(collector),
    equitySumMicros,
    cycles,
  };
}
