import { lastValueFrom, tap, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { InputEvent } from '../../src/events/inputs.ts';
import { createInterjections } from '../../src/modes/paper-line.ts';
import type { Untimed } from '../../src/ports/broker.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type PacedInterjections, paced } from '../../src/sources/pace.ts';

const MINUTE_US = 60_000_000;
const OPEN_US = 1_700_000_000_000_000;

/** A clock that stands still until it is moved. */
function handClock(): Clock & { moveTo(us: number): Promise<void> } {
  let now = 0;
  const calls = new Map<() => void, number>();
  return {
    nowUs: () => now,
    at: (tUs, call) => {
      calls.set(call, tUs);
      return () => calls.delete(call);
    },
    moveTo: async (us) => {
      now = us;
      for (const [call, tUs] of calls) {
        if (tUs > now) continue;
        calls.delete(call);
        call();
      }
      await settled();
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function operator(): PacedInterjections & { say(command: 'pause' | 'kill'): Promise<void> } {
  let waiting: Untimed<InputEvent>[] = [];
  let listener: (() => void) | undefined;
  return {
    take: () => waiting.splice(0),
    onSaid: (call) => {
      listener = call;
      return () => {
        listener = undefined;
      };
    },
    say: async (command) => {
      waiting = [...waiting, { type: 'OperatorCommanded', command, who: 'w', why: 'y' }];
      listener?.();
      await settled();
    },
  };
}

const beats = (...minutes: number[]): InputEvent[] =>
  minutes.map((minute) => ({ type: 'Heartbeat', tUs: OPEN_US + minute * MINUTE_US }));

describe('events in their own time', () => {
  it('given a command while a bar is waited for, it is handed on at once, at the time of the market', async () => {
    const clock = handClock();
    const said = operator();
    const seen: (readonly [string, number])[] = [];
    const done = lastValueFrom(
      paced(beats(0, 1, 2), { clock, speed: 2, interjections: said }).pipe(
        tap(({ type, tUs }) => seen.push([type, (tUs - OPEN_US) / MINUTE_US])),
        toArray(),
      ),
    );
    await settled();
    // a quarter of a minute of the clock is half a minute of the market
    await clock.moveTo(MINUTE_US / 4);
    await said.say('pause');
    expect(seen).toEqual([
      ['Heartbeat', 0],
      ['OperatorCommanded', 0.5],
    ]);
    await said.say('kill');
    await clock.moveTo(MINUTE_US / 2);
    expect(seen.slice(2)).toEqual([
      ['OperatorCommanded', 0.5],
      ['Heartbeat', 1],
    ]);
    // a machine that slept: what was said then stands before the event that is due by now, never after it
    await clock.moveTo(5 * MINUTE_US);
    await done;
    expect(seen.slice(4)).toEqual([['Heartbeat', 2]]);
  });

  it('given a command that comes when an event is overdue, it stands before it, at its time', async () => {
    const clock = handClock();
    const said = operator();
    const seen: (readonly [string, number])[] = [];
    paced(beats(0, 1), { clock, speed: 1, interjections: said }).subscribe(({ type, tUs }) =>
      seen.push([type, (tUs - OPEN_US) / MINUTE_US]),
    );
    await settled();
    const moved = clock.moveTo(10 * MINUTE_US);
    await said.say('kill');
    await moved;
    expect(seen).toEqual([
      ['Heartbeat', 0],
      ['OperatorCommanded', 1],
      ['Heartbeat', 1],
    ]);
  });
});

it('who listens after something was said is told', async () => {
  const said = createInterjections();
  const input = { type: 'OperatorCommanded', command: 'kill', who: 'w', why: 'y' } as const;
  const request = { input, claim: () => true, acknowledge: () => undefined, refuse: () => undefined };
  let told = 0;
  said.add(request as unknown as Parameters<typeof said.add>[0]);
  said.onSaid(() => {
    told += 1;
  });
  await settled();
  expect([told, said.take()]).toEqual([1, [input]]);
});
