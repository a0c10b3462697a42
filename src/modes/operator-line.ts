import { problemOfTightening } from '../domain/tighten.ts';
import type { Engine } from '../engine/engine-state.ts';
import { viewEngine } from '../engine/state-view.ts';
import type { JsonObject } from '../events/record.ts';
import type { Arrival } from '../runtime/live-loop.ts';
import { type OperatorRequest, openOperatorSocket } from '../sources/operator-socket.ts';
import type { LiveControls, OperatorLine } from './live-options.ts';

/**
 * Lets `sametape ctl` speak to a run: its commands go before all that waits, and are answered once they are durable.
 * @param options.telemetry what a status shows beside the engine
 */
export async function openOperatorLine(
  { loop, engine, runDir }: LiveControls,
  { telemetry = () => ({}) }: { readonly telemetry?: () => JsonObject } = {},
): Promise<OperatorLine> {
  const socket = await openOperatorSocket({
    runDir,
    status: () => ({ ...viewEngine(engine), ...telemetry() }),
  });
  const arrivalOf = (request: OperatorRequest): Arrival => ({
    event: request.input,
    whenDurable: (place) => request.acknowledge(place),
  });
  socket.commands$.subscribe((request) => {
    const problem = problemOfRequest(engine, request);
    if (problem !== undefined) request.refuse(problem);
    else if (request.claim()) loop.arriveFirst(arrivalOf(request));
  });
  return {
    takeUrgent: () => {
      const request = socket.takeUrgent();
      return request?.claim() === true ? arrivalOf(request) : undefined;
    },
    close: () => socket.close(),
  };
}

/** What the engine would not do, said before it is on the tape. */
export function problemOfRequest(
  { settings }: Pick<Engine, 'settings'>,
  { input }: OperatorRequest,
): string | undefined {
  if (input.type !== 'ConfigChanged') return undefined;
  return problemOfTightening(settings.risk, input.limit, input.value);
}
