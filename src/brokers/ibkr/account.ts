import { compareCodeUnits } from '../../domain/compare.ts';
import { ServiceError } from '../../domain/errors.ts';
import { holdingsOf } from '../../domain/odd-holdings.ts';
import type { Shares } from '../../domain/units.ts';
import { partedShares } from './amounts.ts';
import type { Ask } from './asks.ts';
import type { OrderFact } from './facts.ts';
import type { Look } from './order-progress.ts';
import type { IbkrSession } from './session.ts';

const SUMMARY_TAGS = 'TotalCashValue,NetLiquidation';

/** Our own client's open orders: asking for them also has their reports sent to this connection. */
export function askOwnOrders(): Ask<void> {
  return {
    what: 'its open orders of ours',
    send: (gateway) => gateway.askOpenOrders(),
    take: ({ kind }) => kind === 'orders_end',
    answer: () => undefined,
  };
}

/**
 * Open orders of all clients, completed orders and executions, asked for together.
 * @param begin gives the look its number when it is sent, not when it is asked for
 */
export function look(session: IbkrSession, begin: () => number): Promise<Look> {
  const open: OrderFact[] = [];
  const completed: OrderFact[] = [];
  const missing = new Set(['orders_end', 'completed_end', 'executions_end']);
  let number = 0;
  return session.ask({
    what: 'its lists of orders and executions',
    messages: 3,
    send: (gateway, requestId) => {
      number = begin();
      gateway.askAllOpenOrders();
      gateway.askCompletedOrders();
      gateway.askExecutions(requestId, session.account);
    },
    take: (event, requestId) => {
      if (event.kind === 'order' && missing.has('orders_end')) open.push(event.order);
      if (event.kind === 'completed') completed.push(event.order);
      if (event.kind !== 'executions_end' || event.requestId === requestId) missing.delete(event.kind);
      return missing.size === 0;
    },
    answer: () => ({ number, open, completed }),
  });
}

export function askPositions(account: string): Ask<Readonly<Record<string, Shares>>> {
  const held = new Map<string, number>();
  return {
    what: 'its positions',
    messages: 2,
    send: (gateway) => gateway.askPositions(),
    take: (event) => {
      if (event.kind === 'position' && event.account === account) held.set(event.symbol, event.shares);
      return event.kind === 'positions_end';
    },
    answer: () => {
      const all = [...held].flatMap(([symbol, shares]) => holdingsOf(symbol, partedShares(shares)));
      return Object.fromEntries(all.sort(([a], [b]) => compareCodeUnits(a, b)));
    },
    after: (gateway) => gateway.endPositions(),
  };
}

/** One amount of the account, as the wire wrote it. @throws ServiceError when it is not there or not in dollars */
export function askSummary(tag: string, account: string): Ask<string> {
  let found: { readonly value: string; readonly currency: string } | undefined;
  return {
    what: 'the account',
    messages: 2,
    send: (gateway, requestId) => gateway.askSummary(requestId, SUMMARY_TAGS),
    take: (event, requestId) => {
      if (event.kind === 'summary' && event.requestId === requestId && event.account === account) {
        if (event.tag === tag) found = { value: event.value, currency: event.currency };
      }
      return event.kind === 'summary_end' && event.requestId === requestId;
    },
    answer: () => {
      if (found?.currency === 'USD') return found.value;
      const shown = found === undefined ? `no ${tag}` : `${tag} in ${found.currency}`;
      throw new ServiceError('IBKR_ACCOUNT_VALUE', `the IBKR gateway gave ${shown}; books are kept in USD`, {
        retryable: found === undefined,
      });
    },
    after: (gateway, requestId) => gateway.endSummary(requestId),
  };
}
