import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { trip } from '../pipeline/6-risk/kill-switch.ts';
import type { Engine } from './engine-state.ts';
import { stopExposure } from './operator.ts';

/**
 * Compares the books with what the broker says. Any difference is raised and stops new exposure, because sizes computed
 * from wrong books are wrong orders.
 */
export function reconcile(
  engine: Engine,
  snapshot: Extract<InputEvent, { readonly type: 'BrokerSnapshot' }>,
  out: DerivedEvent[],
): void {
  out.push({ type: 'ReconciliationStarted' });
  const differences = differencesOf(engine, snapshot);
  for (const difference of differences) {
    const { item, ours, theirs, symbol } = difference;
    out.push({ type: 'ReconciliationMismatched', ...difference });
    const unit = item === 'cash' ? 'micro-dollars' : 'shares';
    const message = `${item}: engine ${ours}, broker ${theirs} ${unit}`;
    const error = { type: 'ErrorRaised', code: 'RECONCILIATION_MISMATCHED', message } as const;
    out.push(symbol === undefined ? error : { ...error, symbol });
  }
  out.push({ type: 'ReconciliationEnded', mismatches: differences.length });
  if (differences.length > 0) {
    stopExposure(engine, trip(engine.kill, 'order_state', { value: differences.length, limit: 0 }), out);
  }
}

type Difference = Omit<Extract<DerivedEvent, { readonly type: 'ReconciliationMismatched' }>, 'type'>;

/** Cash first, then the universe in its order, then what the broker holds besides. */
function differencesOf(
  { layout, ledger }: Engine,
  { cashMicros, positions }: Extract<InputEvent, { readonly type: 'BrokerSnapshot' }>,
): readonly Difference[] {
  const { symbols } = layout;
  const found: Difference[] = [];
  if (cashMicros !== ledger.cashMicros) {
    found.push({ item: 'cash', ours: ledger.cashMicros, theirs: cashMicros });
  }
  for (let i = 0; i < symbols.length; i += 1) {
    const symbol = symbols[i];
    const theirs = Object.hasOwn(positions, symbol) ? positions[symbol] : 0;
    const ours = ledger.shares[i];
    if (ours !== theirs) found.push({ item: 'position', ours, theirs, symbol });
  }
  for (const symbol of Object.keys(positions)) {
    if (indexOfSymbol(symbols, symbol) < 0) {
      found.push({ item: 'position', ours: 0, theirs: positions[symbol], symbol });
    }
  }
  return found;
}
