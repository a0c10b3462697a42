import type { MarketSlice, MarketTable, Session } from '../domain/market-table.ts';
import { type TimeUs, US_PER_MINUTE } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { HistorySession, MarketDataSource, MarketNews } from '../ports/market-source.ts';
import type { LiveLoop } from '../runtime/live-loop.ts';
import { createGapWatch } from '../sources/data-gaps.ts';
import { type ScheduleOptions, type SessionSchedule, scheduleSessions } from '../sources/session-schedule.ts';
import { sessionTimeline } from '../sources/session-timeline.ts';

export interface MarketDeskOptions
  extends Pick<ScheduleOptions, 'sessions' | 'cycleMinutes' | 'firstCycle' | 'isOpen' | 'graceUs' | 'onEnd'> {
  readonly loop: LiveLoop;
  readonly source: MarketDataSource;
  readonly clock: Clock;
  readonly symbols: readonly string[];
  readonly maxGapMinutes: number | undefined;
  /** End of the newest bar on the tape, 0 where there is none. */
  readonly newestBarUs: TimeUs;
  readonly onTrouble: (error: unknown) => void;
}

/** First and longest wait before missed bars are asked for again. */
const RETRY_FIRST_US = 1_000_000;
const RETRY_LONGEST_US = 30_000_000;

/**
 * Brings the market to the loop: bars as they come, each before the cycle of its time, sessions by the clock. What was
 * missed of a session that had begun is fetched first; until it is there the source counts as lost, so nothing is entered.
 */
export function openMarketDesk(options: MarketDeskOptions): SessionSchedule {
  const { loop, source, clock } = options;
  const gapsBefore = createGapWatch({
    ...options,
    barSeconds: source.barSeconds,
    ...(options.newestBarUs === 0 ? {} : { sinceUs: options.newestBarUs }),
  });
  let newestBarUs = options.newestBarUs;
  /** Bars that came while missed ones are fetched; null when none are. */
  let held: MarketNews[] | null = [];

  /** Bars count by their own end: those that are fetched later than they were made leave no gap. */
  function offer(event: Untimed<InputEvent>, tUs = clock.nowUs()): void {
    for (const { tUs: _now, ...gap } of gapsBefore({ ...event, tUs } as InputEvent)) {
      loop.offer(gap as Untimed<InputEvent>);
    }
    loop.offer(event);
  }

  function take(news: MarketNews): void {
    if (news.type !== 'MarketSlice') {
      loop.offer(news);
      return;
    }
    const endUs = news.slice.table.endUs[news.slice.from];
    if (endUs <= newestBarUs) return;
    newestBarUs = endUs;
    offer(news, endUs);
    schedule.barArrived(endUs);
  }

  async function fetchMissed(session: Session): Promise<void> {
    const toUs = clock.nowUs();
    const fromUs = Math.max(session.openUs, newestBarUs);
    held ??= [];
    if (toUs - fromUs >= US_PER_MINUTE) {
      const table = await untilFetched(() => source.getBars({ session, fromUs, toUs }));
      for (const slice of slicesOf(table)) take({ type: 'MarketSlice', origin: 'inline', slice });
    }
    const came = held;
    held = null;
    for (const news of came) take(news);
  }

  async function untilFetched(ask: () => Promise<MarketTable>): Promise<MarketTable> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const table = await ask();
        if (attempt > 0) loop.offer({ type: 'ConnectionRestored', source: 'market_data' });
        return table;
      } catch (error) {
        options.onTrouble(error);
        const reason = 'bars that were missed could not be fetched';
        if (attempt === 0) loop.offer({ type: 'ConnectionLost', source: 'market_data', reason });
        const waitUs = Math.min(RETRY_FIRST_US * 2 ** Math.min(attempt, 10), RETRY_LONGEST_US);
        await new Promise<void>((resolve) => clock.at(clock.nowUs() + waitUs, resolve));
      }
    }
  }

  source.news$.subscribe((news) => {
    if (held !== null && news.type === 'MarketSlice') held.push(news);
    else take(news);
  });
  const schedule = scheduleSessions({ ...options, offer, onOpen: fetchMissed });
  return schedule;
}

/** Rows that share an end time, each as a slice. */
function* slicesOf(table: MarketTable): Generator<MarketSlice> {
  for (let from = 0; from < table.rowCount; ) {
    let to = from + 1;
    while (to < table.rowCount && table.endUs[to] === table.endUs[from]) to += 1;
    yield { table, from, to };
    from = to;
  }
}

/** Takes sessions that are over into the loop at their own times: features and volatilities know them, nothing is decided. */
export async function offerHistory(loop: LiveLoop, history: readonly HistorySession[]): Promise<void> {
  for (const { session, table } of history) {
    const timeline = sessionTimeline({ session, table, cycleMinutes: 1, firstCycle: 1, origin: 'inline' });
    for (const { tUs, ...event } of timeline) {
      if (event.type !== 'CycleDue') loop.arrive({ event: event as Untimed<InputEvent>, tUs });
    }
    await loop.settled();
  }
}
