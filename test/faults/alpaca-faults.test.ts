import { describe, expect, it } from 'vitest';
import type { RequestFault, TwinFault, UpdateFault } from '../twins/alpaca/faults.ts';
import { runAlpacaFaults, runPlan } from './alpaca-faults.ts';
import { type Action, MID_E4, type Plan } from './alpaca-plan.ts';

const limit = (clientOrderId: string, quantity: number, limitPriceE4: number): Action => ({
  kind: 'submit',
  order: {
    clientOrderId,
    symbol: 'AAA',
    side: 'buy',
    type: 'limit',
    timeInForce: 'day',
    quantity,
    limitPriceE4,
    purpose: 'open',
  },
});

/** Of everything one: a fill at once and one in parts, a replacement, a cancel, a refusal, a lost connection. */
const ACTIONS: readonly Action[] = [
  limit('filled', 50, MID_E4 + 1_000),
  limit('in-parts', 150, MID_E4 + 1_000),
  limit('replaced', 20, MID_E4 - 50_000),
  limit('cancelled', 20, MID_E4 - 50_000),
  { kind: 'wait', ms: 4 },
  { kind: 'replace', clientOrderId: 'replaced', limitPriceE4: MID_E4 + 2_000 },
  { kind: 'cancel', clientOrderId: 'cancelled' },
  { kind: 'quote', symbol: 'AAA', bidE4: MID_E4, size: 300 },
  { kind: 'drop' },
  limit('refused', 1_000_000_000, MID_E4),
  limit('after', 10, MID_E4 + 1_000),
];

async function failuresOf(faults: readonly TwinFault[]): Promise<unknown> {
  const plans = [true, false].map((acceptsUsedIds): Plan => ({ actions: ACTIONS, faults, acceptsUsedIds }));
  const found = await Promise.all(plans.map((plan) => runPlan(plan)));
  return found.flat();
}

const upTo = (limitExclusive: number) => Array.from({ length: limitExclusive }, (_, n) => n);

describe('each class of fault, at each of the first messages or requests', () => {
  const updates: readonly UpdateFault[] = [
    ...(['drop', 'duplicate', 'replay', 'reorder', 'split', 'garbage'] as const).map((kind) => ({ kind })),
    { kind: 'delay', ms: 12 },
    { kind: 'stall', ms: 12 },
  ];
  it.each(updates)('a message of the stream: $kind', async (fault) => {
    const found = await Promise.all(upTo(12).map((nth) => failuresOf([{ on: 'update', nth, do: fault }])));
    expect(found.flat()).toEqual([]);
  });

  it('a message of the stream: the connection is gone at any byte of it', async () => {
    for (const from of upTo(6)) {
      const bytes = upTo(6).map((n) => (from * 6 + n) * 20);
      const found = await Promise.all(
        bytes.map((atByte) =>
          failuresOf([{ on: 'update', nth: 1 + (atByte % 7), do: { kind: 'disconnect', atByte } }]),
        ),
      );
      expect(found.flat()).toEqual([]);
    }
  });

  const requests: readonly RequestFault[] = [
    ...(['error_before', 'error_after', 'too_many', 'silence_before', 'silence_after'] as const).map(
      (kind) => ({ kind }),
    ),
    ...([0, 30, 120, 300] as const).flatMap((atByte) => [
      { kind: 'cut_before' as const, atByte },
      { kind: 'cut_after' as const, atByte },
    ]),
  ];
  it.each(requests)('a request: $kind $atByte', async (fault) => {
    const places = (['order', 'cancel', 'lookup', 'question'] as const).flatMap((on) =>
      upTo(3).map((nth): TwinFault => ({ on, nth, do: fault })),
    );
    expect((await Promise.all(places.map((place) => failuresOf([place])))).flat()).toEqual([]);
  });

  it.each([
    { on: 'place', nth: 0, do: { kind: 'reject' } },
    { on: 'fill', nth: 0, do: { kind: 'pieces', count: 5 } },
    { on: 'cancelled', nth: 0, do: { kind: 'late_fill', quantity: 7 } },
  ] satisfies TwinFault[])('an order: $do.kind', async (fault) => {
    expect(await failuresOf([fault])).toEqual([]);
  });
});

it('property: drawn scripts of several faults leave every invariant standing', async () => {
  const { checks, violations } = await runAlpacaFaults({ seed: 20_261_126, scripts: 60 });
  expect(violations).toEqual([]);
  expect(checks).toBeGreaterThan(500);
});
