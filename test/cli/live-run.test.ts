import { Subject } from 'rxjs';
import { expect, it } from 'vitest';
import { tellEvents } from '../../src/cli/live-run.ts';
import { sessionOn } from '../../src/data/calendar.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import type { RunStreams } from '../../src/runtime/recorder.ts';

const [before, today] = ['2024-01-10', '2024-01-11'].map((date) => sessionOn(date)!) as [Session, Session];
type Session = NonNullable<ReturnType<typeof sessionOn>>;

it('sessions of the warm-up are told as read, not as opened', () => {
  const inputs$ = new Subject<{ event: InputEvent }>();
  const said: string[] = [];
  const streams = { inputs$, derived$: new Subject() } as unknown as RunStreams;
  tellEvents(streams, { say: (line) => said.push(line), startedUs: today.openUs + 60_000_000 });
  for (const session of [before, today]) {
    inputs$.next({ event: { type: 'SessionOpened', tUs: session.openUs, session } });
    inputs$.next({ event: { type: 'SessionClosed', tUs: session.closeUs, date: session.date } });
  }
  expect(said).toEqual([
    'session 2024-01-10 read for warm-up',
    'session 2024-01-11 opened',
    'session 2024-01-11 closed',
  ]);
});
