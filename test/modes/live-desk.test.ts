import { NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { InputEvent } from '../../src/events/inputs.ts';
import { openMarketDesk } from '../../src/modes/live-desk.ts';
import type { Untimed } from '../../src/ports/broker.ts';
import type { MarketDataSource } from '../../src/ports/market-source.ts';
import type { LiveLoop } from '../../src/runtime/live-loop.ts';
import { MINUTE_US, OPEN_US, SESSION, tableOf } from '../exchange/bars.ts';
import { manualClock, until } from '../twins/clocks.ts';

/** A source that knows the bars of these minutes. */
function sourceOf(minutes: readonly number[]): MarketDataSource {
  const barsUntil = (toUs: number) =>
    minutes
      .filter((minute) => OPEN_US + minute * MINUTE_US <= toUs)
      .map((minute) => ({ symbol: 'AAA', minute }));
  return {
    name: 'known',
    symbols: ['AAA'],
    barSeconds: 60,
    news$: NEVER,
    connect: async () => undefined,
    getQuotes: async () => [],
    getBars: async ({ toUs }) => tableOf(barsUntil(toUs)),
    getHistory: async () => [],
    getAdv: async () => ({}),
    close: async () => undefined,
  };
}

/** Starts again in a session that was opened before a crash, some minutes into it. @returns what is offered until then */
async function startedAgain(spec: {
  readonly minute: number;
  readonly newestBarUs: number;
  readonly known: readonly number[];
}): Promise<Untimed<InputEvent>[]> {
  const offered: Untimed<InputEvent>[] = [];
  const clock = manualClock(OPEN_US + spec.minute * MINUTE_US);
  const loop = { offer: (event: Untimed<InputEvent>) => void offered.push(event) };
  const desk = openMarketDesk({
    loop: loop as unknown as LiveLoop,
    source: sourceOf(spec.known),
    clock,
    sessions: [SESSION],
    symbols: ['AAA'],
    maxGapMinutes: 30,
    newestBarUs: spec.newestBarUs,
    cycleMinutes: 1,
    firstCycle: 1,
    isOpen: true,
    graceUs: 0,
    onEnd: () => undefined,
    onTrouble: (error) => {
      throw error;
    },
  });
  clock.advance(0);
  await until('the missed bars', () => offered.some(({ type }) => type === 'MarketSlice'));
  desk.stop();
  return offered;
}

describe('a session that was opened just before a crash', () => {
  const yesterdayUs = OPEN_US - 17 * 60 * MINUTE_US;
  it.each([
    { what: 'no bar is on the tape', newestBarUs: 0 },
    { what: 'the newest is of the session before', newestBarUs: yesterdayUs },
  ])('has no gap that began before it: $what', async ({ newestBarUs }) => {
    const offered = await startedAgain({ minute: 3, newestBarUs, known: [1, 2, 3] });
    expect(offered.filter(({ type }) => type === 'DataGapDetected')).toEqual([]);
  });

  it('has the gap that began in it', async () => {
    const offered = await startedAgain({ minute: 45, newestBarUs: yesterdayUs, known: [45] });
    expect(offered.filter(({ type }) => type === 'DataGapDetected')).toEqual([
      { type: 'DataGapDetected', symbol: 'AAA', sinceUs: OPEN_US },
    ]);
  });
});

describe('a source that is lost, and whose missed bars cannot be fetched', () => {
  it.each([
    { what: 'the source comes back first', order: ['source', 'fetch'] },
    { what: 'the bars come first', order: ['fetch', 'source'] },
  ] as const)('is back when it is neither: $what', async ({ order }) => {
    const links: string[] = [];
    const clock = manualClock(OPEN_US + 3 * MINUTE_US);
    let isAway = true;
    const loop = { offer: ({ type }: Untimed<InputEvent>) => void links.push(type) };
    const desk = openMarketDesk({
      ...{ loop: loop as unknown as LiveLoop, clock, sessions: [SESSION], symbols: ['AAA'] },
      ...{ maxGapMinutes: 30, newestBarUs: 0, cycleMinutes: 1, firstCycle: 1, isOpen: true, graceUs: 0 },
      source: {
        ...sourceOf([1]),
        getBars: async () => {
          if (isAway) throw new Error('away');
          return tableOf([{ symbol: 'AAA', minute: 1 }]);
        },
      },
      onEnd: () => undefined,
      onTrouble: () => undefined,
    });
    const said = () => links.filter((type) => type.startsWith('Connection'));
    clock.advance(0);
    await until('the failure', () => said().length === 1);
    desk.take({ type: 'ConnectionLost', source: 'market_data', reason: 'its stream ended' });
    for (const back of order) {
      expect(said()).not.toContain('ConnectionRestored');
      if (back === 'source') desk.take({ type: 'ConnectionRestored', source: 'market_data' });
      else {
        isAway = false;
        clock.advance(2_000_000);
        await until('the missed bars', () => links.includes('MarketSlice'));
      }
    }
    expect(said().filter((type) => type === 'ConnectionRestored')).toHaveLength(1);
    desk.stop();
  });
});
