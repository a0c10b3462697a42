import type { Side } from '../../domain/orders.ts';
import type { MoneyMicros, PriceE4, Shares, TimeUs } from '../../domain/units.ts';

/** Who an order is, as far as a message says. `permId` is the account's, `orderId` a client's own. */
export interface OrderKey {
  /** The order's orderRef; empty where it has none. */
  readonly clientOrderId: string;
  readonly orderId: number;
  readonly clientId: number | undefined;
  /** 0 where it is not known yet. */
  readonly permId: number;
}

export interface OrderFact extends OrderKey {
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Shares;
  readonly limitPriceE4: PriceE4 | undefined;
  readonly orderType: string;
  readonly timeInForce: string;
  readonly status: string;
  /** Set on completed orders only. */
  readonly completedStatus: string | undefined;
}

export interface StatusFact {
  readonly orderId: number;
  readonly clientId: number | undefined;
  readonly permId: number;
  readonly status: string;
  readonly filled: Shares;
  readonly whyHeld: string;
}

export interface ExecutionFact extends OrderKey {
  readonly executionId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly shares: Shares;
  readonly priceMicros: MoneyMicros;
  readonly tradeTimeUs: TimeUs;
}

/** What the gateway says, read and checked. */
export type GatewayEvent =
  | { readonly kind: 'accounts'; readonly accounts: readonly string[] }
  | { readonly kind: 'next_id'; readonly orderId: number }
  | { readonly kind: 'order'; readonly order: OrderFact }
  | { readonly kind: 'orders_end' }
  | { readonly kind: 'completed'; readonly order: OrderFact }
  | { readonly kind: 'completed_end' }
  | { readonly kind: 'status'; readonly status: StatusFact }
  | {
      readonly kind: 'execution';
      readonly account: string;
      readonly isListed: boolean;
      readonly execution: ExecutionFact;
    }
  | { readonly kind: 'executions_end'; readonly requestId: number }
  | { readonly kind: 'commission'; readonly executionId: string; readonly commissionMicros: MoneyMicros }
  | {
      readonly kind: 'position';
      readonly account: string;
      readonly symbol: string;
      /** Perhaps with a part of a share. */
      readonly shares: number;
    }
  | { readonly kind: 'positions_end' }
  | {
      readonly kind: 'summary';
      readonly requestId: number;
      readonly account: string;
      readonly tag: string;
      readonly value: string;
      readonly currency: string;
    }
  | { readonly kind: 'summary_end'; readonly requestId: number }
  | { readonly kind: 'time' }
  /** An error or a piece of information: `id` is an order's, a request's, or absent. */
  | {
      readonly kind: 'message';
      readonly id: number | undefined;
      readonly code: number;
      readonly text: string;
    };
