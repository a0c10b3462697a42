import { WebSocket } from 'ws';
import type { AlpacaCredentials, AlpacaDataSettings } from '../../domain/alpaca-settings.ts';
import { type DurationUs, US_PER_MINUTE } from '../../domain/units.ts';
import { createBackoff } from '../../net/backoff.ts';
import { timeUsOf } from '../../net/wire-text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Quote } from '../../ports/market-source.ts';
import { parseQuote, parseTrade, type StreamStatus, type StreamTrade } from './mapper.ts';

/** The official client, loaded when it is used: it takes as long to load as all of ours. */
type Sdk = typeof import('@alpacahq/alpaca-trade-api');
type SdkStream = InstanceType<Sdk['streaming']['StockDataStream']>;

const MAX_MESSAGE_BYTES = 16 << 20;
const US_PER_MS = 1000;

/** What the service says it cannot do, by its code. */
type Verdict =
  /** It will not do it the next time either. */
  | { readonly kind: 'fatal'; readonly what: string }
  /** Another connection is open: it takes a while until that one counts as gone. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'again' };

const VERDICTS: Readonly<Record<number, Verdict>> = {
  402: { kind: 'fatal', what: 'the keys were refused; check broker.credentials' },
  405: {
    kind: 'fatal',
    what: 'more symbols than the subscription allows; use fewer, or another data.alpaca.feed',
  },
  406: { kind: 'hold' },
  409: { kind: 'fatal', what: 'the subscription does not include data.alpaca.feed; choose another feed' },
};

export interface DataStreamOptions {
  readonly url: URL;
  readonly credentials: () => AlpacaCredentials;
  readonly symbols: readonly string[];
  readonly settings: AlpacaDataSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onTrade: (trade: StreamTrade) => void;
  readonly onQuote: (quote: Quote) => void;
  readonly onStatus: (status: StreamStatus) => void;
  /** A trade that was given is taken back or changed; bars that were given stay as they are. */
  readonly onCorrection: () => void;
  /** Everything asked for is subscribed to. */
  readonly onReady: () => void;
  readonly onDown: (reason: string) => void;
  /** What others wrote, made fit to be shown. */
  readonly redact: (text: string) => string;
  /** It will not work as things are. */
  readonly onFatal: (what: string) => void;
  readonly onUnreadable: () => void;
}

export interface DataStream {
  open(): Promise<void>;
  /** When something was heard last. */
  readonly heardUs: number;
  drop(reason: string): void;
  close(): void;
}

/**
 * Trades, quotes and halts through the official client, which knows the binary messages and their nanoseconds. Of its
 * own reconnecting nothing is used: attempts are ours, on our clock, one client each.
 */
export function createDataStream(options: DataStreamOptions): DataStream {
  const { clock, settings } = options;
  const { firstDelayUs: firstUs, maxDelayUs: maxUs, jitterFrac } = settings.stream;
  const backoff = createBackoff({ firstUs, maxUs, jitterFrac }, options.random);
  let sdk: Sdk | undefined;
  let current: SdkStream | undefined;
  let isClosed = false;
  let heardUs = clock.nowUs();
  let untimers: (() => void)[] = [];

  const down = (reason: string, holdUs: DurationUs = 0): void => {
    const gone = current;
    if (gone === undefined) return;
    current = undefined;
    for (const untime of untimers.splice(0)) untime();
    gone.removeAllListeners();
    gone.disconnect();
    if (isClosed) return;
    options.onDown(reason);
    untimers = [clock.at(clock.nowUs() + Math.max(holdUs, backoff.nextUs()), start)];
  };
  const refuse = (message: string): void => {
    const code = sdk === undefined ? undefined : codeOf(sdk, message);
    const verdict = (code === undefined ? undefined : VERDICTS[code]) ?? { kind: 'again' };
    if (verdict.kind === 'fatal') options.onFatal(verdict.what);
    const reason = code === undefined ? options.redact(message) : `error ${code}: ${message}`;
    down(
      reason,
      verdict.kind === 'again' ? 0 : Math.max(maxUs, verdict.kind === 'fatal' ? US_PER_MINUTE : 0),
    );
  };
  const start = (): void => {
    if (isClosed || sdk === undefined) return;
    untimers = [clock.at(clock.nowUs() + settings.stream.answerUs, () => down('no connection in time'))];
    const stream = newStream(sdk, options);
    current = stream;
    listen(stream, sdk, {
      ...options,
      onHeard: () => {
        heardUs = clock.nowUs();
      },
      onSubscribed: () => {
        for (const untime of untimers.splice(0)) untime();
        backoff.reset();
        heardUs = clock.nowUs();
        options.onReady();
      },
      onError: refuse,
      onClosed: () => down('closed by the other side'),
    });
    stream.connect();
  };
  return {
    get heardUs() {
      return heardUs;
    },
    open: async () => {
      sdk = await import('@alpacahq/alpaca-trade-api');
      start();
    },
    drop: down,
    close: () => {
      isClosed = true;
      for (const untime of untimers.splice(0)) untime();
      down('closed');
    },
  };
}

function newStream({ streaming }: Sdk, { url, credentials, settings }: DataStreamOptions): SdkStream {
  const { keyId, secretKey } = credentials();
  return new streaming.StockDataStream({
    credentials: { keyId, secret: secretKey },
    url: url.href,
    reconnect: false,
    pingIntervalMs: settings.stream.pingUs / US_PER_MS,
    pongWaitMs: settings.stream.answerUs / US_PER_MS,
    wsFactory: (address) =>
      new WebSocket(address, {
        perMessageDeflate: false,
        followRedirects: false,
        maxPayload: MAX_MESSAGE_BYTES,
        headers: { 'Content-Type': 'application/msgpack' },
      }) as never,
  });
}

interface Listener extends DataStreamOptions {
  readonly onHeard: () => void;
  readonly onSubscribed: () => void;
  readonly onError: (message: string) => void;
  readonly onClosed: () => void;
}

function listen(stream: SdkStream, { streaming: { STATE, EVENT } }: Sdk, to: Listener): void {
  const wanted = [...to.symbols];
  // before it connects: all of it is asked for in one message once the keys are accepted
  stream.subscribeForTrades(wanted);
  stream.subscribeForQuotes(wanted);
  stream.subscribeForStatuses(wanted);
  stream.onTrade((raw) => {
    to.onHeard();
    const trade = parseTrade(raw);
    if (trade === undefined) to.onUnreadable();
    else to.onTrade(trade);
  });
  stream.onQuote((raw) => {
    to.onHeard();
    const quote = parseQuote(raw, to.settings.sharesPerQuoteSize);
    if (quote === undefined) to.onUnreadable();
    else to.onQuote(quote);
  });
  stream.onStatus(({ symbol, statusCode, timestampRaw }) => {
    to.onHeard();
    const tUs = timeUsOf(timestampRaw);
    if (statusCode === undefined || tUs === undefined) to.onUnreadable();
    else to.onStatus({ symbol, code: statusCode, tUs });
  });
  stream.onCorrection(to.onCorrection);
  stream.onCancelError(to.onCorrection);
  stream.on(EVENT.SUBSCRIPTION, () => {
    const { trades, quotes } = stream.getSubscriptions();
    const lacks = (got: readonly string[]): boolean => wanted.some((symbol) => !got.includes(symbol));
    if (lacks(trades) || lacks(quotes)) to.onError('not everything asked for was subscribed to');
    else to.onSubscribed();
  });
  stream.onError(to.onError);
  stream.on(STATE.DISCONNECTED, to.onClosed);
}

/** The client tells errors by their text only. */
function codeOf({ streaming }: Sdk, message: string): number | undefined {
  for (const [code, text] of streaming.CONN_ERROR) if (text === message) return code;
  return undefined;
}
