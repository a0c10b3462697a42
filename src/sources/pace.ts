import { setImmediate } from 'node:timers/promises';
import { from, type Observable } from 'rxjs';
import type { TimeUs } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';

export interface PaceOptions {
  readonly clock: Clock;
  /** Minutes of market a minute of the clock; `max` waits for nothing. */
  readonly speed: number | 'max';
  /** What others say meanwhile: recorded at the time of the market at which it is said. */
  readonly interjections?: PacedInterjections;
}

export interface PacedInterjections {
  /** What was said since it was last asked. */
  take(): readonly Untimed<InputEvent>[];
  /** Calls back once, when something is said next. @returns takes the call back */
  onSaid(call: () => void): () => void;
}

const SILENCE: PacedInterjections = { take: () => [], onSaid: () => () => undefined };

/** Without waiting, sockets are looked at once every so many events. */
const BREATH = 64;

/**
 * Hands events on no earlier than their time, counted from the first: the night between two sessions is not waited for.
 * What is said while an event is waited for is handed on at once.
 */
export function paced(events: Iterable<InputEvent>, options: PaceOptions): Observable<InputEvent> {
  return from(walk(events, options));
}

async function* walk(
  events: Iterable<InputEvent>,
  { clock, speed, interjections = SILENCE }: PaceOptions,
): AsyncGenerator<InputEvent> {
  const startUs = clock.nowUs();
  let firstUs: TimeUs | undefined;
  let lastUs: TimeUs = 0;
  let count = 0;
  for (const event of events) {
    const { tUs } = event;
    firstUs ??= tUs;
    count += 1;
    if (speed === 'max') {
      if (count % BREATH === 0) await setImmediate();
    } else {
      const dueUs = startUs + (tUs - firstUs) / speed;
      while (clock.nowUs() < dueUs) {
        await untilSaid(clock, dueUs, interjections);
        const marketUs = Math.floor(firstUs + (clock.nowUs() - startUs) * speed);
        lastUs = Math.min(tUs, Math.max(lastUs, marketUs));
        for (const said of interjections.take()) yield { ...said, tUs: lastUs } as InputEvent;
      }
    }
    for (const said of interjections.take()) yield { ...said, tUs } as InputEvent;
    yield event;
    lastUs = tUs;
  }
}

/** Waits until a time, or until something is said before it. */
function untilSaid(clock: Clock, tUs: TimeUs, { onSaid }: PacedInterjections): Promise<void> {
  return new Promise((resolve) => {
    const stopWaiting = clock.at(tUs, () => {
      stopListening();
      resolve();
    });
    const stopListening = onSaid(() => {
      stopWaiting();
      resolve();
    });
  });
}
