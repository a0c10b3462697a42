import { describe, expect, it } from 'vitest';
import { longDesk, MINUTE_US, ofType, openDesk, ordersIn, TUESDAY, warmDesk } from './desk.ts';

const SECOND_US = 1_000_000;

describe('an input', () => {
  it('that charges for borrowed shares takes the fee from cash', () => {
    const desk = longDesk();
    const before = desk.engine.ledger.cashMicros;
    const fee = { symbol: 'AAA', shares: 100, nights: 1, feeMicros: 1_234_567 };
    expect(desk.send({ type: 'BorrowFeeCharged', ...fee })).toEqual([]);
    expect(desk.engine.ledger.cashMicros).toBe(before - 1_234_567);
  });

  it('that tells of a recovery gives up the cycle that waited for models, once', () => {
    const desk = warmDesk();
    desk.send({ type: 'CycleDue', cycle: 7 });
    const recovered = { type: 'TapeRecovered', records: 9, tornBytes: 0 } as const;
    expect(desk.send(recovered)).toEqual([
      { type: 'CycleSkipped', cycle: 7, reason: 'the run was started again' },
    ]);
    expect(desk.engine.openCycle).toBe(0);
    expect(desk.send(recovered)).toEqual([]);
  });

  it('that tells of a gap holds its symbol alone, and says how long and what is allowed', () => {
    const desk = openDesk({ scenario: { risk: { maxDataGapMinutes: 3 } } });
    desk.open(TUESDAY);
    for (let k = 0; k < 5; k += 1) desk.bar();
    const sinceUs = desk.nowUs - 4 * MINUTE_US;
    const [gap] = ofType(desk.send({ type: 'DataGapDetected', symbol: 'BBB', sinceUs }), 'ErrorRaised');
    expect(gap).toEqual({
      type: 'ErrorRaised',
      code: 'DATA_STALE',
      message: 'BBB has had no bar for 4 minutes; risk.maxDataGapMinutes allows 3',
      symbol: 'BBB',
    });
    expect([...desk.engine.pipeline.market.isOverdue]).toEqual([0, 1]);
    const lateBarUs = desk.nowUs - 90 * SECOND_US;
    const [late] = ofType(
      desk.send({ type: 'DataGapDetected', symbol: 'AAA', sinceUs, lateBarUs }),
      'ErrorRaised',
    );
    expect(late!.message).toBe('AAA had a bar 90 s behind its minute; a source tells a minute at once');
  });

  it('that tells of a gap outside the universe holds nothing', () => {
    const desk = openDesk();
    desk.open(TUESDAY);
    desk.send({ type: 'DataGapDetected', symbol: 'ZZZ', sinceUs: desk.nowUs });
    expect([...desk.engine.pipeline.market.isOverdue]).toEqual([0, 0]);
  });
});

describe('what a broker reports that cannot be', () => {
  it('is told in a line: of an order nobody knows, and of one that is for something else', () => {
    const desk = warmDesk();
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    const messageOf = (how: object) =>
      ofType(desk.fill({ ...order!, ...how }, { leaves: 100 }), 'ErrorRaised').map(({ message }) => message);
    expect(messageOf({ clientOrderId: 'theirs' })).toEqual(['OrderPartiallyFilled for unknown order theirs']);
    expect(messageOf({ side: 'sell' })[0]).toContain(
      `sell AAA for order ${order!.clientOrderId}, which is to buy AAA`,
    );
    expect(messageOf({ symbol: 'ZZZ' })[0]).toMatch(/^execution x3: .*ZZZ/);
  });

  it('is told of an order that ended before it filled', () => {
    const desk = warmDesk();
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.accept(order!);
    desk.send({ type: 'OrderCancelled', clientOrderId: order!.clientOrderId });
    const [late] = ofType(desk.fill(order!, { leaves: 400 }), 'ErrorRaised');
    expect(late!.message).toBe(`order ${order!.clientOrderId}: 100 shares filled after it was cancelled`);
  });
});
