import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { mergeMap } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import type { MarketSlice } from '../../src/domain/market-table.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import type { LiveOptions } from '../../src/modes/live-options.ts';
import type { MarketDataSource, MarketNews } from '../../src/ports/market-source.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import type { ManualClock } from '../twins/clocks.ts';
import { liveDay, playDay, quickstartDay, scratch } from './live-day.ts';

const outDir = scratch('late-bars');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const MINUTE = 60_000_000;
const SPLIT_US = quickstartDay.openUs + 10 * MINUTE;
const LAST_CYCLE = 15;

interface Telling {
  readonly tell?: (news: MarketNews) => MarketNews[];
  readonly around?: (source: MarketDataSource, clock: ManualClock) => MarketDataSource;
  readonly set?: readonly string[];
  /** How long after a minute before the opening the run starts. */
  readonly startsAfterUs?: number;
}

/** The quickstart told otherwise than a minute at once, up to a cycle. */
async function toldBy(name: string, telling: Telling) {
  const { tell = (news) => [news], around = (source) => source, set = [], startsAfterUs = 0 } = telling;
  const stop = new AbortController();
  const day = await liveDay(join(outDir, name), {
    set,
    signal: stop.signal,
    attach: ({ derived$ }) => {
      derived$.subscribe(({ event }) => {
        if (event.type === 'CycleCompleted' && event.cycle === LAST_CYCLE) stop.abort();
      });
    },
  });
  day.clock.advance(startsAfterUs);
  const openSource: LiveOptions['openSource'] = async (spec) => {
    const source = around(await day.options.openSource(spec), day.clock);
    return { ...source, news$: source.news$.pipe(mergeMap(tell)) };
  };
  return playDay({ ...day, options: { ...day.options, openSource } });
}

const sliceOf = (news: MarketNews): MarketSlice => {
  if (news.type !== 'MarketSlice') throw new Error('expected bars');
  return news.slice;
};
const partOf = (news: MarketNews, rows: Pick<MarketSlice, 'from' | 'to'>): MarketNews =>
  ({ ...news, slice: { ...sliceOf(news), ...rows } }) as MarketNews;

/** The minute in two parts, five symbols and the rest. */
const inTwo = (news: MarketNews): MarketNews[] => {
  const { table, from, to } = sliceOf(news);
  if (table.endUs[from] !== SPLIT_US) return [news];
  return [partOf(news, { from, to: from + 5 }), partOf(news, { from: from + 5, to })];
};

function recordsOf(runDir: string): readonly TapeRecord[] {
  const lines = readTape(runFolderAt(runDir).tapeDir, { torn: 'report', storedHead: 'leave' });
  return [...lines].map(({ record }) => record);
}

describe('bars that come behind their minute', () => {
  it('are gaps of their symbols on the tape, and held; the run goes on and replays', async () => {
    const { runDir, chainHead } = await toldBy('gaps', { tell: inTwo, set: ['strict=false'] });
    const records = recordsOf(runDir);
    const gaps = records.filter(({ type }) => type === 'DataGapDetected').map(({ payload }) => payload);
    expect(gaps).toEqual(
      ['FFF', 'GGG', 'HHH'].map((symbol) => ({ lateBarUs: SPLIT_US, sinceUs: SPLIT_US - MINUTE, symbol })),
    );
    const raised = records.filter(({ type }) => type === 'ErrorRaised').map(({ payload }) => payload);
    const messages = ['FFF', 'GGG', 'HHH'].map((symbol) => ({
      code: 'DATA_STALE',
      message: `${symbol} had a bar 0 s behind its minute; a source tells a minute at once`,
      symbol,
    }));
    expect(raised).toEqual(messages);
    const replay = await replayRun({ runDir, datasetDir: undefined, progress: silentProgress });
    expect([replay.divergence, replay.chainHead]).toEqual([undefined, chainHead]);
  });

  it('stop a strict run', async () => {
    await expect(toldBy('strict', { tell: inTwo })).rejects.toMatchObject({ code: 'STRICT_STOPPED' });
  });

  it('are told from bars that are told again, which say nothing new', async () => {
    const whole = await toldBy('once', {});
    const twice = await toldBy('twice', { tell: (news) => [news, news] });
    expect(twice.decisionHead).toBe(whole.decisionHead);
  });

  it('are none where a minute comes whole while it is fetched without its quotes', async () => {
    const { runDir } = await toldBy('fetched', {
      startsAfterUs: 11.5 * MINUTE,
      around: (source, clock) => ({
        ...source,
        getBars: async ({ session, fromUs }) => {
          // the bar of the next minute comes meanwhile
          const untilUs = clock.nowUs() + MINUTE;
          await new Promise<void>((resolve) => clock.at(untilUs, resolve));
          const { symbols, ...table } = await source.getBars({ session, fromUs, toUs: untilUs });
          return { ...table, symbols: symbols.map((symbol) => (symbol > 'DDD' ? `${symbol}X` : symbol)) };
        },
      }),
    });
    const records = recordsOf(runDir);
    expect(records.filter(({ type }) => type === 'DataGapDetected')).toEqual([]);
    const told = records
      .filter(({ type }) => type === 'MarketSlice')
      .map(({ payload }) => payload as { readonly endUs: number; readonly symbols: readonly string[] });
    const minutes = told.map(({ endUs }) => (endUs - quickstartDay.openUs) / MINUTE);
    expect(minutes).toEqual(minutes.map((_, k) => k + 1));
    expect(told.slice(0, 12).map(({ symbols }) => symbols.includes('EEE'))).toEqual(
      minutes.slice(0, 12).map((minute) => minute > 10),
    );
  });
});
