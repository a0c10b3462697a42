import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionOn } from '../../src/data/calendar.ts';
import { checkBalance } from '../../src/domain/ledger.ts';
import { canMove, isWorking, type OrderStatus } from '../../src/domain/orders.ts';
import { currentEquityMicros, type Engine } from '../../src/engine/engine-state.ts';
import { findOrder } from '../../src/engine/order-book.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { step } from '../../src/engine/step.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import type { Json } from '../../src/events/record.ts';
import { MONDAY, ofType, ordersIn, TUESDAY, warmDesk } from './desk.ts';

const QUANTITY = 500;

function textOf(state: unknown): string {
  return JSON.stringify(encodeState(state));
}

interface Version {
  readonly id: string;
  readonly quantity: number;
  readonly priceE4: number;
  feeMicros: number;
}

/** What the books must be, kept the slow way: a list of executions with all their versions. */
class Model {
  status: OrderStatus = 'intended';
  isBroken = false;
  #isAccepted = false;
  #brokerOrderId: string | undefined;
  #isReplaced = false;
  readonly #slots: { readonly ids: Set<string>; readonly versions: Version[] }[] = [];
  readonly #early = new Map<string, number>();

  get live(): Version[] {
    return this.#slots.map(({ versions }) => versions.at(-1)!).filter(({ quantity }) => quantity > 0);
  }

  get filled(): number {
    return this.live.reduce((sum, { quantity }) => sum + quantity, 0);
  }

  end(to: 'cancelled' | 'expired' | 'rejected'): void {
    if (this.status === to) return;
    if (canMove(this.status, to)) this.status = to;
    else this.isBroken = true;
    if (!isWorking(this.status)) this.#isReplaced = false;
  }

  accept(): void {
    if (this.#isAccepted) return;
    if (!canMove(this.status, 'accepted')) this.isBroken = true;
    else {
      this.status = 'accepted';
      this.#isAccepted = true;
    }
  }

  update(brokerOrderId: string, isReplacing: boolean): void {
    const isSecond = this.#brokerOrderId !== undefined && this.#brokerOrderId !== brokerOrderId;
    if (isSecond && !isReplacing && !this.#isReplaced) {
      this.isBroken = true;
      return;
    }
    this.#brokerOrderId = brokerOrderId;
    if (isWorking(this.status)) this.#isReplaced = isReplacing;
  }

  fill(version: Version): void {
    if (this.#isRepeat(version)) return;
    const wasWorking = isWorking(this.status);
    this.#slots.push({ ids: new Set([version.id]), versions: [this.#charged(version)] });
    this.#isAccepted = true;
    this.#fillUp('partially_filled');
    if (!wasWorking || this.filled > QUANTITY) this.isBroken = true;
  }

  correct(corrects: string, version: Version): void {
    if (this.#isRepeat(version)) return;
    const slot = this.#slots.find(({ ids }) => ids.has(corrects));
    const before = this.filled;
    if (slot === undefined) {
      this.isBroken = true;
      const charged = version.quantity === 0 ? version : this.#charged(version);
      this.#slots.push({ ids: new Set([corrects, version.id]), versions: [charged] });
    } else if (slot.versions.at(-1)!.id === corrects) {
      slot.ids.add(version.id);
      slot.versions.push(this.#charged(version));
    } else {
      this.isBroken = true;
      return;
    }
    if (this.filled > Math.max(before, QUANTITY)) this.isBroken = true;
    this.#fillUp(this.status);
  }

  charge(id: string, feeMicros: number): void {
    const slot = this.#slots.find(({ ids }) => ids.has(id));
    if (slot === undefined) {
      this.isBroken = true;
      this.#early.set(id, feeMicros);
    } else if (slot.versions.at(-1)!.id === id) slot.versions.at(-1)!.feeMicros = feeMicros;
  }

  #charged(version: Version): Version {
    const feeMicros = this.#early.get(version.id) ?? version.feeMicros;
    this.#early.delete(version.id);
    return { ...version, feeMicros };
  }

  #isRepeat({ id, quantity, priceE4 }: Version): boolean {
    const slot = this.#slots.find(({ ids }) => ids.has(id));
    const known = slot?.versions.find((version) => version.id === id);
    if (known !== undefined && (known.quantity !== quantity || (known.priceE4 !== priceE4 && quantity > 0))) {
      this.isBroken = true;
    }
    return slot !== undefined;
  }

  #fillUp(otherwise: OrderStatus): void {
    if (!isWorking(this.status)) return;
    this.status = this.filled >= QUANTITY ? 'filled' : otherwise;
    if (!isWorking(this.status)) this.#isReplaced = false;
  }
}

const PRICES = { a: 990_000, b: 1_000_000, c: 1_010_000, d: 1_020_000 } as const;
const id = fc.constantFrom(...(Object.keys(PRICES) as (keyof typeof PRICES)[]));
const correctedId = fc.oneof(
  id,
  id.map((of) => `${of}.2` as const),
  id.map((of) => `${of}.3` as const),
);
const fee = fc.integer({ min: -1000, max: 5_000_000 });
// few quantities, so that a repeat is now and then the same
const quantity = fc.constantFrom(100, 100, 100, 200, 400);

const report = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ kind: 'accepted' as const }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { kind: 'cancelled' as const },
      { kind: 'expired' as const },
      { kind: 'rejected' as const },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('updated' as const),
      brokerOrderId: fc.constantFrom('1', '1', '1', '2'),
      status: fc.constantFrom('pending_new', 'held', 'pending_cancel', 'replaced'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'cancel_refused' as const }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('fill' as const), id, quantity, fee }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('corrected' as const),
      corrects: correctedId,
      id: correctedId,
      quantity: fc.constantFrom(0, 50, 100),
      fee,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commission' as const), id: correctedId, fee }) },
);

describe('whatever a broker reports, in whatever order and however often', () => {
  it('the position is the sum of the executions that stand, cash is exact, and the switch trips where one cannot be', () => {
    let runs = 0;
    let broken = 0;
    fc.assert(
      fc.property(fc.array(report, { maxLength: 14 }), (reports) => {
        const desk = warmDesk();
        const [order] = ordersIn(desk.next({ AAA: 'long' }));
        const { clientOrderId } = order!;
        const model = new Model();
        for (const item of reports) {
          switch (item.kind) {
            case 'accepted':
              desk.accept(order!);
              model.accept();
              break;
            case 'rejected':
              desk.send({ type: 'OrderRejected', clientOrderId, reason: 'refused', detail: '' });
              model.end('rejected');
              break;
            case 'cancelled':
              desk.send({ type: 'OrderCancelled', clientOrderId });
              model.end('cancelled');
              break;
            case 'expired':
              desk.send({ type: 'OrderExpired', clientOrderId });
              model.end('expired');
              break;
            case 'updated': {
              const { brokerOrderId, status } = item;
              desk.send({ type: 'OrderUpdated', clientOrderId, brokerOrderId, status } as never);
              model.update(brokerOrderId, status === 'replaced');
              break;
            }
            case 'cancel_refused':
              desk.send({ type: 'CancelRejected', clientOrderId, reason: 'too late' });
              break;
            case 'commission':
              desk.send({ type: 'CommissionReported', executionId: item.id, feeMicros: item.fee });
              model.charge(item.id, item.fee);
              break;
            default: {
              const priceE4 = PRICES[item.id[0] as 'a'];
              const version = { id: item.id, quantity: item.quantity, priceE4, feeMicros: item.fee };
              const { side, symbol } = order!;
              const facts = { clientOrderId, side, symbol, priceE4, tradeTimeUs: desk.nowUs };
              const execution = {
                ...facts,
                executionId: item.id,
                quantity: item.quantity,
                feeMicros: item.fee,
              };
              if (item.kind === 'fill') {
                desk.send({ type: 'OrderPartiallyFilled', execution, leavesQuantity: 1 });
                model.fill(version);
              } else {
                desk.send({ type: 'ExecutionCorrected', execution, corrects: item.corrects });
                model.correct(item.corrects, version);
              }
            }
          }
        }
        const { engine } = desk;
        let cash = 1e12;
        for (const { quantity: shares, priceE4, feeMicros } of model.live) {
          cash -= shares * priceE4 * 100 + feeMicros;
        }
        expect(engine.ledger.shares[0]).toBe(model.filled);
        expect(engine.ledger.cashMicros).toBe(cash);
        expect(Number.isSafeInteger(currentEquityMicros(engine))).toBe(true);
        checkBalance(engine.ledger);
        const record = findOrder(engine.orders, clientOrderId)!;
        expect(record.status).toBe(model.status);
        expect(record.filledQuantity).toBe(model.filled);
        expect(engine.kill.tripped.order_state).toBe(model.isBroken);
        expect(ofType(desk.log, 'ErrorRaised').length > 0).toBe(model.isBroken);
        runs += 1;
        if (model.isBroken) broken += 1;
      }),
      { numRuns: 250 },
    );
    // neither answer is rare, so that both are tested
    expect(broken / runs).toBeGreaterThan(0.16);
    expect(broken / runs).toBeLessThan(0.92);
  });
});

describe('an engine with reports behind it', () => {
  it('goes on from its snapshot as if nothing had happened, whatever is next', () => {
    const desk = warmDesk({ scenario: { execution: { orderType: 'limit', timeInForce: 'day' } } });
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    const { clientOrderId, side, symbol } = order!;
    const facts = { clientOrderId, side, symbol, priceE4: 1_000_000, tradeTimeUs: desk.nowUs };
    const execution = { ...facts, executionId: 'a', quantity: 100, feeMicros: 7 };
    const reports = [
      { type: 'OrderUpdated', clientOrderId, brokerOrderId: 'b-1', status: 'held' },
      { type: 'CommissionReported', executionId: 'a', feeMicros: 11 },
      { type: 'OrderPartiallyFilled', execution, leavesQuantity: 300 },
      { type: 'OperatorCommanded', command: 'kill', who: 'ann', why: 'test' },
      { type: 'CancelRejected', clientOrderId, reason: 'busy' },
      { type: 'BrokerSnapshot', cashMicros: 1, positions: { BBB: 3 }, openOrders: [] },
      {
        type: 'ExecutionCorrected',
        execution: { ...execution, executionId: 'a.2', quantity: 90 },
        corrects: 'a',
      },
      { type: 'BrokerSnapshot', cashMicros: 1, positions: { BBB: 3 }, openOrders: [] },
      { type: 'SessionClosed', date: MONDAY },
      { type: 'SessionOpened', session: sessionOn(TUESDAY)! },
      { type: 'CommissionReported', executionId: 'a.2', feeMicros: 5 },
      {
        type: 'ExecutionCorrected',
        execution: { ...execution, executionId: 'a.3', quantity: 0 },
        corrects: 'a.2',
      },
    ] as const;
    for (const report of reports) {
      const revived = decodeState(JSON.parse(textOf(desk.engine)) as Json) as Engine;
      const [seq, tUs] = [desk.nextSeq, desk.nowUs];
      const derived = desk.send(report);
      expect(step(revived, { ...report, tUs } as InputEvent, seq).derived).toEqual(derived);
      expect(textOf(revived)).toBe(textOf(desk.engine));
    }
    expect(desk.engine.ledger).toMatchObject({ feesMicros: 0, cashMicros: 1e12 });
    expect(ofType(desk.log, 'PositionAdjusted').map(({ cause }) => cause)).toEqual([
      'correction',
      'commission',
      'correction',
    ]);
  });
});

describe('an execution that comes again after its order is forgotten', () => {
  it('is not booked: it traded before anything that is remembered', () => {
    const desk = warmDesk();
    const [order] = ordersIn(desk.next({ AAA: 'long' }));
    desk.fill(order!, { executionId: 'once', tradeTimeUs: desk.nowUs });
    const tradeTimeUs = desk.nowUs;
    const repeat = () => desk.fill(order!, { executionId: 'once', tradeTimeUs });
    for (const date of [TUESDAY, '2024-01-10', '2024-01-11']) {
      desk.close();
      desk.open(date);
      desk.bar();
      repeat();
      expect(desk.engine.ledger.shares[0]).toBe(500);
    }
    expect(ofType(desk.log, 'ErrorRaised').map(({ code }) => code)).toEqual([
      'ORDER_UNKNOWN',
      'EXECUTION_NOT_BOOKED',
      'ORDER_UNKNOWN',
      'EXECUTION_NOT_BOOKED',
    ]);
    expect(desk.engine.kill.tripped.order_state).toBe(true);
  });
});
