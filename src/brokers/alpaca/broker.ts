import { Subject } from 'rxjs';
import {
  type AlpacaBrokerSettings,
  type AlpacaCredentials,
  alpacaHeaders,
} from '../../domain/alpaca-settings.ts';
import { openJsonService } from '../../net/open-json-service.ts';
import { createRedactor } from '../../net/redact.ts';
import type { Broker, BrokerNews } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  checkAccount,
  readAccountId,
  readAmount,
  readExecutions,
  readOpenOrders,
  readPositions,
} from './account.ts';
import { alpacaRules, tradingAddresses } from './config.ts';
import { createLink } from './link.ts';
import { toBrokerOrder } from './mapper.ts';
import { createOrderDesk } from './order-desk.ts';
import { createReconciler } from './reconcile.ts';
import { createReports } from './reports.ts';
import { createTradingStream } from './trading-stream.ts';

const MAX_ANSWER_BYTES = 16 << 20;

export interface AlpacaBrokerOptions {
  readonly settings: AlpacaBrokerSettings;
  /** Asked for when they are sent; nothing that is shown ever holds what they give. */
  readonly credentials: () => AlpacaCredentials;
  readonly clock: Clock;
  /** In [0, 1): spreads attempts, decides nothing. */
  readonly random: () => number;
}

/** What went wrong without being news; counted for telemetry. */
export interface AlpacaBrokerCounters {
  unreadableMessages: number;
  failedReconciles: number;
}

export interface AlpacaBroker extends Broker {
  readonly counters: Readonly<AlpacaBrokerCounters>;
  /** Reads orders and fills now, beside the regular times. */
  reconcileNow(): Promise<void>;
}

/**
 * Alpaca. `trade_updates` is the truth; what it did not say, because it was away or a message was lost, is read by REST
 * on a clock and after every reconnect, and told before the connection counts as restored.
 * @throws InputError URL_* for addresses that must not be spoken to
 */
export function createAlpacaBroker(options: AlpacaBrokerOptions): AlpacaBroker {
  const { settings, clock, random, credentials } = options;
  const { restUrl, streamUrl } = tradingAddresses(settings);
  const redact = createRedactor(Object.values(credentials()));
  const news$ = new Subject<BrokerNews>();
  const counters = { unreadableMessages: 0, failedReconciles: 0 };
  const tell = (news: BrokerNews): void => news$.next(news);
  const { rest, closeRest } = openRest(options, { restUrl, redact });
  const reports = createReports({
    tell,
    onMissing: () => reconciler.readMissing(),
    onPuzzle: () => void reconciler.now(),
  });
  const reconciler = createReconciler({ rest, reports, settings, clock, random, counters });
  const unreadable = (): void => {
    counters.unreadableMessages += 1;
    void reconciler.now();
  };
  const link = createLink({ tell, reconcile: () => reconciler.now(), clock, readyUs: settings.readyUs });
  const stream = createTradingStream({
    url: streamUrl,
    credentials,
    settings: settings.stream,
    clock,
    random,
    onListening: link.up,
    onUpdate: (data) => {
      if (!reconciler.takeRaw(data)) unreadable();
    },
    onUnreadable: () => unreadable(),
    onDown: (reason) => link.down(redact(reason)),
    onKeysRefused: link.refuse,
  });
  const rules = alpacaRules(settings);
  const desk = createOrderDesk({
    rest,
    reports,
    rules,
    tell,
    settings,
    clock,
    random,
    whenReady: link.whenReady,
  });
  const clientIds = new Map<string, string>();
  return {
    name: 'alpaca',
    rules,
    counters,
    news$: news$.asObservable(),
    connect: async () => {
      await checkAccount(rest);
      stream.open();
      await link.first();
      reconciler.start();
    },
    submitOrder: (order, sent) => desk.submit(order, sent?.mayBePlaced === true),
    cancelOrder: desk.cancel,
    replaceOrder: desk.replace,
    findOrder: desk.find,
    getOpenOrders: async () => (await readOpenOrders(rest)).map(toBrokerOrder),
    getPositions: () => readPositions(rest),
    getCash: () => readAmount(rest, 'cash'),
    getPortfolioValue: () => readAmount(rest, 'equity'),
    getAccountId: () => readAccountId(rest),
    getExecutions: (sinceUs) => readExecutions({ rest, reports, sinceUs, clientIds }),
    reconcileNow: () => reconciler.now(),
    close: async () => {
      reconciler.stop();
      stream.close();
      closeRest();
      link.close();
      news$.complete();
    },
  };
}

function openRest(
  { settings, credentials, clock, random }: AlpacaBrokerOptions,
  { restUrl, redact }: { readonly restUrl: URL; readonly redact: (text: string) => string },
): ReturnType<typeof openJsonService> {
  return openJsonService({
    ...{ settings, clock, random, redact },
    baseUrl: restUrl,
    headers: () => alpacaHeaders(credentials()),
    reservedForCancels: settings.reservedForCancels,
    maxBodyBytes: MAX_ANSWER_BYTES,
    service: 'Alpaca',
    keysAt: 'broker.credentials and broker.alpaca.environment',
    codes: 'BROKER',
  });
}
