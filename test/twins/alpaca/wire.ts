import { decimalText, timeText } from '../../../src/net/wire-text.ts';
import type { TwinBook, TwinExecution, TwinOrder, TwinUpdate } from './book.ts';

/** Orders, reports and the account in the shapes that Alpaca documents. */

export function orderJson(order: TwinOrder, executions: readonly TwinExecution[]): Record<string, unknown> {
  const own = executions.filter((one) => one.order.id === order.id && one.cumulative <= order.filled);
  const spent = own.reduce((sum, { priceE4, quantity }) => sum + priceE4 * quantity, 0);
  const submitted = timeText(order.submittedUs);
  return {
    id: order.id,
    client_order_id: order.clientOrderId,
    created_at: submitted,
    submitted_at: submitted,
    asset_class: 'us_equity',
    symbol: order.symbol,
    notional: null,
    qty: String(order.quantity),
    filled_qty: String(order.filled),
    filled_avg_price: order.filled === 0 ? null : decimalText(Math.round(spent / order.filled), 4),
    order_class: '',
    order_type: order.type,
    type: order.type,
    side: order.side,
    time_in_force: order.timeInForce,
    limit_price: order.limitE4 === undefined ? null : decimalText(order.limitE4, 4),
    stop_price: null,
    status: order.status,
    extended_hours: false,
    legs: null,
    replaced_by: order.replacedBy ?? null,
    replaces: order.replaces ?? null,
  };
}

export function updateJson(
  update: TwinUpdate,
  executions: readonly TwinExecution[],
): Record<string, unknown> {
  const { event, order, execution, tUs, positionQuantity } = update;
  return {
    stream: 'trade_updates',
    data: {
      event,
      timestamp: timeText(execution?.tUs ?? tUs),
      order: orderJson(order, executions),
      execution_id: execution?.executionId ?? `${order.id}:${event}`,
      ...(execution === undefined
        ? {}
        : {
            price: decimalText(execution.priceE4, 4),
            qty: String(execution.quantity),
            position_qty: String(positionQuantity),
          }),
    },
  };
}

export function activityJson(execution: TwinExecution): Record<string, unknown> {
  const { order, quantity, cumulative } = execution;
  const time = timeText(execution.tUs);
  // to the millisecond, as the list has it
  const stamp = time.replace(/[-T:.Z]/g, '').slice(0, 17);
  return {
    id: `${stamp}::${execution.executionId}`,
    activity_type: 'FILL',
    transaction_time: `${time.slice(0, 23)}Z`,
    type: cumulative === order.quantity ? 'fill' : 'partial_fill',
    price: decimalText(execution.priceE4, 4),
    qty: String(quantity),
    side: order.side,
    symbol: order.symbol,
    leaves_qty: String(order.quantity - cumulative),
    cum_qty: String(cumulative),
    order_id: order.id,
    order_status: order.status,
  };
}

export function accountJson(book: TwinBook): Record<string, unknown> {
  const cash = decimalText(book.cashMicros, 6);
  return {
    id: '904837e3-3b76-47ec-b432-046db621571b',
    account_number: 'PA3TWIN00001',
    status: 'ACTIVE',
    currency: 'USD',
    cash,
    equity: decimalText(book.cashMicros + marketValueMicros(book), 6),
    buying_power: cash,
    trading_blocked: false,
    account_blocked: false,
    trade_suspended_by_user: false,
  };
}

function marketValueMicros(book: TwinBook): number {
  return Object.entries(book.positions()).reduce(
    (sum, [symbol, shares]) => sum + shares * (book.quote(symbol)?.bidE4 ?? 0) * 100,
    0,
  );
}

export function positionsJson(book: TwinBook): Record<string, unknown>[] {
  return Object.entries(book.positions()).map(([symbol, shares]) => ({
    symbol,
    qty: String(shares),
    side: shares < 0 ? 'short' : 'long',
    asset_class: 'us_equity',
    current_price: decimalText(book.quote(symbol)?.bidE4 ?? 0, 4),
  }));
}
