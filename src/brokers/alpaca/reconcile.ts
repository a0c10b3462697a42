import type { AlpacaBrokerSettings } from '../../domain/alpaca-settings.ts';
import { US_PER_MINUTE } from '../../domain/units.ts';
import { createBackoff } from '../../net/backoff.ts';
import type { JsonService } from '../../net/json-service.ts';
import { sleepUs } from '../../net/sleep.ts';
import type { Clock } from '../../ports/clock.ts';
import { readFills, readOpenOrders, readOrder } from './account.ts';
import { parseTradeUpdate } from './mapper.ts';
import type { Reports } from './reports.ts';

/** With so few orders open, each is asked for by itself. */
const FEW_ORDERS = 3;
/** How far before the newest fill the list is read again: rows come late, and several share a millisecond. */
const LIST_OVERLAP_US = US_PER_MINUTE;
/** How often the list of fills is read for executions it should have. */
const MAX_READS = 5;

export interface ReconcilerOptions {
  readonly rest: JsonService;
  readonly reports: Reports;
  readonly settings: AlpacaBrokerSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly counters: { failedReconciles: number };
}

export interface Reconciler {
  /** Begins the regular times. */
  start(): void;
  stop(): void;
  /** Reads the state of every order that is open as far as has been told. Never throws; done when it has been told. */
  now(): Promise<void>;
  /** Executions are missing: they may be on their way, or must be read. */
  readMissing(): void;
  /** @returns false for a report that cannot be read */
  takeRaw(data: unknown): boolean;
}

function createReader(rest: JsonService, reports: Reports) {
  /** Time of the newest fill that was listed. */
  let listedUs: number | undefined;
  /** Fills as the account lists them, also of orders that have ended: a venue may report one after the end. */
  const readList = async (): Promise<void> => {
    const fromUs = reports.unlistedSinceUs(listedUs) - LIST_OVERLAP_US;
    if (fromUs === Number.POSITIVE_INFINITY) return;
    const fills = await readFills(rest, Math.max(0, fromUs));
    reports.takeFills(fills);
    listedUs = fills.at(-1)?.fill.tradeTimeUs ?? listedUs;
  };
  const readStates = async (): Promise<void> => {
    const open = reports.open();
    const listed = open.length > FEW_ORDERS ? await readOpenOrders(rest) : [];
    const states = new Map(listed.map((order) => [order.id, order]));
    for (const { id } of open) {
      const order = states.get(id) ?? (await readOrder(rest, id));
      if (order !== undefined) reports.takeOrder(order);
    }
    for (const id of reports.unheard()) {
      const order = await readOrder(rest, id);
      if (order !== undefined) reports.takeOrder(order);
    }
    await readList();
  };
  return { readList, readStates };
}

/** Finds out by REST what the stream did not say. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { rest, reports, settings, clock, counters } = options;
  let untime: (() => void) | undefined;
  let isStopped = false;
  let running: Promise<void> | undefined;
  let isAskedAgain = false;
  let isReading = false;

  const { readList, readStates } = createReader(rest, reports);
  const guarded = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch {
      // what failed is asked for again at the next time; what it is about stays open
      if (!isStopped) counters.failedReconciles += 1;
    }
  };
  const now = (): Promise<void> => {
    if (running !== undefined) {
      isAskedAgain = true;
      return running;
    }
    running = guarded(async () => {
      do {
        isAskedAgain = false;
        await readStates();
      } while (isAskedAgain && !isStopped);
    }).finally(() => {
      running = undefined;
    });
    return running;
  };
  const readMissing = async (): Promise<void> => {
    if (isReading) return;
    isReading = true;
    const backoff = createBackoff(
      { firstUs: settings.retryUs, maxUs: settings.maxRetryUs, jitterFrac: 0 },
      options.random,
    );
    for (let read = 0; read < MAX_READS && reports.hasMissing() && !isStopped; read++) {
      await sleepUs(clock, backoff.nextUs());
      if (reports.hasMissing()) await guarded(readList);
    }
    isReading = false;
    if (!isStopped) reports.release();
  };
  const schedule = (): void => {
    untime = clock.at(clock.nowUs() + settings.reconcileUs, () => {
      void now().then(() => {
        if (!isStopped) schedule();
      });
    });
  };
  return {
    start: schedule,
    stop: () => {
      isStopped = true;
      untime?.();
    },
    now,
    readMissing: () => void readMissing(),
    takeRaw: (data) => {
      const update = parseTradeUpdate(data);
      if (update !== undefined) reports.takeUpdate(update);
      return update !== undefined;
    },
  };
}
