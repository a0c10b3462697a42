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
  /** What was said meanwhile by others, to stand before the next event and at its time. */
  readonly interjections?: () => readonly Untimed<InputEvent>[];
}

/** Without waiting, sockets are looked at once every so many events. */
const BREATH = 64;

/** Hands events on no earlier than their time, counted from the first: the night between two sessions is not waited for. */
export function paced(events: Iterable<InputEvent>, options: PaceOptions): Observable<InputEvent> {
  return from(walk(events, options));
}

async function* walk(
  events: Iterable<InputEvent>,
  { clock, speed, interjections }: PaceOptions,
): AsyncGenerator<InputEvent> {
  const startUs = clock.nowUs();
  let firstUs: TimeUs | undefined;
  let count = 0;
  for (const event of events) {
    firstUs ??= event.tUs;
    count += 1;
    if (speed !== 'max') await until(clock, startUs + (event.tUs - firstUs) / speed);
    else if (count % BREATH === 0) await setImmediate();
    for (const said of interjections?.() ?? []) yield { ...said, tUs: event.tUs } as InputEvent;
    yield event;
  }
}

function until(clock: Clock, tUs: TimeUs): Promise<void> | undefined {
  if (clock.nowUs() >= tUs) return undefined;
  return new Promise((resolve) => {
    clock.at(tUs, resolve);
  });
}
