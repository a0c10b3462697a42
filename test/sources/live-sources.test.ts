import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { sessionOn, sessionsFrom } from '../../src/data/calendar.ts';
import { synthesize } from '../../src/data/synth.ts';
import type { HistorySession, MarketDataSource, MarketNews } from '../../src/ports/market-source.ts';
import { cachedSource } from '../../src/sources/cached.ts';
import { type ScheduleNews, scheduleSessions } from '../../src/sources/session-schedule.ts';
import { createSimulatedSource, startOfNextSession } from '../../src/sources/simulated.ts';
import { createTableSource } from '../../src/sources/table-source.ts';
import { manualClock } from '../twins/clocks.ts';

const MINUTE = 60_000_000;
const FRIDAY = sessionOn('2024-07-05')!;
/** A half day. */
const WEDNESDAY = sessionOn('2024-07-03')!;
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the schedule of sessions', () => {
  function scheduled({ from = WEDNESDAY.openUs - MINUTE, minutes = 60, isOpen = false } = {}) {
    const clock = manualClock(from);
    const said: string[] = [];
    let ended = 0;
    const schedule = scheduleSessions({
      sessions: [WEDNESDAY, FRIDAY],
      cycleMinutes: minutes,
      firstCycle: 1,
      isOpen,
      graceUs: 2_000_000,
      clock,
      offer: (news: ScheduleNews) => {
        const what = news.type === 'CycleDue' ? `cycle ${news.cycle}` : news.type;
        said.push(`${what} ${new Date(clock.nowUs() / 1000).toISOString().slice(5, 19)}`);
      },
      onOpen: async () => undefined,
      onEnd: () => {
        ended += 1;
      },
    });
    const pass = async (us: number): Promise<void> => {
      for (let done = 0; done < us; done += MINUTE) {
        clock.advance(Math.min(MINUTE, us - done));
        await settle();
      }
    };
    return { schedule, said, pass, clock, ended: () => ended };
  }

  it('opens, lets cycles fall due a grace behind their time, and closes a half day early, over the holiday to the next', async () => {
    const { said, pass, ended } = scheduled();
    await pass(4 * 60 * MINUTE);
    expect(said).toEqual([
      'SessionOpened 07-03T13:30:00',
      'cycle 1 07-03T14:30:02',
      'cycle 2 07-03T15:30:02',
      'cycle 3 07-03T16:30:02',
      'SessionClosed 07-03T17:00:02',
    ]);
    said.length = 0;
    await pass(2 * 24 * 60 * MINUTE + 4 * 60 * MINUTE);
    expect(said[0]).toBe('SessionOpened 07-05T13:30:00');
    expect(said.at(-1)).toBe('SessionClosed 07-05T20:00:02');
    expect(said.length).toBe(8);
    expect(ended()).toBe(1);
  });

  it('does not wait for the grace once the bar is there, and asks for no cycle twice', async () => {
    const { schedule, said, pass } = scheduled();
    await pass(61 * MINUTE);
    schedule.barArrived(WEDNESDAY.openUs + 60 * MINUTE);
    expect(said.slice(1)).toEqual(['cycle 1 07-03T14:30:00']);
    await pass(MINUTE);
    expect(said.length).toBe(2);
  });

  it('begins in the middle of a session with the next cycle of its grid, and opens none that is open', async () => {
    const { said, pass } = scheduled({ from: WEDNESDAY.openUs + 90 * MINUTE, isOpen: true });
    await pass(45 * MINUTE);
    expect(said).toEqual(['cycle 1 07-03T15:30:02']);
  });

  it('lets only the newest of missed cycles fall due, and counts them all', async () => {
    const { schedule, said, pass, clock } = scheduled({ minutes: 1 });
    await pass(MINUTE);
    clock.advance(500_000);
    schedule.barArrived(WEDNESDAY.openUs + 5 * MINUTE);
    expect(said.slice(1)).toEqual(['cycle 5 07-03T13:30:00']);
  });

  it('says nothing once stopped', async () => {
    const { schedule, said, pass } = scheduled();
    schedule.stop();
    await pass(120 * MINUTE);
    expect(said).toEqual([]);
  });
});

/** A source that counts what it is asked. */
function counted(clock = manualClock(FRIDAY.openUs)) {
  const tables = [...synthesize({ symbols: ['AAA', 'BBB'], sessions: 2, from: '2024-07-03', seed: 3 })];
  const inner = createTableSource({
    name: 'table',
    symbols: ['AAA', 'BBB'],
    barSeconds: 60,
    sessions: [WEDNESDAY, FRIDAY],
    loadSession: async (date) => tables.find(({ session }) => session === date)!,
    clock,
  });
  const asked: string[] = [];
  let isBroken = false;
  const ask = <K extends 'getQuotes' | 'getHistory'>(key: K): MarketDataSource[K] =>
    (async (question: never) => {
      asked.push(key);
      await settle();
      if (isBroken) throw new Error('away');
      return (inner[key] as (question: never) => unknown)(question);
    }) as MarketDataSource[K];
  const source: MarketDataSource = { ...inner, getQuotes: ask('getQuotes'), getHistory: ask('getHistory') };
  const limits = { quoteTtlUs: 1_000_000, historyTtlUs: 60 * MINUTE, maxEntries: 2, clock };
  return {
    ...{ clock, asked, inner },
    cached: cachedSource(source, limits),
    breakIt: (broken: boolean) => {
      isBroken = broken;
    },
  };
}

describe('a cached source', () => {
  it('asks once for the same question until its time is up, also while the answer is on its way', async () => {
    const { cached, asked, clock } = counted();
    await Promise.all([cached.getQuotes(['AAA']), cached.getQuotes(['AAA'])]);
    await cached.getQuotes(['BBB']);
    expect(asked.length).toBe(2);
    clock.advance(1_000_000);
    await cached.getQuotes(['BBB']);
    expect(asked.length).toBe(3);
  });

  it('keeps no failure, and no more than it may', async () => {
    const { cached, asked, breakIt } = counted();
    breakIt(true);
    await expect(cached.getHistory({ sessions: 1, beforeUs: 1 })).rejects.toThrow('away');
    breakIt(false);
    for (const sessions of [1, 2, 3, 1]) await cached.getHistory({ sessions, beforeUs: FRIDAY.openUs });
    expect(asked.length).toBe(5);
    await cached.getHistory({ sessions: 1, beforeUs: FRIDAY.openUs });
    expect(asked.length).toBe(5);
  });
});

describe('a source of tables', () => {
  it('tells a bar at its end, and gives what came before as history, bars, quotes and volume', async () => {
    const { inner: source, clock } = counted(manualClock(FRIDAY.openUs - MINUTE));
    const news: MarketNews[] = [];
    let isOver = false;
    source.news$.subscribe({ next: (one) => news.push(one), complete: () => (isOver = true) });
    await source.connect();
    expect(
      (await source.getHistory({ sessions: 5, beforeUs: clock.nowUs() })).map(({ session }) => session),
    ).toEqual([WEDNESDAY]);
    clock.advance(3 * MINUTE);
    const ends = news.map((one) => one.type === 'MarketSlice' && one.slice.table.endUs[one.slice.from]);
    expect(ends).toEqual([FRIDAY.openUs + MINUTE, FRIDAY.openUs + 2 * MINUTE]);
    const part = await source.getBars({
      session: FRIDAY,
      fromUs: FRIDAY.openUs + MINUTE,
      toUs: clock.nowUs(),
    });
    expect(new Set(part.endUs)).toEqual(new Set([FRIDAY.openUs + 2 * MINUTE]));
    const quotes = await source.getQuotes(['BBB', 'ZZZ']);
    expect(quotes.map(({ symbol, tUs }) => [symbol, tUs])).toEqual([['BBB', FRIDAY.openUs + 2 * MINUTE]]);
    expect(quotes[0]!.askE4).toBeGreaterThan(quotes[0]!.bidE4);
    const adv = await source.getAdv({ sessions: 1, beforeUs: clock.nowUs() });
    expect(adv.AAA).toBeGreaterThan(0);
    clock.advance(FRIDAY.closeUs - clock.nowUs());
    await settle();
    await settle();
    expect(isOver).toBe(true);
  });
});

describe('a simulated source', () => {
  it('is the same market for the same seed, with history before the clock, on the days of the calendar', async () => {
    const saturday = FRIDAY.closeUs + 24 * 60 * MINUTE;
    expect(startOfNextSession(saturday)).toBe(sessionOn('2024-07-08')!.openUs - MINUTE);
    const clock = manualClock(startOfNextSession(saturday));
    const startedUs = clock.nowUs();
    const open = (seed: number) =>
      createSimulatedSource({
        ...{ symbols: ['AAA', 'BBB'], seed, sessionsBefore: 2, sessionsAfter: 1, startedUs, clock },
      });
    const history = async (seed: number) => open(seed).getHistory({ sessions: 2, beforeUs: clock.nowUs() });
    const [one, again, other] = await Promise.all([history(1), history(1), history(2)]);
    expect(one.map(({ session: { date } }) => date)).toEqual(['2024-07-03', '2024-07-05']);
    expect(again[1]!.table.bidCloseE4).toEqual(one[1]!.table.bidCloseE4);
    expect(other[1]!.table.bidCloseE4).not.toEqual(one[1]!.table.bidCloseE4);
  });

  it('goes on as the same market where its run is taken up on a later day', async () => {
    const startedUs = WEDNESDAY.openUs - MINUTE;
    const barsOfFriday = async (nowUs: number) => {
      const options = { symbols: ['AAA'], seed: 1, sessionsBefore: 1, sessionsAfter: 3, startedUs };
      const source = createSimulatedSource({ ...options, clock: manualClock(nowUs) });
      return source.getBars({ session: FRIDAY, fromUs: FRIDAY.openUs, toUs: FRIDAY.closeUs });
    };
    expect(await barsOfFriday(FRIDAY.openUs)).toEqual(await barsOfFriday(startedUs));
  });

  it('keeps a few sessions, and makes those it let go again', async () => {
    const clock = manualClock(WEDNESDAY.openUs - MINUTE);
    const options = { symbols: ['AAA'], seed: 1, sessionsBefore: 1, sessionsAfter: 40 };
    const source = createSimulatedSource({ ...options, startedUs: clock.nowUs(), clock });
    const sessions = sessionsFrom({ sessions: 40, fromUs: clock.nowUs() });
    const seen: WeakRef<object>[] = [];
    const closes = async ([{ table }]: readonly HistorySession[], isWatched: boolean) => {
      if (isWatched) seen.push(new WeakRef(table));
      return [...table.closeE4];
    };
    const endedBy = async (closeUs: number) => source.getHistory({ sessions: 1, beforeUs: closeUs });
    const told: number[][] = [];
    for (const { closeUs } of sessions) told.push(await closes(await endedBy(closeUs), true));
    await collected();
    expect(seen.filter((ref) => ref.deref() !== undefined).length).toBeLessThanOrEqual(3);
    expect(await closes(await endedBy(sessions[4]!.closeUs), false)).toEqual(told[4]);
    expect(await closes(await endedBy(sessions[39]!.closeUs), false)).toEqual(told[39]);
  });
});

/** Lets the collector take what nobody holds any more. */
async function collected(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) {
    await settle();
    collect();
  }
}
