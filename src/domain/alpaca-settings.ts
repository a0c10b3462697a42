import type { DurationUs } from './units.ts';

export type AlpacaEnvironment = 'paper' | 'live';

/** How a websocket is kept, and taken up again once it is lost. */
export interface StreamSettings {
  readonly firstDelayUs: DurationUs;
  readonly maxDelayUs: DurationUs;
  /** Part of each delay that is drawn. */
  readonly jitterFrac: number;
  readonly pingUs: DurationUs;
  /** Longest wait for a connection, its greeting, or the answer to a ping. */
  readonly answerUs: DurationUs;
}

/** How Alpaca is spoken to about orders. Nothing of it is part of a run's identity. */
export interface AlpacaBrokerSettings {
  readonly environment: AlpacaEnvironment;
  /** In place of the environment's own addresses. */
  readonly tradingUrl?: string;
  readonly streamUrl?: string;
  readonly requestsPerMinute: number;
  readonly reservedForCancels: number;
  /** Longest wait for the answer to a request. */
  readonly answerUs: DurationUs;
  readonly reconcileUs: DurationUs;
  /** Longest wait of an order for the stream of reports; after it, it is not placed. */
  readonly readyUs: DurationUs;
  /** How often an order must be looked for in vain before it is sent again under the same id. */
  readonly lookups: number;
  /** How often one order is sent at most. */
  readonly maxSends: number;
  /** First wait between look-ups and between attempts; doubles. */
  readonly retryUs: DurationUs;
  readonly maxRetryUs: DurationUs;
  readonly stream: StreamSettings;
}

export type AlpacaFeed = 'iex' | 'sip' | 'delayed_sip';

/** How Alpaca is asked for market data. */
export interface AlpacaDataSettings {
  readonly feed: AlpacaFeed;
  readonly dataUrl?: string;
  readonly streamUrl?: string;
  readonly requestsPerMinute: number;
  readonly answerUs: DurationUs;
  /** How long after its end a bar waits for what is still on the way. */
  readonly graceUs: DurationUs;
  /** Silence of an open session after which the connection counts as lost. */
  readonly silenceUs: DurationUs;
  /** Shares in one unit of a quote's size. */
  readonly sharesPerQuoteSize: number;
  /** Conditions of trades that count for the volume and not for a bar's prices. */
  readonly volumeOnlyConditions: readonly string[];
  /** Status codes by which a symbol is halted; any other ends the halt. */
  readonly haltCodes: readonly string[];
  readonly pageLimit: number;
  readonly retryUs: DurationUs;
  readonly maxRetryUs: DurationUs;
  readonly stream: StreamSettings;
}

/** Values of the keys, handed in by whoever read them; they are never kept in anything that is shown. */
export interface AlpacaCredentials {
  readonly keyId: string;
  readonly secretKey: string;
}

/** How a request shows its keys, for orders and for market data. */
export function alpacaHeaders({ keyId, secretKey }: AlpacaCredentials): Record<string, string> {
  return { 'APCA-API-KEY-ID': keyId, 'APCA-API-SECRET-KEY': secretKey };
}
