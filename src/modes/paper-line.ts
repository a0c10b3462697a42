import type { Engine } from '../engine/engine-state.ts';
import { viewEngine } from '../engine/state-view.ts';
import type { JsonObject } from '../events/record.ts';
import { type OperatorRequest, openOperatorSocket } from '../sources/operator-socket.ts';
import type { PacedInterjections } from '../sources/pace.ts';
import type { PaperLine } from './backtest.ts';
import { problemOfRequest } from './operator-line.ts';

/** What an operator said, waiting for its place between two events. */
export interface Interjections extends PacedInterjections {
  add(request: OperatorRequest): void;
  /** The request behind the oldest command that was taken and is not answered. */
  answered(): OperatorRequest | undefined;
}

export function createInterjections(): Interjections {
  let waiting: OperatorRequest[] = [];
  let taken: OperatorRequest[] = [];
  let listener: (() => void) | undefined;
  const tell = (): void => {
    const call = listener;
    listener = undefined;
    call?.();
  };
  return {
    add: (request) => {
      waiting.push(request);
      tell();
    },
    onSaid: (call) => {
      listener = call;
      // said while nobody listened
      if (waiting.length > 0) queueMicrotask(tell);
      return () => {
        listener = undefined;
      };
    },
    take: () => {
      if (waiting.length === 0) return [];
      const now = waiting;
      waiting = [];
      taken = [...taken, ...now];
      return now.map(({ input }) => input);
    },
    answered: () => taken.shift(),
  };
}

/** Lets `sametape ctl` speak to a run that plays a dataset. */
export async function openPaperLine(
  runDir: string,
  { said, telemetry = () => ({}) }: { readonly said: Interjections; readonly telemetry?: () => JsonObject },
): Promise<PaperLine> {
  let engine: Engine | undefined;
  const socket = await openOperatorSocket({
    runDir,
    status: () => (engine === undefined ? { isStarting: true } : { ...viewEngine(engine), ...telemetry() }),
  });
  socket.commands$.subscribe((request) => {
    const problem = engine === undefined ? undefined : problemOfRequest(engine, request);
    if (problem !== undefined) request.refuse(problem);
    else if (request.claim()) said.add(request);
  });
  return {
    attach: (run) => {
      engine = run.engine;
      run.loop.inputs$.subscribe(({ event, seq, tUs }) => {
        if (event.type !== 'OperatorCommanded' && event.type !== 'ConfigChanged') return;
        const request = said.answered();
        // durable with what follows from it, which is recorded by the next turn of the event loop
        setImmediate(() => {
          run.flush();
          request?.acknowledge({ seq, tUs });
        });
      });
    },
    close: () => socket.close(),
  };
}
