import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { LiveControls, LiveOptions } from '../../src/modes/live-options.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { liveDay, playDay, scratch } from './live-day.ts';

const outDir = scratch('clock-set-back');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const MINUTE_US = 60_000_000;

/** A day whose clock is set back by so much once its fifth cycle is complete, and that ends with its eighth. */
async function daySetBack(
  into: string,
  backUs: number,
  more: Partial<LiveOptions> & { set?: string[] } = {},
) {
  const stop = new AbortController();
  const troubles: string[] = [];
  const day = await liveDay(join(outDir, into), {
    signal: stop.signal,
    onTrouble: (error) => troubles.push(String(error)),
    ...more,
  });
  const running = playDay({
    clock: day.clock,
    options: {
      ...day.options,
      attach: (streams) => {
        more.attach?.(streams);
        streams.derived$.subscribe(({ event }) => {
          if (event.type !== 'CycleCompleted') return;
          if (event.cycle === 5) day.clock.setBack(backUs);
          if (event.cycle === 8) stop.abort();
        });
      },
    },
  });
  const result = await running.catch((error: unknown) => error);
  return { troubles, result };
}

function recordsOf(runDir: string) {
  const lines = readTape(runFolderAt(runDir).tapeDir, { torn: 'report', storedHead: 'leave' });
  return [...lines].map(({ record }) => record);
}

it('a clock set back by minutes is told, stops entries until it is as late again, and keeps no kill waiting', async () => {
  let controls: LiveControls | undefined;
  const { troubles, result } = await daySetBack('lenient', 20 * MINUTE_US, {
    set: ['strict=false'],
    openControls: async (opened) => {
      controls = opened;
      return { close: async () => undefined };
    },
    attach: ({ derived$ }) =>
      derived$.subscribe(({ event }) => {
        if (event.type !== 'ErrorRaised') return;
        controls!.loop.offer({ type: 'OperatorCommanded', command: 'kill', who: 'ann', why: 'no clock' });
      }),
  });
  // and a bar that was on its way is of a minute to come
  expect(troubles.filter((text) => !text.includes('which is to come'))).toEqual([
    expect.stringMatching(/clock of this machine is 1\d\d\d s behind where it was/),
  ]);
  const records = recordsOf((result as { readonly runDir: string }).runDir);
  const told = records.filter(
    ({ type, payload }) =>
      type === 'KillSwitchTripped' || (payload as { readonly source?: string }).source === 'clock',
  );
  expect(told.map(({ type }) => type)).toEqual(['ConnectionLost', 'KillSwitchTripped', 'ConnectionRestored']);
  const killedAt = records.findIndex(({ type }) => type === 'KillSwitchTripped');
  expect(records[killedAt]!.t).toBe(told[0]!.t);
  expect(
    records.some(({ payload }) => (payload as { readonly code?: string }).code === 'CLOCK_SET_BACK'),
  ).toBe(true);
  expect(controls!.engine.isLost.clock).toBe(false);
});

it('stops a strict run, killed', async () => {
  const { result } = await daySetBack('strict', 180 * MINUTE_US);
  expect(result).toMatchObject({
    code: 'STRICT_STOPPED',
    message: expect.stringContaining('CLOCK_SET_BACK: the clock of this machine is 10') as string,
  });
});

it('set back by less than a bar may be ahead of it, it is not told', async () => {
  const { troubles, result } = await daySetBack('little', 4_000_000);
  expect(troubles).toEqual([]);
  expect(result).toMatchObject({ isClosed: false });
});
