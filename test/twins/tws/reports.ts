import type { BookEvent, TwinExecution, TwinOrder } from './books.ts';
import type { TwinConnection } from './connection.ts';
import type { FaultScript, ReportKind } from './faults.ts';
import { commissionReport, executionData, openOrder, orderStatus } from './messages.ts';

type Fields = readonly (string | number)[];

/** How long a report that was to follow another waits when there is none. */
const REORDER_MILLISECONDS = 15;

/** Sends what happens in the books to the client whose order it is; faults of reporting happen here. */
export class Reporter {
  readonly #script: FaultScript;
  readonly #connectionOf: (clientId: number) => TwinConnection | undefined;
  readonly #silent = new Set<string>();
  #held: (() => void) | undefined;

  constructor(script: FaultScript, connectionOf: (clientId: number) => TwinConnection | undefined) {
    this.#script = script;
    this.#connectionOf = connectionOf;
  }

  /** Nothing but executions is reported of an order from now on. */
  keepSilentAbout(orderRef: string): void {
    this.#silent.add(orderRef);
  }

  report(event: BookEvent): void {
    const order = event.kind === 'execution' ? event.execution.order : event.order;
    if (event.kind === 'execution') this.#reportExecution(event.execution);
    else if (!this.#silent.has(order.orderRef)) {
      if (event.kind === 'order') this.#send('openOrder', order, openOrder(order));
      else this.#send('orderStatus', order, orderStatus(order));
    }
  }

  #reportExecution(execution: TwinExecution): void {
    const { order } = execution;
    const number = this.#script.count('execution');
    const isEarly = this.#script.due('early_commission', ({ nth }) => nth <= number) !== undefined;
    const late = this.#script.due('late_commission', ({ nth }) => nth <= number);
    const commission = (): void => this.#send('commissionReport', order, commissionReport(execution));
    if (isEarly) commission();
    this.#send('execDetails', order, executionData(execution, -1));
    if (late !== undefined) setTimeout(commission, late.milliseconds);
    else if (!isEarly) commission();
  }

  #send(of: ReportKind, order: TwinOrder, fields: Fields): void {
    const script = this.#script;
    const number = script.count(of);
    const isDue = (fault: { readonly of: ReportKind; readonly nth: number }): boolean =>
      fault.of === of && fault.nth <= number;
    // written now, whatever happens to the order meanwhile; to the connection of the moment it is sent
    const send = (): void => this.#connectionOf(order.clientId)?.send(fields);
    const held = this.#held;
    this.#held = undefined;
    if (script.due('drop', isDue) !== undefined) {
      held?.();
      return;
    }
    const delay = script.due('delay', isDue);
    const again = script.due('duplicate', isDue);
    if (delay !== undefined) setTimeout(send, delay.milliseconds);
    else if (script.due('reorder', isDue) !== undefined) {
      const late = once(send);
      this.#held = late;
      setTimeout(late, REORDER_MILLISECONDS);
    } else send();
    for (let at = 1; at < (again?.times ?? 1); at += 1) send();
    held?.();
  }
}

function once(call: () => void): () => void {
  let isCalled = false;
  return () => {
    if (!isCalled) call();
    isCalled = true;
  };
}
