import type { TwinExecution, TwinOrder } from './books.ts';
import { decimal } from './decimal.ts';

type Field = string | number;

/** Messages of the gateway at server version 193, by the layout the client's decoder reads. */
const CONTRACT_ID = 1000;

function contractFields(symbol: string): Field[] {
  return [CONTRACT_ID, symbol, 'STK', '', 0, '', '', 'SMART', 'USD', symbol, symbol];
}

const empty = (count: number): Field[] => Array<Field>(count).fill('');
const zeros = (count: number): Field[] => Array<Field>(count).fill(0);

function orderHead(order: TwinOrder): Field[] {
  const limit = order.limitPriceMicros === undefined ? '' : decimal(order.limitPriceMicros, 6);
  return [
    ...contractFields(order.symbol),
    order.side === 'buy' ? 'BUY' : 'SELL',
    order.quantity,
    order.orderType,
    limit,
    '', // auxiliary price
    order.timeInForce,
    '', // OCA group
    order.account,
    '', // open or close
    0, // origin
    order.orderRef,
  ];
}

export function openOrder(order: TwinOrder): Field[] {
  return [
    5,
    order.orderId,
    ...orderHead(order),
    order.clientId,
    order.permId,
    ...zeros(3), // outside hours, hidden, discretionary amount
    ...empty(2), // good after time, shares allocation
    ...empty(3), // advisor group, method, percentage
    ...empty(3), // model, good till date, rule 80A
    ...empty(2), // percent offset, settling firm
    ...[0, '', -1], // short sale slot, location, exempt code
    0, // auction strategy
    ...empty(5), // box and range prices
    '', // display size
    ...zeros(3), // block, sweep to fill, all or none
    '', // minimum quantity
    ...zeros(3), // OCA type, electronic only, firm quote only
    '', // price cap
    ...zeros(2), // parent, trigger method
    ...['', 0, '', ''], // volatility orders
    ...zeros(2), // continuous update, reference price
    ...empty(2), // trail stop price and percent
    ...empty(2), // basis points
    ...['', 0, 0, 0], // combo legs and routing
    ...empty(3), // scale
    '', // hedge
    0, // opt out of smart routing
    ...empty(2), // clearing
    ...zeros(2), // not held, delta neutral
    '', // algorithm
    ...zeros(2), // solicited, what if
    order.status,
    ...empty(9), // margins
    ...empty(3), // commissions
    ...empty(2), // currency, warning
    ...zeros(3), // randomize size and price, conditions
    ...empty(7), // adjusted order type and prices
    0, // trailing unit
    ...empty(3), // soft dollar tier
    '', // cash quantity
    ...zeros(4), // hedge price, container, discretionary limit, price management
    0, // duration
    '', // post to ATS
    0, // cancel with parent
    ...empty(5), // peg offsets
    '', // customer
    ...[0, '', 0], // professional, accrued interest, overnight
    ...empty(2), // operator, manual
  ];
}

export function completedOrder(order: TwinOrder): Field[] {
  return [
    101,
    ...orderHead(order),
    order.permId,
    ...zeros(3), // outside hours, hidden, discretionary amount
    '', // good after time
    ...empty(3), // advisor group, method, percentage
    ...empty(3), // model, good till date, rule 80A
    ...empty(2), // percent offset, settling firm
    ...[0, '', -1], // short sale slot, location, exempt code
    ...empty(5), // box and range prices
    '', // display size
    ...zeros(2), // sweep to fill, all or none
    '', // minimum quantity
    ...zeros(2), // OCA type, trigger method
    ...['', 0, '', ''], // volatility orders
    ...zeros(2), // continuous update, reference price
    ...empty(2), // trail stop price and percent
    ...['', 0, 0, 0], // combo legs and routing
    ...empty(3), // scale
    '', // hedge
    ...empty(2), // clearing
    ...zeros(2), // not held, delta neutral
    '', // algorithm
    0, // solicited
    order.status,
    ...zeros(3), // randomize size and price, conditions
    ...empty(2), // trail stop price, limit offset
    '', // cash quantity
    ...zeros(2), // hedge price, container
    '', // cancel date
    order.filled,
    ...[0, 0, '', 0, 0, 0], // futures, parent cancel, shareholder, imbalance, routing, parent
    '', // time
    order.completedStatus,
    ...empty(5), // peg offsets
    '', // customer
    0, // professional
  ];
}

export function orderStatus(order: TwinOrder, whyHeld = ''): Field[] {
  const remaining = Math.max(0, order.quantity - order.filled);
  return [
    3,
    order.orderId,
    order.status,
    order.filled,
    remaining,
    0,
    order.permId,
    0,
    0,
    order.clientId,
    whyHeld,
    0,
  ];
}

export function executionData(execution: TwinExecution, requestId: number): Field[] {
  const { order } = execution;
  return [
    11,
    requestId,
    order.orderId,
    ...contractFields(order.symbol),
    execution.id,
    execution.time,
    order.account,
    'SMART',
    order.side === 'buy' ? 'BOT' : 'SLD',
    execution.shares,
    decimal(execution.priceMicros, 6),
    order.permId,
    order.clientId,
    0, // liquidation
    order.filled,
    0, // average price
    order.orderRef,
    ...['', '', ''], // economic value rule, multiplier, model
    ...[1, 0], // liquidity, price revision pending
  ];
}

export function commissionReport(execution: TwinExecution): Field[] {
  return [
    59,
    1,
    execution.id,
    decimal(execution.commissionMicros, 6),
    'USD',
    '1.7976931348623157E308',
    0,
    '',
  ];
}

export const errorMessage = (id: number, code: number, text: string, details = ''): Field[] => [
  4,
  2,
  id,
  code,
  text,
  details,
];
export const managedAccounts = (accounts: readonly string[]): Field[] => [15, 1, accounts.join(',')];
export const nextValidId = (orderId: number): Field[] => [9, 1, orderId];
export const openOrderEnd = (): Field[] => [53, 1];
export const completedOrdersEnd = (): Field[] => [102];
export const executionsEnd = (requestId: number): Field[] => [55, 1, requestId];
export const currentTime = (seconds: number): Field[] => [49, 1, seconds];
export const position = (account: string, symbol: string, shares: number): Field[] => [
  61,
  3,
  account,
  ...contractFields(symbol),
  shares,
  0,
];
export const positionEnd = (): Field[] => [62, 1];
export const accountSummary = (requestId: number, account: string, tag: string, value: string): Field[] => [
  63,
  1,
  requestId,
  account,
  tag,
  value,
  'USD',
];
export const accountSummaryEnd = (requestId: number): Field[] => [64, 1, requestId];
