import type { CorporateAction } from '../domain/corporate-actions.ts';
import type { MarketSlice, Session } from '../domain/market-table.ts';
import { universeIndexOf } from '../domain/marks.ts';
import type { OrderRequest } from '../domain/orders.ts';
import type { SettingChanges } from '../domain/setting-changes.ts';
import type { TimeUs } from '../domain/units.ts';
import type { BrokerReport, BrokerSnapshot, InputEvent } from '../events/inputs.ts';
import { changeSettings } from '../exchange/change-settings.ts';
import * as exchange from '../exchange/exchange.ts';
import type { ExchangeState } from '../exchange/state.ts';

/**
 * Where order intents go and reports come from, answering at once. The simulated exchange is one; what it answers is
 * a function of its state and the tape, so a replay asks it again and compares.
 */
export interface Venue {
  /** Starts the session. @returns charges for the nights before it */
  openSession(session: Session): readonly InputEvent[];
  /** Takes a corporate action to the venue's books: reports on orders that it ends. */
  applyCorporateAction(action: CorporateAction, tUs: TimeUs): readonly BrokerReport[];
  /** Ends the session: reports on orders that do not outlive it, then the account as the venue has it. */
  closeSession(tUs: TimeUs): readonly InputEvent[];
  applySlice(slice: MarketSlice, tUs: TimeUs): readonly BrokerReport[];
  submit(order: OrderRequest, tUs: TimeUs): readonly BrokerReport[];
  cancel(clientOrderId: string, tUs: TimeUs): readonly BrokerReport[];
  /** Puts changed settings in force. */
  changeSettings(changes: SettingChanges): void;
  /** The account as the venue has it now. */
  account(tUs: TimeUs): BrokerSnapshot;
}

export function simulatedVenue(state: ExchangeState): Venue {
  const account = (tUs: TimeUs): BrokerSnapshot => ({
    type: 'BrokerSnapshot',
    tUs,
    ...exchange.accountSnapshot(state),
  });
  return {
    account,
    openSession: (session) => exchange.openSession(state, session),
    applyCorporateAction: (action, tUs) => exchange.applyCorporateAction(state, action, tUs),
    closeSession: (tUs) => [...exchange.closeSession(state, tUs), account(tUs)],
    applySlice: (slice, tUs) =>
      exchange.applySlice(state, slice, universeIndexOf(state.symbols, slice.table.symbols), tUs),
    submit: (order, tUs) => exchange.submitOrder(state, order, tUs),
    changeSettings: (changes) => changeSettings(state, changes),
    cancel: (clientOrderId, tUs) => exchange.cancelOrder(state, clientOrderId, tUs),
  };
}
