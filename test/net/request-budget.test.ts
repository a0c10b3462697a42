import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRequestBudget, type RequestLane } from '../../src/net/request-budget.ts';
import { type ManualClock, manualClock, steppingClock } from '../twins/clocks.ts';

const MINUTE = 60_000_000;
/** Everything happens on whole seconds here, so that what is sent is seen at the time it was sent. */
async function step(clock: ManualClock): Promise<void> {
  await Promise.resolve();
  clock.advance(1_000_000);
  await Promise.resolve();
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('lets a cancel through at once however many orders wait', async () => {
  const clock = manualClock();
  const budget = createRequestBudget({ perMinute: 200, reservedForCancels: 20 }, clock);
  let orders = 0;
  let cancels = 0;
  for (let i = 0; i < 1000; i++) void budget.take('ordinary').then(() => orders++);
  await turn();
  expect(orders).toBe(180);
  for (let i = 0; i < 20; i++) void budget.take('cancel').then(() => cancels++);
  await turn();
  expect({ orders, cancels }).toEqual({ orders: 180, cancels: 20 });
  clock.advance(MINUTE);
  await turn();
  expect(orders).toBe(360);
});

it('sends nothing while the other side asked for a pause, and goes on after it', async () => {
  const clock = manualClock();
  const budget = createRequestBudget({ perMinute: 10, reservedForCancels: 1 }, clock);
  for (const lane of ['cancel', 'ordinary'] as const) budget.pause(lane, 5_000_000, 'all');
  let sent = 0;
  void budget.take('cancel').then(() => sent++);
  void budget.take('ordinary').then(() => sent++);
  clock.advance(4_999_999);
  await turn();
  expect(sent).toBe(0);
  clock.advance(1);
  await turn();
  expect(sent).toBe(2);
});

it('tries one first after a pause of a lane, while the other lane goes on', async () => {
  const clock = manualClock();
  const budget = createRequestBudget({ perMinute: 10, reservedForCancels: 1 }, clock);
  budget.pause('ordinary', 5_000_000, 'one_first');
  let orders = 0;
  let cancels = 0;
  for (let i = 0; i < 3; i++) void budget.take('ordinary').then(() => orders++);
  void budget.take('cancel').then(() => cancels++);
  await turn();
  expect({ orders, cancels }).toEqual({ orders: 0, cancels: 1 });
  // what was on its way says nothing of the pause
  budget.heard('ordinary');
  clock.advance(5_000_000);
  await turn();
  expect(orders).toBe(1);
  budget.pause('ordinary', 1_000_000, 'one_first');
  clock.advance(1_000_000);
  await turn();
  expect(orders).toBe(2);
  budget.heard('ordinary');
  await turn();
  expect(orders).toBe(3);
  expect(clock.waiting()).toBe(0);
});

it('gives the place of what was called back to what waits behind it', async () => {
  const clock = manualClock();
  const budget = createRequestBudget({ perMinute: 1, reservedForCancels: 0 }, clock);
  await budget.take('ordinary');
  const abort = new AbortController();
  const called = budget.take('ordinary', abort.signal);
  const behind = budget.take('ordinary');
  abort.abort();
  expect(await called).toBe(false);
  expect(await budget.take('ordinary', abort.signal)).toBe(false);
  clock.advance(MINUTE);
  expect(await behind).toBe(true);
});

it('refuses what waits when it is closed', async () => {
  const budget = createRequestBudget({ perMinute: 1, reservedForCancels: 0 }, manualClock());
  await budget.take('ordinary');
  const waiting = budget.take('ordinary');
  budget.close();
  await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(budget.take('cancel')).rejects.toMatchObject({ code: 'CLOSED' });
});

it('property: never more than the budget in any minute, never more orders than their share, nothing lost', async () => {
  const wish = fc.record({
    gapSeconds: fc.integer({ min: 0, max: 20 }),
    lane: fc.constantFrom('ordinary', 'cancel'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(wish, { maxLength: 60 }),
      fc.integer({ min: 2, max: 8 }),
      async (wishes, perMinute) => {
        const clock = manualClock();
        const budget = createRequestBudget({ perMinute, reservedForCancels: 1 }, clock);
        const sent: { tUs: number; lane: string }[] = [];
        for (const { gapSeconds, lane } of wishes) {
          void budget.take(lane as RequestLane).then(() => sent.push({ tUs: clock.nowUs(), lane }));
          await Promise.resolve();
          for (let second = 0; second < gapSeconds; second++) await step(clock);
        }
        for (let i = 0; budget.waiting > 0 && i < 3600; i++) await step(clock);
        expect(sent.length).toBe(wishes.length);
        for (const { tUs } of sent) {
          const inMinute = sent.filter((other) => other.tUs > tUs - MINUTE && other.tUs <= tUs);
          expect(inMinute.length).toBeLessThanOrEqual(perMinute);
          expect(inMinute.filter(({ lane }) => lane === 'ordinary').length).toBeLessThanOrEqual(
            perMinute - 1,
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

it('gives places back a span after they were taken, and ends a pause, also where the clock is set back', async () => {
  const clock = steppingClock(10 * 60 * MINUTE);
  const budget = createRequestBudget({ perMinute: 10, reservedForCancels: 1 }, clock);
  for (let i = 0; i < 9; i++) await budget.take('ordinary');
  budget.pause('cancel', 30_000_000, 'all');
  clock.setBack(60 * MINUTE);
  let cancels = 0;
  for (let i = 0; i < 3; i++) void budget.take('cancel').then(() => cancels++);
  clock.advance(30_000_000);
  await turn();
  expect(cancels).toBe(1);
  clock.advance(30_000_000);
  await turn();
  expect(cancels).toBe(3);
});
