import { afterEach, describe, expect, it, vi } from 'vitest';
import { wallClock } from '../../src/sources/wall-clock.ts';

const SECOND = 1_000_000;
const HOUR_MS = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

/** What the machine's clock calls back, after a step of its time and `laterMs` of waiting. */
function calledAfter(waitUs: number, { stepMs, laterMs }: { stepMs: number; laterMs: number }): boolean {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] });
  vi.setSystemTime(new Date('2026-11-27T15:00:00Z'));
  let isCalled = false;
  wallClock.at(wallClock.nowUs() + waitUs, () => {
    isCalled = true;
  });
  vi.setSystemTime(Date.now() + stepMs);
  vi.advanceTimersByTime(laterMs);
  return isCalled;
}

describe('the clock of the machine, set while somebody waits', () => {
  it('back by an hour, ends a short wait a second late, and none before', () => {
    expect(calledAfter(30 * SECOND, { stepMs: -HOUR_MS, laterMs: 30_500 })).toBe(false);
    expect(calledAfter(30 * SECOND, { stepMs: -HOUR_MS, laterMs: 31_100 })).toBe(true);
  });

  it('back by an hour, keeps to the time of the day where that was waited for', () => {
    expect(calledAfter(1800 * SECOND, { stepMs: -HOUR_MS, laterMs: 1_900_000 })).toBe(false);
    expect(calledAfter(1800 * SECOND, { stepMs: -HOUR_MS, laterMs: 5_402_000 })).toBe(true);
  });

  it('forward by hours, as after a sleep, ends every wait within a second', () => {
    expect(calledAfter(1800 * SECOND, { stepMs: 3 * HOUR_MS, laterMs: 1_100 })).toBe(true);
  });
});
