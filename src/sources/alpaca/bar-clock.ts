import { newYorkDateOf, sessionOn } from '../../data/calendar.ts';
import type { AlpacaDataSettings } from '../../domain/alpaca-settings.ts';
import type { Session } from '../../domain/market-table.ts';
import { type TimeUs, US_PER_MINUTE } from '../../domain/units.ts';
import { sleepUs } from '../../net/sleep.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MarketNews } from '../../ports/market-source.ts';
import type { HistoryBar } from './mapper.ts';
import type { MinuteBars } from './minute-bars.ts';

/** How often the history is read for a minute that it may not have yet. */
const MAX_READS = 4;

export interface BarClockOptions {
  readonly bars: MinuteBars;
  readonly settings: AlpacaDataSettings;
  readonly clock: Clock;
  readonly tell: (news: MarketNews) => void;
  readonly counters: { lostMinutes: number };
  /** Bars of the minute that ends at a time, as the service has them. */
  readonly readMinute: (endUs: TimeUs) => Promise<readonly HistoryBar[]>;
  readonly heardUs: () => TimeUs;
  readonly onSilence: () => void;
}

/** Gives bars at their ends, and knows in which minutes the stream was not all there. */
export interface BarClock {
  start(): void;
  /** Everything is heard from now on. */
  up(): void;
  down(reason: string): void;
  stop(): void;
}

export function createBarClock(options: BarClockOptions): BarClock {
  const { clock, settings, tell } = options;
  let isUp = false;
  let isLost = false;
  let isStopped = false;
  /** Minutes up to this end were not heard whole: their trades are taken from the history. */
  let brokenUntilUs = 0;
  let nextEndUs = 0;
  /** Ends that are due, oldest first. */
  const owed: TimeUs[] = [];
  let working: Promise<void> = Promise.resolve();
  let isRestoring = false;
  const untimers: (() => void)[] = [];

  const give = async (endUs: TimeUs): Promise<void> => {
    const session = sessionOfBar(endUs);
    if (session === undefined) return options.bars.forget(endUs);
    const isBroken = endUs <= brokenUntilUs;
    const history = isBroken ? await readWhole(options, endUs, () => isStopped) : undefined;
    if (isStopped) return;
    if (isBroken && history === undefined) options.counters.lostMinutes += 1;
    const table = options.bars.close(endUs, session.date, history);
    if (table === undefined) tell({ type: 'Heartbeat' });
    else tell({ type: 'MarketSlice', origin: 'inline', slice: { table, from: 0, to: table.rowCount } });
  };
  /** Gives what is owed, in order; while the stream is away, it waits. */
  const work = (): void => {
    working = working.then(async () => {
      while (owed.length > 0 && isUp && !isStopped) await give(owed.shift() as TimeUs);
      if (owed.length > 0 || !isRestoring || !isUp || isStopped) return;
      isRestoring = false;
      if (isLost) tell({ type: 'ConnectionRestored', source: 'market_data' });
      isLost = false;
    });
  };
  const tick = (): void => {
    for (; nextEndUs + settings.graceUs <= clock.nowUs(); nextEndUs += US_PER_MINUTE) owed.push(nextEndUs);
    work();
    untimers[0] = clock.at(nextEndUs + settings.graceUs, tick);
  };
  const watch = (): void => {
    const nowUs = clock.nowUs();
    const isQuiet = nowUs - options.heardUs() >= settings.silenceUs && sessionOfBar(nowUs) !== undefined;
    if (isUp && isQuiet) options.onSilence();
    const quietFromUs =
      isUp && !isQuiet ? Math.max(options.heardUs(), nowUs - settings.silenceUs + 1) : nowUs;
    untimers[1] = clock.at(quietFromUs + settings.silenceUs, watch);
  };
  const endOfMinute = (tUs: TimeUs): TimeUs => tUs - (tUs % US_PER_MINUTE) + US_PER_MINUTE;
  return {
    start: () => {
      nextEndUs = endOfMinute(clock.nowUs());
      tick();
      watch();
    },
    up: () => {
      isUp = true;
      isRestoring = true;
      // the minute it came up in was not heard from its start
      brokenUntilUs = Math.max(brokenUntilUs, endOfMinute(clock.nowUs()));
      work();
    },
    down: (reason) => {
      if (isUp && !isLost) {
        isLost = true;
        tell({ type: 'ConnectionLost', source: 'market_data', reason });
      }
      isUp = false;
    },
    stop: () => {
      isStopped = true;
      for (const untime of untimers) untime();
    },
  };
}

/** The session a bar with this end belongs to. */
function sessionOfBar(endUs: TimeUs): Session | undefined {
  const session = sessionOn(newYorkDateOf(endUs));
  return session !== undefined && endUs > session.openUs && endUs <= session.closeUs ? session : undefined;
}

/** A minute from the history, which has it a little after its end. @returns undefined when it cannot be read */
async function readWhole(
  { readMinute, clock, settings }: BarClockOptions,
  endUs: TimeUs,
  isStopped: () => boolean,
): Promise<readonly HistoryBar[] | undefined> {
  let last: readonly HistoryBar[] | undefined;
  for (let read = 0; read < MAX_READS && !isStopped(); read++) {
    if (read > 0) await sleepUs(clock, settings.retryUs * 2 ** read);
    last = await readMinute(endUs).catch(() => last);
    if (last !== undefined && last.length > 0) return last;
  }
  return last;
}
