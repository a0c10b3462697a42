import { createIbkrBroker } from '../../../src/brokers/ibkr/broker.ts';
import type { IbkrSettings, IbkrTiming } from '../../../src/domain/ibkr-settings.ts';
import type { OrderRequest } from '../../../src/domain/orders.ts';
import type { Broker, BrokerNews } from '../../../src/ports/broker.ts';
import { fastClock } from '../../twins/clocks.ts';
import { TwsTwin, type TwsTwinOptions } from '../../twins/tws/twin.ts';

const SECOND = 1_000_000;

/** Patience in seconds of a clock that runs fast. */
export const TIMING: IbkrTiming = {
  connectUs: 20 * SECOND,
  answerUs: 20 * SECOND,
  acknowledgeUs: 4 * SECOND,
  quietUs: 15 * SECOND,
  sweepUs: 5 * SECOND,
  lookAgainUs: 1 * SECOND,
  doubtUs: 100 * SECOND,
  reconnectFirstUs: SECOND / 2,
  reconnectMaxUs: 4 * SECOND,
};

export const SPEED = 100;

export function settingsFor(port: number, changes: Partial<IbkrSettings> = {}): IbkrSettings {
  return {
    environment: 'paper',
    paperAccountPrefix: 'DU',
    host: '127.0.0.1',
    port,
    allowedHosts: [],
    clientId: 7,
    messagesPerSecond: 50,
    reservedForCancels: 10,
    maxOrdersPerSymbolSide: 20,
    maxClientOrderIdLength: 64,
    timeZone: 'America/New_York',
    classSeparator: ' ',
    lookupAttempts: 4,
    timing: TIMING,
    codes: {},
    ...changes,
  };
}

export interface Desk {
  readonly twin: TwsTwin;
  readonly broker: Broker;
  readonly port: number;
  readonly news: BrokerNews[];
  close(): Promise<void>;
}

/** A gateway and a client of it; connected unless told otherwise. */
export async function openDesk(
  twinOptions: TwsTwinOptions = {},
  changes: Partial<IbkrSettings> = {},
  isConnected = true,
): Promise<Desk> {
  const twin = new TwsTwin(twinOptions);
  const port = await twin.start();
  const news: BrokerNews[] = [];
  const broker = createIbkrBroker({
    settings: settingsFor(port, changes),
    clock: fastClock(SPEED),
    random: () => 0.5,
  });
  broker.news$.subscribe((item) => news.push(item));
  if (isConnected) await broker.connect();
  return {
    twin,
    broker,
    port,
    news,
    close: async () => {
      await broker.close();
      await twin.stop();
    },
  };
}

export function buy(clientOrderId: string, changes: Partial<OrderRequest> = {}): OrderRequest {
  return {
    clientOrderId,
    symbol: 'AAA',
    side: 'buy',
    type: 'limit',
    timeInForce: 'day',
    quantity: 100,
    limitPriceE4: 100_000,
    purpose: 'open',
    ...changes,
  };
}

export const quoteAt = (
  dollars: number,
  { symbol = 'AAA', size = 10_000 }: { readonly symbol?: string; readonly size?: number } = {},
) => ({
  symbol,
  bidMicros: Math.round((dollars - 0.01) * 1_000_000),
  askMicros: Math.round(dollars * 1_000_000),
  bidSize: size,
  askSize: size,
});
