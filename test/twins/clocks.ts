import type { Clock } from '../../src/ports/clock.ts';

/** The wall's time. */
export const wallClock: Clock = {
  nowUs: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
  at: (tUs, call) => {
    const timer = setTimeout(call, Math.max(0, Math.ceil((tUs - wallClock.nowUs()) / 1000)));
    return () => clearTimeout(timer);
  },
};

export interface ManualClock extends Clock {
  /** Moves time on, calling back what falls due, in order. */
  advance(spanUs: number): void;
  /** When the next call falls due; undefined while nobody waits. */
  nextDueUs(): number | undefined;
  /** How many calls wait. */
  waiting(): number;
}

/** Time that a test moves. */
export function manualClock(startUs = 0): ManualClock {
  let nowUs = startUs;
  let calls: { readonly tUs: number; readonly call: () => void }[] = [];
  const nextDue = (untilUs: number) =>
    calls.filter(({ tUs }) => tUs <= untilUs).sort((a, b) => a.tUs - b.tUs)[0];
  return {
    nowUs: () => nowUs,
    waiting: () => calls.length,
    nextDueUs: () => nextDue(Number.POSITIVE_INFINITY)?.tUs,
    at: (tUs, call) => {
      const entry = { tUs, call };
      calls.push(entry);
      return () => {
        calls = calls.filter((one) => one !== entry);
      };
    },
    advance: (spanUs) => {
      const untilUs = nowUs + spanUs;
      for (let due = nextDue(untilUs); due !== undefined; due = nextDue(untilUs)) {
        calls = calls.filter((one) => one !== due);
        nowUs = Math.max(nowUs, due.tUs);
        due.call();
      }
      nowUs = untilUs;
    },
  };
}

export interface SteppingClock extends ManualClock {
  setBack(us: number): void;
}

/** The calls of a clock that is set back come when their span is over, as those of the machine do. */
export function steppingClock(startUs: number): SteppingClock {
  const steady = manualClock(startUs);
  let backUs = 0;
  return {
    ...steady,
    nowUs: () => steady.nowUs() - backUs,
    at: (tUs, call) => steady.at(tUs + backUs, call),
    nextDueUs: () => {
      const dueUs = steady.nextDueUs();
      return dueUs === undefined ? undefined : dueUs - backUs;
    },
    setBack: (us) => {
      backUs += us;
    },
  };
}

/** Waits until something holds; the wait is bounded, and says what it waited for. */
export async function until(what: string, holds: () => boolean, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A clock that runs so many times as fast as the wall's: ten seconds of patience are over in a tenth of one. */
export function fastClock(speed: number): Clock {
  const startedMs = performance.now();
  const startUs = 1_709_562_601_000_000;
  const nowUs = (): number => startUs + Math.floor((performance.now() - startedMs) * 1000 * speed);
  return {
    nowUs,
    at: (tUs, call) => {
      const timer = setTimeout(call, Math.max(0, (tUs - nowUs()) / 1000 / speed));
      return () => clearTimeout(timer);
    },
  };
}
