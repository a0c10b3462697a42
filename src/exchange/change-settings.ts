import { carrySettings } from '../domain/carry-settings.ts';
import { changedSettings, type SettingChanges } from '../domain/setting-changes.ts';
import { forgetClaims } from './buying-power.ts';
import { feeDueMicros } from './fees.ts';
import { createExchange, type ExchangeState } from './state.ts';

const SECTION = 'exchange.';

/**
 * Puts changed settings of the exchange in force, from the next order and bar on; those of others are passed over.
 * Working orders stay. What they still fill is charged as if the fills so far had been charged by the new fees, too.
 */
export function changeSettings(state: ExchangeState, changes: SettingChanges): void {
  const ours = Object.entries(changes).filter(([key]) => key.startsWith(SECTION));
  const { exchange } = changedSettings({ exchange: state.settings }, Object.fromEntries(ours));
  const universe = { symbols: state.symbols, initialCashMicros: 0 };
  carrySettings(state, {
    before: createExchange(state.settings, universe),
    after: createExchange(exchange, universe),
  });
  for (const order of state.working) {
    const shares = order.request.quantity - order.leavesQuantity;
    order.feesMicros = feeDueMicros(exchange.fee, { shares, notionalMicros: order.filledNotionalMicros });
  }
  forgetClaims(state);
}
