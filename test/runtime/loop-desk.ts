import { concatMap, EMPTY, from, lastValueFrom } from 'rxjs';
import { defaultIfEmpty } from 'rxjs/operators';
import { createEngine, type Engine } from '../../src/engine/engine-state.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import { createExchange, type ExchangeState } from '../../src/exchange/state.ts';
import { engineConfig } from '../../src/modes/run-identity.ts';
import type { SessionRun } from '../../src/modes/run-sessions.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { createRunLoop, type RunLoop } from '../../src/runtime/run-loop.ts';
import { simulatedVenue, type Venue } from '../../src/runtime/venue.ts';
import { sessionTimeline } from '../../src/sources/session-timeline.ts';
import { type MemoryTape, memoryTape } from '../../src/tape/memory-tape.ts';
import { nodeBase64 } from '../../src/tape/node-base64.ts';

/** The run loop over a simulated exchange, taken apart so that a test can stand between its parts. */
export interface LoopDesk {
  readonly engine: Engine;
  readonly exchange: ExchangeState;
  readonly tape: MemoryTape;
  readonly loop: RunLoop;
  drive(events: Iterable<InputEvent>): Promise<void>;
}

export interface LoopDeskOptions {
  readonly inference?: InferencePort | undefined;
  /** Puts something of the test's own around the venue. */
  readonly around?: (venue: Venue, tape: MemoryTape) => Venue;
}

export function loopDesk(run: SessionRun, options: LoopDeskOptions = {}): LoopDesk {
  const { settings, layout } = run.identity;
  const engine = createEngine(engineConfig(run.identity));
  const exchange = createExchange(settings.exchange, {
    symbols: layout.symbols,
    initialCashMicros: settings.initialCashMicros,
  });
  const tape = memoryTape({ keepRecords: true });
  const venue = simulatedVenue(exchange);
  const loop = createRunLoop({
    engine,
    tape,
    venue: options.around?.(venue, tape) ?? venue,
    inference: 'inference' in options ? options.inference : run.inference,
    base64: nodeBase64,
  });
  return { engine, exchange, tape, loop, drive: (events) => finish(loop, events) };
}

/** Runs events through a loop until the last is done. */
function finish(loop: RunLoop, events: Iterable<InputEvent>): Promise<void> {
  return lastValueFrom(
    loop.drive(from(events)).pipe(
      concatMap(() => EMPTY),
      defaultIfEmpty(undefined),
    ),
  );
}

/** The source events of a run's sessions, one after the other. */
export async function timelineOf({ sessions, loadSession, identity }: SessionRun): Promise<InputEvent[]> {
  const { cycleMinutes } = identity.settings;
  const events: InputEvent[] = [];
  let firstCycle = 1;
  for (const session of sessions) {
    const table = await loadSession(session.date);
    events.push(...sessionTimeline({ session, table, cycleMinutes, firstCycle }));
    firstCycle = 1 + events.filter(({ type }) => type === 'CycleDue').length;
  }
  return events;
}

/** Records from each input up to the next: the input first, then what followed from it. */
export function groupsOf(records: readonly TapeRecord[], inputTypes: ReadonlySet<string>): TapeRecord[][] {
  const groups: TapeRecord[][] = [];
  for (const record of records) {
    if (inputTypes.has(record.type)) groups.push([record]);
    else groups.at(-1)!.push(record);
  }
  return groups;
}
