import { notionalMicros } from '../domain/money.ts';
import type { OrderStatus } from '../domain/orders.ts';
import type { TimeUs } from '../domain/units.ts';
import { integerField, objectField, payloadReader, stringField } from '../events/decode-fields.ts';
import type { OrderReport } from '../events/inputs.ts';
import type { TapeRecord } from '../events/record.ts';
import type { ColumnTypes, Row } from './parquet-table.ts';

/** One row an order, as it was decided and as it ended. Dollars and UTC. */
export const ORDER_COLUMNS = {
  client_order_id: 'text',
  decided: 'time',
  cycle: 'integer',
  symbol: 'text',
  side: 'text',
  type: 'text',
  time_in_force: 'text',
  quantity: 'integer',
  limit_price_usd: 'number?',
  purpose: 'text',
  reason: 'text',
  horizon: 'text?',
  status: 'text',
  ended: 'time?',
  filled_quantity: 'integer',
  mean_price_usd: 'number?',
  fees_usd: 'number',
  reject_reason: 'text?',
  reject_detail: 'text?',
} as const satisfies ColumnTypes;

type OrderRow = Row<typeof ORDER_COLUMNS>;

/** What is known when an order is decided. */
type Intended = Pick<
  OrderRow,
  | 'client_order_id'
  | 'decided'
  | 'cycle'
  | 'symbol'
  | 'side'
  | 'type'
  | 'time_in_force'
  | 'quantity'
  | 'limit_price_usd'
  | 'purpose'
  | 'reason'
  | 'horizon'
>;

/** An order while its reports come in. */
export interface OrderLine {
  readonly intended: Intended;
  status: OrderStatus;
  endedUs: TimeUs | undefined;
  filledQuantity: number;
  notionalMicros: number;
  feesMicros: number;
  rejectReason: string | undefined;
  rejectDetail: string | undefined;
}

/** Takes an OrderIntended record. @throws RecordInvalidError when it does not hold an order */
export function addOrder(orders: Map<string, OrderLine>, record: TapeRecord): void {
  const event = payloadReader(record);
  const order = objectField(event, 'order');
  const id = stringField(order, 'clientOrderId');
  orders.set(id, {
    intended: {
      client_order_id: id,
      decided: record.t,
      cycle: integerField(event, 'cycle'),
      symbol: stringField(order, 'symbol'),
      side: stringField(order, 'side'),
      type: stringField(order, 'type'),
      time_in_force: stringField(order, 'timeInForce'),
      quantity: integerField(order, 'quantity'),
      limit_price_usd: Object.hasOwn(order.object, 'limitPriceE4')
        ? integerField(order, 'limitPriceE4') / 1e4
        : undefined,
      purpose: stringField(order, 'purpose'),
      reason: stringField(event, 'reason'),
      horizon: Object.hasOwn(event.object, 'horizon') ? stringField(event, 'horizon') : undefined,
    },
    status: 'intended',
    endedUs: undefined,
    filledQuantity: 0,
    notionalMicros: 0,
    feesMicros: 0,
    rejectReason: undefined,
    rejectDetail: undefined,
  });
}

const STATUS: Readonly<Record<OrderReport['type'], OrderStatus>> = {
  OrderAccepted: 'accepted',
  OrderRejected: 'rejected',
  OrderPartiallyFilled: 'partially_filled',
  OrderFilled: 'filled',
  OrderCancelled: 'cancelled',
  OrderExpired: 'expired',
};

/** Takes a report; one on an order that was never intended here (by hand at the broker) is passed over. */
export function followOrder(orders: Map<string, OrderLine>, report: OrderReport): void {
  const id = 'execution' in report ? report.execution.clientOrderId : report.clientOrderId;
  const order = orders.get(id);
  if (order === undefined) return;
  // a repeated or late acceptance says nothing new
  if (report.type === 'OrderAccepted' && order.status !== 'intended') return;
  order.status = STATUS[report.type];
  if (report.type !== 'OrderAccepted' && report.type !== 'OrderPartiallyFilled') order.endedUs ??= report.tUs;
  if ('execution' in report) {
    const { priceE4, quantity, feeMicros } = report.execution;
    order.filledQuantity += quantity;
    order.notionalMicros += notionalMicros(priceE4, quantity);
    order.feesMicros += feeMicros;
  }
  if (report.type === 'OrderRejected') {
    order.rejectReason = report.reason;
    order.rejectDetail = report.detail;
  }
}

/** Takes an OrderDropped record: the broker did not have the order, and the books let go of it. */
export function dropOrder(orders: Map<string, OrderLine>, record: TapeRecord): void {
  const order = orders.get(stringField(payloadReader(record), 'clientOrderId'));
  if (order === undefined) return;
  order.status = 'cancelled';
  order.endedUs ??= record.t;
}

export function orderRow(order: OrderLine): OrderRow {
  const { filledQuantity } = order;
  return {
    ...order.intended,
    status: order.status,
    ended: order.endedUs,
    filled_quantity: filledQuantity,
    mean_price_usd: filledQuantity === 0 ? undefined : order.notionalMicros / filledQuantity / 1e6,
    fees_usd: order.feesMicros / 1e6,
    reject_reason: order.rejectReason,
    reject_detail: order.rejectDetail,
  };
}
