import type { Observable } from 'rxjs';
import type { OrderRequest } from '../domain/orders.ts';
import type { TimeUs } from '../domain/units.ts';
import type { BrokerReport } from '../events/inputs.ts';

/**
 * Where approved orders go. Nothing is answered by return value: what the broker says, at once or days later, is a
 * report, and a report is an input event. A client order id is the same after a crash, so sending an order again is safe.
 */
export interface Broker {
  /** In the order the broker gave them; errors only when the connection is lost for good. */
  readonly reports$: Observable<BrokerReport>;
  /** @param tUs logical time of the intent */
  submit(order: OrderRequest, tUs: TimeUs): void;
  /** Asks for a cancel; a fill that was faster is reported as a fill. */
  cancel(clientOrderId: string, tUs: TimeUs): void;
  close(): Promise<void>;
}
