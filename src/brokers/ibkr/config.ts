import { InputError } from '../../domain/errors.ts';
import type { CodeMeaning, IbkrSettings } from '../../domain/ibkr-settings.ts';
import { isLoopback } from '../../net/guarded-url.ts';
import type { BrokerRules } from '../../ports/broker.ts';

/**
 * Codes as documented, and as seen in the threads of other clients. `broker.ibkr.codes` adds to them and wins.
 * 110 and 201 also answer a change of an order, which then works on unchanged: the caller knows which it asked for.
 */
export const CODE_MEANINGS: Readonly<Record<string, CodeMeaning>> = {
  100: 'rate',
  103: 'duplicate_id',
  110: 'rejected',
  200: 'rejected',
  201: 'rejected',
  202: 'cancelled',
  399: 'notice',
  404: 'held',
  460: 'rejected',
  502: 'not_connected',
  504: 'not_connected',
  1100: 'link_lost',
  1101: 'link_restored',
  1102: 'link_restored',
  2104: 'notice',
  2106: 'notice',
  10147: 'cancel_refused',
  10148: 'cancel_refused',
  10349: 'notice',
};

/** @throws InputError IBKR_HOST */
export function checkHost({
  host,
  allowedHosts,
}: {
  readonly host: string;
  readonly allowedHosts: readonly string[];
}): void {
  if (isLoopback(host) || host === '::1' || allowedHosts.includes(host)) return;
  const listed = allowedHosts.length === 0 ? 'broker.ibkr.allowedHosts is empty' : allowedHosts.join(', ');
  throw new InputError(
    'IBKR_HOST',
    `broker.ibkr.host: ${host} is neither this machine nor allowed (${listed}); the connection is not encrypted, so tunnel it to 127.0.0.1, or name the host in broker.ibkr.allowedHosts`,
  );
}

/**
 * The account to trade, of those the gateway manages.
 * @throws InputError IBKR_ACCOUNT when it is not there, none is named of several, or it is of the other kind
 */
export function chooseAccount(settings: IbkrSettings, managed: readonly string[]): string {
  const { account = managed[0], environment, paperAccountPrefix } = settings;
  if (settings.account === undefined && managed.length !== 1) {
    throw accountError(`the gateway manages ${managed.length} accounts; name the one to trade`);
  }
  if (account === undefined || !managed.includes(account)) {
    throw accountError(`the gateway does not manage the account named; it manages ${managed.length} others`);
  }
  const kind = account.startsWith(paperAccountPrefix) ? 'paper' : 'live';
  if (kind === environment) return account;
  throw accountError(
    `the gateway's is a ${kind} account and broker.ibkr.environment is ${environment}; connect to the other gateway, or change the setting`,
  );
}

function accountError(problem: string): InputError {
  return new InputError('IBKR_ACCOUNT', `broker.ibkr.account: ${problem}`);
}

export function meaningOf(settings: IbkrSettings, code: number): CodeMeaning | undefined {
  const key = String(code);
  if (Object.hasOwn(settings.codes, key)) return settings.codes[key];
  return Object.hasOwn(CODE_MEANINGS, key) ? CODE_MEANINGS[key] : undefined;
}

export function rulesOf(settings: IbkrSettings): BrokerRules {
  return {
    orderTypes: ['market', 'limit', 'marketable_limit'],
    timesInForce: ['day', 'ioc'],
    isShortAllowed: true,
    isFractionalAllowed: false,
    mustCloseBeforeReversal: false,
    tickE4: 100,
    subDollarTickE4: 1,
    maxRequestsPerMinute: settings.messagesPerSecond * 60,
    maxOrdersPerSymbolSide: settings.maxOrdersPerSymbolSide,
    maxClientOrderIdLength: settings.maxClientOrderIdLength,
  };
}
