import { applyCorporateAction as bookCorporateAction } from '../domain/ledger-actions.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { applyCorporateAction as rebasePipeline } from '../pipeline/pipeline.ts';
import type { Engine } from './engine-state.ts';
import { learnFromTrip } from './learn.ts';
import { requestCancel } from './operator.ts';

/**
 * A split or a dividend at the open of its ex-date: books, marks and every window of the symbol move to the new terms,
 * so that equity is what it was and nothing sees a return where there was none. An order still working was made for
 * other shares: it is cancelled.
 */
export function applyCorporateAction(
  engine: Engine,
  { action, tUs }: Extract<InputEvent, { readonly type: 'CorporateActionApplied' }>,
  out: DerivedEvent[],
): void {
  const adjusted = bookCorporateAction(engine.ledger, action, tUs);
  const symbolIx = indexOfSymbol(engine.layout.symbols, action.symbol);
  rebasePipeline(engine.pipeline, symbolIx, action);
  for (const order of engine.orders.working) {
    if (order.symbolIx === symbolIx)
      requestCancel(order, { reason: 'corporate_action', nowUs: engine.nowUs }, out);
  }
  if (adjusted === undefined) return;
  const { shares, cashMicros, realizedMicros } = adjusted;
  const { symbol, kind: cause } = action;
  out.push({ type: 'PositionAdjusted', symbol, cause, shares, cashMicros, realizedMicros });
  if (adjusted.roundTrip !== undefined) learnFromTrip(engine.pipeline, symbolIx, adjusted.roundTrip, out);
}
