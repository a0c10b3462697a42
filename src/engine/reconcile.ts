import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { trip } from '../pipeline/6-risk/kill-switch.ts';
import type { Engine } from './engine-state.ts';
import { stopExposure } from './operator.ts';

/**
 * Compares the books with what the broker says. Equal books say nothing; any difference is raised and stops new
 * exposure, because sizes computed from wrong books are wrong orders.
 */
export function reconcile(
  engine: Engine,
  snapshot: Extract<InputEvent, { readonly type: 'BrokerSnapshot' }>,
  out: DerivedEvent[],
): void {
  const before = out.length;
  const { symbols } = engine.layout;
  if (snapshot.cashMicros !== engine.ledger.cashMicros) {
    raise(
      `cash: engine ${engine.ledger.cashMicros}, broker ${snapshot.cashMicros} micro-dollars`,
      undefined,
      out,
    );
  }
  for (let i = 0; i < symbols.length; i += 1) {
    const theirs = Object.hasOwn(snapshot.positions, symbols[i]) ? snapshot.positions[symbols[i]] : 0;
    const ours = engine.ledger.shares[i];
    if (ours !== theirs) raise(`position: engine ${ours}, broker ${theirs} shares`, symbols[i], out);
  }
  for (const symbol of Object.keys(snapshot.positions)) {
    if (!symbols.includes(symbol)) {
      raise(`position: broker holds ${snapshot.positions[symbol]} shares outside the universe`, symbol, out);
    }
  }
  if (out.length > before) {
    stopExposure(engine, trip(engine.kill, 'order_state', { value: out.length - before, limit: 0 }), out);
  }
}

function raise(message: string, symbol: string | undefined, out: DerivedEvent[]): void {
  const base = { type: 'ErrorRaised', code: 'RECONCILIATION_MISMATCHED', message } as const;
  out.push(symbol === undefined ? base : { ...base, symbol });
}
