import type { AlpacaBrokerSettings, AlpacaEnvironment } from '../../domain/alpaca-settings.ts';
import { guardedUrl } from '../../net/guarded-url.ts';
import type { BrokerRules } from '../../ports/broker.ts';

/** Hosts that orders may be sent to, by environment. */
const TRADING_HOSTS: Readonly<Record<AlpacaEnvironment, string>> = {
  paper: 'paper-api.alpaca.markets',
  live: 'api.alpaca.markets',
};

export interface TradingAddresses {
  readonly restUrl: URL;
  readonly streamUrl: URL;
}

/**
 * Where orders go. A paper run cannot be pointed at the live host, nor a live one at the paper host.
 * @throws InputError URL_*
 */
export function tradingAddresses(settings: AlpacaBrokerSettings): TradingAddresses {
  const host = TRADING_HOSTS[settings.environment];
  const allowedHosts = [host];
  return {
    restUrl: guardedUrl(settings.tradingUrl ?? `https://${host}`, {
      what: 'broker.alpaca.tradingUrl',
      kind: 'http',
      allowedHosts,
    }),
    streamUrl: guardedUrl(settings.streamUrl ?? `wss://${host}/stream`, {
      what: 'broker.alpaca.streamUrl',
      kind: 'websocket',
      allowedHosts,
    }),
  };
}

/** What Alpaca allows. Account rules (day trades, margin) change over time and are not here: its refusals say them. */
export function alpacaRules(settings: AlpacaBrokerSettings): BrokerRules {
  return {
    orderTypes: ['market', 'limit', 'marketable_limit'],
    timesInForce: ['day', 'ioc'],
    isShortAllowed: true,
    isFractionalAllowed: false,
    mustCloseBeforeReversal: true,
    tickE4: 100,
    subDollarTickE4: 1,
    maxRequestsPerMinute: settings.requestsPerMinute,
    maxOrdersPerSymbolSide: 0,
    maxClientOrderIdLength: 128,
  };
}
