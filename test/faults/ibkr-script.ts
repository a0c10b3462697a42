import { createPrng } from '../../src/math/prng.ts';
import type { Fault, ReportKind } from '../twins/tws/faults.ts';

export type Step =
  | {
      readonly kind: 'order';
      readonly symbol: string;
      readonly side: 'buy' | 'sell';
      readonly type: 'market' | 'limit';
      readonly timeInForce: 'day' | 'ioc';
      readonly quantity: number;
      readonly limitPriceE4: number;
    }
  | { readonly kind: 'quote'; readonly symbol: string; readonly dollars: number; readonly size: number }
  /** Of the order of this number, if it is there. */
  | { readonly kind: 'cancel' | 'replace' | 'again'; readonly order: number }
  /** The process dies without a word, and another one takes its place. */
  | { readonly kind: 'restart' }
  | { readonly kind: 'wait'; readonly milliseconds: number };

export interface IbkrScript {
  readonly faults: readonly Fault[];
  readonly steps: readonly Step[];
}

const REPORTS: readonly ReportKind[] = ['openOrder', 'orderStatus', 'execDetails', 'commissionReport'];
const SYMBOLS = ['AAA', 'BBB', 'BRK.B'];

/** A script that depends on nothing but its seed and number. */
export function ibkrScript(seed: number, number: number): IbkrScript {
  const random = createPrng([seed, number, 'ibkr-faults']);
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  const oneOf = <T>(list: readonly T[]): T => list[whole(0, list.length - 1)]!;
  const faults = Array.from({ length: whole(1, 4) }, () => randomFault({ whole, oneOf }));
  const steps: Step[] = SYMBOLS.map((symbol) => ({ kind: 'quote', symbol, dollars: 10, size: 100_000 }));
  let orders = 0;
  for (let at = whole(6, 12); at > 0; at -= 1) {
    const draw = random();
    if (draw < 0.5) {
      steps.push({
        kind: 'order',
        symbol: oneOf(SYMBOLS),
        side: oneOf(['buy', 'sell']),
        type: oneOf(['market', 'limit', 'limit']),
        timeInForce: oneOf(['day', 'day', 'ioc']),
        quantity: whole(1, 300),
        limitPriceE4: whole(990, 1_010) * 100,
      });
      orders += 1;
    } else if (draw < 0.65) {
      const dollars = whole(9_900, 10_100) / 1000;
      steps.push({ kind: 'quote', symbol: oneOf(SYMBOLS), dollars, size: whole(1, 400) });
    } else if (draw < 0.8) steps.push({ kind: 'cancel', order: whole(0, orders) });
    else if (draw < 0.86) steps.push({ kind: 'replace', order: whole(0, orders) });
    else if (draw < 0.91) steps.push({ kind: 'again', order: whole(0, orders) });
    else if (draw < 0.94) steps.push({ kind: 'restart' });
    else steps.push({ kind: 'wait', milliseconds: whole(1, 30) });
  }
  return { faults, steps };
}

interface Draw {
  readonly whole: (least: number, most: number) => number;
  readonly oneOf: <T>(list: readonly T[]) => T;
}

function randomFault({ whole, oneOf }: Draw): Fault {
  const nth = whole(1, 5);
  const of = oneOf(REPORTS);
  const on = oneOf(['place', 'cancel', 'any'] as const);
  const milliseconds = whole(1, 25);
  const isIt = oneOf([true, false]);
  return oneOf<() => Fault>([
    () => ({ kind: 'duplicate', of, nth, times: whole(2, 3) }),
    () => ({ kind: 'drop', of, nth }),
    () => ({ kind: 'delay', of, nth, milliseconds }),
    () => ({ kind: 'reorder', of, nth }),
    () => ({ kind: 'disconnect', afterBytes: whole(0, 4_000) }),
    () => ({ kind: 'hang_up', on, nth: on === 'any' ? whole(1, 15) : nth, isTaken: isIt }),
    () => ({ kind: 'silence', on, nth: on === 'any' ? whole(1, 15) : nth }),
    () => ({ kind: 'partial', nth, shares: whole(1, 50) }),
    () => ({
      kind: 'reject',
      nth,
      code: oneOf([201, 201, 9_999]),
      hasBadDetails: oneOf([false, false, true]),
    }),
    () => ({ kind: 'late_fill', nth: 1, shares: whole(1, 20) }),
    () => ({ kind: 'split', pieceBytes: whole(1, 9), forBytes: whole(10, 2_000) }),
    () => ({ kind: 'slow_reader', nth: whole(1, 15), milliseconds }),
    () => ({ kind: 'rate', nth: whole(1, 15) }),
    () => ({ kind: 'link', nth: whole(2, 15), milliseconds, isDataKept: isIt }),
    () => ({ kind: 'duplicate_id', nth, isPlaced: isIt }),
    () => ({ kind: 'correct', nth, sharesDown: whole(0, 10), priceUpMicros: whole(0, 30) * 25 }),
    () => ({ kind: 'bust', nth }),
    () => ({ kind: 'late_commission', nth, milliseconds }),
    () => ({ kind: 'early_commission', nth }),
    () => ({ kind: 'no_status', nth }),
  ])();
}
