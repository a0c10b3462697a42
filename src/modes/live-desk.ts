import { type MarketSlice, type MarketTable, type Session, sliceEnd } from '../domain/market-table.ts';
import { type TimeUs, US_PER_MINUTE } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { HistorySession, MarketDataSource, MarketNews } from '../ports/market-source.ts';
import type { Arrival, LiveLoop } from '../runtime/live-loop.ts';
import { createGapWatch } from '../sources/data-gaps.ts';
import { type ScheduleOptions, type SessionSchedule, scheduleSessions } from '../sources/session-schedule.ts';
import { sessionTimeline } from '../sources/session-timeline.ts';
import { BEHIND_US } from './clock-watch.ts';
import { createToldBars } from './told-bars.ts';

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

/** First and longest wait before missed bars are asked for again, and how often they are. */
const RETRY_FIRST_US = 1_000_000;
const RETRY_LONGEST_US = 30_000_000;
const MAX_ASKS = 6;
export interface MarketDesk {
  /** Takes in what the source tells. */
  take(news: MarketNews): void;
  stop(): void;
}

/**
 * Brings the market to the loop: bars as they come, each before the cycle of its time, sessions by the clock. What was
 * missed of a session that had begun is fetched first; while it cannot be, the source counts as lost, so nothing is entered.
 */
export function openMarketDesk(options: MarketDeskOptions): MarketDesk {
  const { loop, source, clock, onTrouble } = options;
  /** The one that is open, or else the newest. */
  let session: Session | undefined = options.isOpen ? options.sessions[0] : undefined;
  // a session that was opened just before a crash has no bar yet, and the newest may be of the one before
  const opened = session && { sinceUs: Math.max(session.openUs, options.newestBarUs) };
  const gapsBefore = createGapWatch({ ...options, ...opened, barSeconds: source.barSeconds });
  const told = createToldBars(options.symbols);
  let newestBarUs = options.newestBarUs;
  /** Bars that came while missed ones are fetched; null when none are. */
  let held: BarNews[] | null = null;
  let isStopped = false;
  /** Whether the source says so itself, and whether what was missed cannot be fetched: it is back when neither is so. */
  let isSourceLost = false;
  let isFetchLost = false;

  /** Bars count by their own end, and nothing after the close: what is fetched later than it was made leaves no gap. */
  function offer(event: Untimed<InputEvent>, tUs = clock.nowUs()): void {
    if (event.type === 'SessionOpened') {
      session = event.session;
      told.clear();
    }
    const atUs = Math.min(tUs, session?.closeUs ?? tUs);
    for (const { tUs: _now, ...gap } of gapsBefore({ ...event, tUs: atUs } as InputEvent)) {
      loop.offer(gap as Untimed<InputEvent>);
    }
    loop.offer(event);
  }

  function take(news: MarketNews): void {
    if (news.type !== 'MarketSlice') {
      if (news.type === 'ConnectionLost') isSourceLost = true;
      if (news.type === 'ConnectionRestored') isSourceLost = false;
      if (news.type !== 'ConnectionRestored' || !isFetchLost) loop.offer(news);
      return;
    }
    if (held !== null) {
      held.push(news);
      return;
    }
    const endUs = news.slice.table.endUs[news.slice.from];
    // what is traded before the opening and after the close is of no session
    if (session === undefined || endUs <= session.openUs || endUs > session.closeUs) return;
    if (endUs <= newestBarUs) {
      refuseLate(news.slice, endUs);
      return;
    }
    if (endUs > clock.nowUs() + BEHIND_US) {
      onTrouble(new Error(`source ${source.name}: a bar ends at ${endUs}, which is to come`));
      return;
    }
    newestBarUs = endUs;
    told.note(news.slice);
    offer(news, endUs);
    schedule.barArrived(endUs);
  }

  /**
   * A minute is decided on as it was told first. What a bar behind that would have changed is not taken back: it is a gap
   * of its symbol, on the tape. Bars told again, and those that were there before the run was taken up, say nothing new.
   */
  function refuseLate(slice: MarketSlice, endUs: TimeUs): void {
    if (endUs <= options.newestBarUs) return;
    const sinceUs = endUs - source.barSeconds * 1_000_000;
    for (const symbol of told.missingIn(slice)) {
      loop.offer({ type: 'DataGapDetected', symbol, sinceUs, lateBarUs: endUs });
    }
  }

  async function fetchMissed(opened: Session): Promise<void> {
    const toUs = clock.nowUs();
    const fromUs = Math.max(opened.openUs, newestBarUs);
    if (toUs - fromUs < US_PER_MINUTE) return;
    held = [];
    const table = await fetched(opened, { session: opened, fromUs, toUs });
    const came = held;
    held = null;
    if (isStopped) return;
    for (const news of table === undefined ? came : inOrder(slicesOf(table), came)) take(news);
  }

  /** @returns undefined when it was given up: the gap stays, and shows */
  async function fetched(
    { closeUs }: Session,
    span: Parameters<MarketDataSource['getBars']>[0],
  ): Promise<MarketTable | undefined> {
    let table: MarketTable | undefined;
    let asks = 0;
    while (table === undefined && asks < MAX_ASKS && !isStopped && clock.nowUs() < closeUs) {
      try {
        table = await source.getBars(span);
      } catch (error) {
        onTrouble(error);
        const reason = 'bars that were missed could not be fetched';
        if (asks === 0) loop.offer({ type: 'ConnectionLost', source: 'market_data', reason });
        isFetchLost = true;
        const waitUs = Math.min(RETRY_FIRST_US * 2 ** asks, RETRY_LONGEST_US);
        asks += 1;
        await new Promise<void>((resolve) => clock.at(clock.nowUs() + waitUs, resolve));
      }
    }
    isFetchLost = false;
    if (asks > 0 && !isSourceLost) loop.offer({ type: 'ConnectionRestored', source: 'market_data' });
    return table;
  }

  const schedule: SessionSchedule = scheduleSessions({ ...options, offer, onOpen: fetchMissed });
  return {
    take,
    stop: () => {
      isStopped = true;
      schedule.stop();
    },
  };
}

type BarNews = Extract<MarketNews, { readonly type: 'MarketSlice' }>;

/** Bars that were fetched and those that came meanwhile, by their ends. A minute that came is whole: it knows quotes, too. */
function inOrder(fetched: Iterable<MarketSlice>, came: readonly BarNews[]): readonly BarNews[] {
  const endOf = ({ slice: { table, from } }: BarNews): TimeUs => table.endUs[from]!;
  const ends = new Set(came.map(endOf));
  const missed: BarNews[] = [];
  for (const slice of fetched) {
    if (!ends.has(slice.table.endUs[slice.from]!)) {
      missed.push({ type: 'MarketSlice', origin: 'inline', slice });
    }
  }
  return [...missed, ...came].sort((a, b) => endOf(a) - endOf(b));
}

/** Rows that share an end time, each as a slice. */
function* slicesOf(table: MarketTable): Generator<MarketSlice> {
  for (let from = 0; from < table.rowCount; ) {
    const to = sliceEnd(table, from);
    yield { table, from, to };
    from = to;
  }
}

/** Sessions that are over, at their own times: features and volatilities take them in, nothing is decided. */
export function* historyOf(history: readonly HistorySession[]): Generator<Arrival> {
  for (const { session, table } of history) {
    const timeline = sessionTimeline({ session, table, cycleMinutes: 1, firstCycle: 1, origin: 'inline' });
    for (const { tUs, ...event } of timeline) {
      if (event.type !== 'CycleDue') yield { event: event as Untimed<InputEvent>, tUs };
    }
  }
}
