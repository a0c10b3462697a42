import { type Observable, Subject } from 'rxjs';
import type { MarketSlice, MarketTable, Session } from '../../domain/market-table.ts';
import { universeIndexOf } from '../../domain/marks.ts';
import type { OrderRequest } from '../../domain/orders.ts';
import type { TimeUs } from '../../domain/units.ts';
import type { BrokerReport } from '../../events/inputs.ts';
import {
  type AccountSnapshot,
  accountSnapshot,
  applySlice,
  cancelOrder,
  closeSession,
  openSession,
  submitOrder,
} from '../../exchange/exchange.ts';
import type { ExchangeState } from '../../exchange/state.ts';
import type { Broker } from '../../ports/broker.ts';

/**
 * The simulated exchange behind the broker port. Reports come synchronously, before the call that caused them
 * returns, and always in the order the exchange gave them: a subscriber that submits from inside a report is
 * answered after the reports already under way.
 */
export class SimulatedBroker implements Broker {
  readonly reports$: Observable<BrokerReport>;
  readonly #reports = new Subject<BrokerReport>();
  readonly #state: ExchangeState;
  readonly #pending: BrokerReport[] = [];
  #isEmitting = false;
  #table: MarketTable | undefined;
  #universeIxOf: Int32Array = new Int32Array(0);

  /** @param state owned by the broker from here on; a deep copy of it is a snapshot */
  constructor(state: ExchangeState) {
    this.#state = state;
    this.reports$ = this.#reports.asObservable();
  }

  submit(order: OrderRequest, tUs: TimeUs): void {
    this.#emit(submitOrder(this.#state, order, tUs));
  }

  cancel(clientOrderId: string, tUs: TimeUs): void {
    this.#emit(cancelOrder(this.#state, clientOrderId, tUs));
  }

  openSession(session: Session): void {
    openSession(this.#state, session);
  }

  closeSession(tUs: TimeUs): void {
    this.#emit(closeSession(this.#state, tUs));
  }

  /** Lets working orders trade against the bars of one slice. */
  applySlice(slice: MarketSlice, tUs: TimeUs): void {
    if (slice.table !== this.#table) {
      this.#table = slice.table;
      this.#universeIxOf = universeIndexOf(this.#state.symbols, slice.table.symbols);
    }
    this.#emit(applySlice(this.#state, slice, this.#universeIxOf, tUs));
  }

  account(): AccountSnapshot {
    return accountSnapshot(this.#state);
  }

  close(): Promise<void> {
    this.#reports.complete();
    return Promise.resolve();
  }

  /** Re-entrant `next` would reorder reports: only the outermost call emits. */
  #emit(reports: readonly BrokerReport[]): void {
    this.#pending.push(...reports);
    if (this.#isEmitting) return;
    this.#isEmitting = true;
    try {
      for (let report = this.#pending.shift(); report !== undefined; report = this.#pending.shift()) {
        this.#reports.next(report);
      }
    } finally {
      this.#isEmitting = false;
    }
  }
}
