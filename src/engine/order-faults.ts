import type { DerivedEvent } from '../events/derived.ts';
import { trip } from '../pipeline/6-risk/kill-switch.ts';
import type { Engine } from './engine-state.ts';
import { stopExposure } from './operator.ts';

/** What a broker's report cannot be. */
export interface OrderFault {
  readonly code:
    | 'ORDER_UNKNOWN'
    | 'ORDER_ILLEGAL_MOVE'
    | 'ORDER_OVERFILLED'
    | 'ORDER_FILLED_LATE'
    | 'ORDER_DUPLICATED'
    | 'EXECUTION_UNKNOWN'
    | 'EXECUTION_CONFLICTING'
    | 'EXECUTION_NOT_BOOKED';
  readonly message: string;
}

/** Raises it and stops new exposure: books and broker may not agree on what is held. */
export function raiseFault(engine: Engine, { code, message }: OrderFault, out: DerivedEvent[]): void {
  out.push({ type: 'ErrorRaised', code, message });
  stopExposure(engine, trip(engine.kill, 'order_state', { value: 1, limit: 0 }), out);
}
