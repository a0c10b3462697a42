import { viewEngine } from '../engine/state-view.ts';
import type { Arrival } from '../runtime/live-loop.ts';
import { type OperatorRequest, openOperatorSocket } from '../sources/operator-socket.ts';
import type { LiveControls, OperatorLine } from './live-options.ts';

/** Lets `sametape ctl` speak to a run: its commands go before all that waits, and are answered once they are durable. */
export async function openOperatorLine({ loop, engine, runDir }: LiveControls): Promise<OperatorLine> {
  const socket = await openOperatorSocket({ runDir, status: () => viewEngine(engine) });
  const arrivalOf = (request: OperatorRequest): Arrival => ({
    event: request.input,
    whenDurable: (place) => request.acknowledge(place),
  });
  socket.commands$.subscribe((request) => {
    if (request.claim()) loop.arriveFirst(arrivalOf(request));
  });
  return {
    takeUrgent: () => {
      const request = socket.takeUrgent();
      return request?.claim() === true ? arrivalOf(request) : undefined;
    },
    close: () => socket.close(),
  };
}
