import type { OrderRequest } from '../../src/domain/orders.ts';
import { createPrng } from '../../src/math/prng.ts';
import type { TwinFault } from '../twins/alpaca/faults.ts';

/** What a client does in one script, and what the market does meanwhile. */
export type Action =
  | { readonly kind: 'submit'; readonly order: OrderRequest }
  | { readonly kind: 'cancel'; readonly clientOrderId: string }
  | { readonly kind: 'replace'; readonly clientOrderId: string; readonly limitPriceE4: number }
  | { readonly kind: 'quote'; readonly symbol: string; readonly bidE4: number; readonly size: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'wait'; readonly ms: number };

export interface Plan {
  readonly actions: readonly Action[];
  readonly faults: readonly TwinFault[];
  /** Whether the twin would take a client id twice. */
  readonly acceptsUsedIds: boolean;
}

export const SYMBOLS = ['AAA', 'BBB'] as const;
export const MID_E4 = 1_000_000;

const KINDS = ['submit', 'submit', 'submit', 'cancel', 'replace', 'quote', 'wait', 'drop'] as const;

/** The n-th plan of a seed: always the same. */
export function planOf(seed: number, n: number): Plan {
  const random = createPrng(['alpaca-faults', seed, n]);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)];
  const actions: Action[] = [];
  const ids: string[] = [];
  for (let step = 6 + below(10); step > 0; step--) {
    const kind = ids.length === 0 ? 'submit' : pick(KINDS);
    actions.push(actionOf(kind, { n, below, pick, ids }));
  }
  return {
    actions,
    faults: Array.from({ length: 1 + below(6) }, () => faultOf({ below, pick })),
    acceptsUsedIds: below(2) === 0,
  };
}

interface Draw {
  readonly below: (limit: number) => number;
  readonly pick: <T>(from: readonly T[]) => T;
}

function actionOf(
  kind: Action['kind'],
  { n, below, pick, ids }: Draw & { readonly n: number; readonly ids: string[] },
): Action {
  switch (kind) {
    case 'submit': {
      const clientOrderId = `script${n}-${ids.length}`;
      ids.push(clientOrderId);
      return { kind, order: orderOf(clientOrderId, { below, pick }) };
    }
    case 'cancel':
      return { kind, clientOrderId: pick(ids) };
    case 'replace':
      return { kind, clientOrderId: pick(ids), limitPriceE4: MID_E4 + (below(9) - 4) * 1_000 };
    case 'quote':
      return { kind, symbol: pick(SYMBOLS), bidE4: MID_E4 + (below(9) - 4) * 1_000, size: 10 + below(200) };
    case 'drop':
      return { kind };
    case 'wait':
      return { kind, ms: 1 + below(12) };
  }
}

function orderOf(clientOrderId: string, { below, pick }: Draw): OrderRequest {
  const isMarket = below(4) === 0;
  return {
    clientOrderId,
    symbol: pick(SYMBOLS),
    side: below(3) === 0 ? 'sell' : 'buy',
    type: isMarket ? 'market' : 'limit',
    timeInForce: below(3) === 0 ? 'ioc' : 'day',
    quantity: 10 + below(200),
    ...(isMarket ? {} : { limitPriceE4: MID_E4 + (below(9) - 4) * 1_000 }),
    purpose: 'open',
  };
}

function faultOf({ below, pick }: Draw): TwinFault {
  switch (below(8)) {
    case 0:
    case 1:
    case 2:
      return { on: 'update', nth: below(25), do: updateFault({ below, pick }) };
    case 3:
    case 4:
      return {
        on: pick(['order', 'cancel', 'lookup', 'question'] as const),
        nth: below(6),
        do: requestFault({ below, pick }),
      };
    case 5:
      return { on: 'order', nth: below(5), do: requestFault({ below, pick }) };
    case 6:
      return below(2) === 0
        ? { on: 'place', nth: below(6), do: { kind: 'reject' } }
        : { on: 'cancelled', nth: below(3), do: { kind: 'late_fill', quantity: 1 + below(50) } };
    default:
      return { on: 'fill', nth: below(5), do: { kind: 'pieces', count: 2 + below(4) } };
  }
}

function updateFault({ below, pick }: Draw): Extract<TwinFault, { readonly on: 'update' }>['do'] {
  const kind = pick([
    ...(['drop', 'duplicate', 'replay', 'reorder', 'split', 'garbage'] as const),
    ...(['delay', 'stall', 'disconnect'] as const),
  ]);
  if (kind === 'delay' || kind === 'stall') return { kind, ms: 1 + below(20) };
  return kind === 'disconnect' ? { kind, atByte: below(700) } : { kind };
}

function requestFault({ below, pick }: Draw): Extract<TwinFault, { readonly on: 'order' }>['do'] {
  const kind = pick([
    ...(['error_before', 'error_after', 'too_many', 'silence_before', 'silence_after'] as const),
    ...(['cut_before', 'cut_after'] as const),
  ]);
  return kind === 'cut_before' || kind === 'cut_after' ? { kind, atByte: below(400) } : { kind };
}
