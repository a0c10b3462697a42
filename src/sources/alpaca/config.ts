import type { AlpacaDataSettings } from '../../domain/alpaca-settings.ts';
import { guardedUrl } from '../../net/guarded-url.ts';

const DATA_HOST = 'data.alpaca.markets';
const STREAM_HOST = 'stream.data.alpaca.markets';

export interface DataAddresses {
  readonly restUrl: URL;
  readonly streamUrl: URL;
}

/** Where market data comes from. @throws InputError URL_* */
export function dataAddresses(settings: AlpacaDataSettings): DataAddresses {
  return {
    restUrl: guardedUrl(settings.dataUrl ?? `https://${DATA_HOST}`, {
      what: 'data.alpaca.dataUrl',
      kind: 'http',
      allowedHosts: [DATA_HOST],
    }),
    streamUrl: guardedUrl(settings.streamUrl ?? `wss://${STREAM_HOST}/v2/${settings.feed}`, {
      what: 'data.alpaca.streamUrl',
      kind: 'websocket',
      allowedHosts: [STREAM_HOST],
    }),
  };
}
