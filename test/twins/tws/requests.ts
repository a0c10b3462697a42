import type { NewOrder } from './books.ts';
import { micros } from './decimal.ts';

/** What a client asks for, by the layout its encoder writes at server version 193. */
export type Request =
  | { readonly kind: 'start'; readonly clientId: number }
  | { readonly kind: 'place'; readonly order: Omit<NewOrder, 'clientId'> }
  | { readonly kind: 'cancel'; readonly orderId: number }
  | { readonly kind: 'own_orders' }
  | { readonly kind: 'all_orders' }
  | { readonly kind: 'completed_orders' }
  | { readonly kind: 'executions'; readonly requestId: number; readonly account: string }
  | { readonly kind: 'positions' }
  | { readonly kind: 'summary'; readonly requestId: number; readonly tags: readonly string[] }
  | { readonly kind: 'time' }
  | { readonly kind: 'ids' }
  /** The end of a subscription; nothing follows. */
  | { readonly kind: 'end' };

export function readRequest(fields: readonly string[]): Request {
  switch (Number(fields[0])) {
    case 71:
      return { kind: 'start', clientId: Number(fields[2]) };
    case 3:
      return { kind: 'place', order: readOrder(fields) };
    case 4:
      return { kind: 'cancel', orderId: Number(fields[1]) };
    case 5:
      return { kind: 'own_orders' };
    case 16:
      return { kind: 'all_orders' };
    case 99:
      return { kind: 'completed_orders' };
    case 7:
      return { kind: 'executions', requestId: Number(fields[2]), account: fields[4]! };
    case 61:
      return { kind: 'positions' };
    case 62:
      return { kind: 'summary', requestId: Number(fields[2]), tags: fields[4]!.split(',') };
    case 49:
      return { kind: 'time' };
    case 8:
      return { kind: 'ids' };
    case 63:
    case 64:
      return { kind: 'end' };
    default:
      throw new Error(`the twin knows no request ${fields[0]}`);
  }
}

function readOrder(fields: readonly string[]): Omit<NewOrder, 'clientId'> {
  const limit = fields[19]!;
  const action = fields[16];
  if (action !== 'BUY' && action !== 'SELL') throw new Error(`the twin knows no action ${action}`);
  if (fields[4] !== 'STK' || fields[9] !== 'SMART' || fields[11] !== 'USD') {
    throw new Error(`the twin trades stocks in dollars, not ${fields[4]} on ${fields[9]} in ${fields[11]}`);
  }
  return {
    orderId: Number(fields[1]),
    symbol: fields[3]!,
    side: action === 'BUY' ? 'buy' : 'sell',
    quantity: Number(fields[17]),
    orderType: fields[18]!,
    limitPriceMicros: limit === '' ? undefined : micros(limit),
    timeInForce: fields[21]!,
    account: fields[23]!,
    orderRef: fields[26]!,
  };
}
