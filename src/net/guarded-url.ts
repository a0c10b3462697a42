import { InputError } from '../domain/errors.ts';

export interface UrlGuard {
  /** Where the address comes from, as messages name it: `broker.alpaca.tradingUrl`. */
  readonly what: string;
  readonly kind: 'http' | 'websocket';
  /** Host names that may be spoken to, besides this machine. Data, so that a test can see the whole list. */
  readonly allowedHosts: readonly string[];
}

const SCHEMES = {
  http: { secure: 'https:', plain: 'http:' },
  websocket: { secure: 'wss:', plain: 'ws:' },
} as const;

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a host name is this machine's own, by name or by one of the two addresses in use. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK_HOSTS.has(hostname);
}

/**
 * An address that may be spoken to: encrypted, except to this machine, and of a host on the list. Nothing that could
 * hold a secret is accepted in it, nor quoted.
 * @throws InputError URL_INVALID, URL_SECRET, URL_SCHEME, URL_HOST
 */
export function guardedUrl(text: string, { what, kind, allowedHosts }: UrlGuard): URL {
  const { secure, plain } = SCHEMES[kind];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    throw new InputError('URL_INVALID', `${what}: not an address; write it as ${secure}//host/path`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new InputError(
      'URL_SECRET',
      `${what}: an address with a user, a query or a fragment; write ${secure}//host/path, and keys under broker.credentials`,
    );
  }
  const isLocal = isLoopback(url.hostname);
  if (url.protocol !== secure && !(url.protocol === plain && isLocal)) {
    throw new InputError(
      'URL_SCHEME',
      `${what}: ${url.protocol}//${url.hostname} is not encrypted; use ${secure}// (${plain}// is for this machine only)`,
    );
  }
  if (!isLocal && !allowedHosts.includes(url.hostname)) {
    throw new InputError(
      'URL_HOST',
      `${what}: host ${url.hostname} is not one of ${allowedHosts.join(', ')}; use one of them, or an address of this machine`,
    );
  }
  return url;
}
