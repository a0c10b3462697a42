import { rmSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { scratch } from '../live/live-day.ts';
import { soakClock, soakLive } from './live-soak.ts';
import { growthOf, type Sample } from './samples.ts';

const work = scratch('live-soak');
afterAll(() => rmSync(work, { recursive: true, force: true }));

it('the live loop goes through nights of a made-up market, leaves nobody waiting, and replays', async () => {
  const waiting: number[] = [];
  const clock = soakClock();
  const result = await soakLive({
    ...{ work, clock, sessions: 2 },
    set: ['cycle.minutes=2', 'prediction.deadlineMilliseconds=600000'],
    onSession: () => waiting.push(clock.waiting()),
  });
  expect([waiting.length, result.cycles, result.isClosed]).toEqual([2, 2 * 194, true]);
  // the schedule, the source and a flush; deadlines that were kept are taken back
  expect(Math.max(...waiting)).toBeLessThanOrEqual(3);
  const replay = await replayRun({ runDir: result.runDir, datasetDir: undefined, progress: silentProgress });
  expect([replay.divergence, replay.chainHead]).toEqual([undefined, result.chainHead]);
}, 60_000);

it('a soak tells what grows from what is flat', () => {
  const samples = (rssMib: (n: number) => number, files: (n: number) => number): Sample[] =>
    Array.from({ length: 100 }, (_, n) => ({ rssMib: rssMib(n), files: files(n) }));
  const flat = () => 28;
  expect(growthOf(samples((n) => 200 + Math.min(n, 15), flat)).isFlat).toBe(true);
  expect(growthOf(samples((n) => 200 + n / 2, flat))).toMatchObject({ isFlat: false, sessions: 100 });
  expect(
    growthOf(
      samples(
        () => 200,
        (n) => 28 + Math.floor(n / 50),
      ),
    ).isFlat,
  ).toBe(false);
});
