import type { Contract, IBApi, Order } from '@stoqey/ib';
import { InputError } from '../../domain/errors.ts';
import type { IbkrSettings } from '../../domain/ibkr-settings.ts';
import { createRedactor } from '../../net/redact.ts';
import { anyShares } from './amounts.ts';
import type { GatewayEvent } from './facts.ts';
import { symbolOf, toAnyExecution, toCommission, toOrderFact, toStatusFact } from './mapper.ts';

const importLibrary = () => import('@stoqey/ib');
type IbLibrary = Awaited<ReturnType<typeof importLibrary>>;

/** Beyond anything sent here: the library's own throttle would hold orders back and send them on another day. */
const NO_THROTTLE = 1_000_000;
const UNDECODED = 505;

/** One connection, from dialling to the end of its socket; a new one is made for every attempt. */
export interface Gateway {
  readonly serverVersion: number;
  place(orderId: number, contract: Contract, order: Order): void;
  cancel(orderId: number): void;
  askOpenOrders(): void;
  askAllOpenOrders(): void;
  askCompletedOrders(): void;
  askExecutions(requestId: number, account: string): void;
  askPositions(): void;
  endPositions(): void;
  askSummary(requestId: number, tags: string): void;
  endSummary(requestId: number): void;
  askTime(): void;
  askNextId(): void;
  /** Hangs up; `onClosed` follows at once. */
  hangUp(reason: string): void;
}

export interface GatewayHandlers {
  readonly onEvent: (event: GatewayEvent) => void;
  /** Bytes came, whatever they were. */
  readonly onHeard: () => void;
  /** Once, whoever ended it. */
  readonly onClosed: (reason: string) => void;
}

/** @throws InputError IBKR_LIBRARY when the package is not installed */
export async function loadLibrary(): Promise<IbLibrary> {
  try {
    return await importLibrary();
  } catch (cause) {
    throw new InputError(
      'IBKR_LIBRARY',
      'broker.source: ibkr needs the package @stoqey/ib, which is not installed; run npm install @stoqey/ib@1.6.10',
      { cause },
    );
  }
}

/**
 * Dials a gateway. The library queues what is sent before it is ready and would send it after a reconnect: hence a
 * fresh client for every connection. Handlers never throw into its dispatch loop, which would stop it.
 */
export function openGateway(
  library: IbLibrary,
  settings: IbkrSettings,
  { onEvent, onHeard, onClosed }: GatewayHandlers,
): Gateway {
  const { host, port, clientId } = settings;
  const api = new library.IBApi({ host, port, clientId, maxReqPerSec: NO_THROTTLE });
  let isOver = false;
  const end = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    api.disconnect();
    onClosed(reason);
  };
  const emit = (read: () => GatewayEvent | undefined): void => {
    if (isOver) return;
    try {
      const event = read();
      if (event !== undefined) onEvent(event);
    } catch (error) {
      end(messageOf(error));
    }
  };
  guardDispatch(api, (error) => end(`the library could not read what came: ${messageOf(error)}`));
  api.on(library.EventName.received, () => {
    if (!isOver) onHeard();
  });
  api.on(library.EventName.disconnected, () => end('the connection ended'));
  listenToBooks(api, library, settings, emit);
  listenToMessages(api, library, emit, end);
  api.connect();
  return {
    get serverVersion() {
      return api.serverVersion;
    },
    place: (orderId, contract, order) => void api.placeOrder(orderId, contract, order),
    cancel: (orderId) => void api.cancelOrder(orderId),
    askOpenOrders: () => void api.reqOpenOrders(),
    askAllOpenOrders: () => void api.reqAllOpenOrders(),
    askCompletedOrders: () => void api.reqCompletedOrders(true),
    askExecutions: (requestId, account) => void api.reqExecutions(requestId, { acctCode: account }),
    askPositions: () => void api.reqPositions(),
    endPositions: () => void api.cancelPositions(),
    askSummary: (requestId, tags) => void api.reqAccountSummary(requestId, 'All', tags),
    endSummary: (requestId) => void api.cancelAccountSummary(requestId),
    askTime: () => void api.reqCurrentTime(),
    askNextId: () => void api.reqIds(),
    hangUp: end,
  };
}

type Emit = (read: () => GatewayEvent | undefined) => void;

function listenToBooks(api: IBApi, library: IbLibrary, settings: IbkrSettings, emit: Emit): void {
  const { EventName } = library;
  api.on(EventName.managedAccounts, (list) =>
    emit(() => ({ kind: 'accounts', accounts: list.split(',').filter((account) => account !== '') })),
  );
  api.on(EventName.nextValidId, (orderId) => emit(() => ({ kind: 'next_id', orderId })));
  api.on(EventName.openOrder, (_id, contract, order, state) =>
    emit(() => ({ kind: 'order', order: toOrderFact(contract, order, state, settings) })),
  );
  api.on(EventName.openOrderEnd, () => emit(() => ({ kind: 'orders_end' })));
  api.on(EventName.completedOrder, (contract, order, state) =>
    emit(() => ({ kind: 'completed', order: toOrderFact(contract, order, state, settings) })),
  );
  api.on(EventName.completedOrdersEnd, () => emit(() => ({ kind: 'completed_end' })));
  api.on(
    EventName.orderStatus,
    (orderId, status, filled, _remaining, _average, permId, _parent, _last, clientId, whyHeld) =>
      emit(() => ({
        kind: 'status',
        status: toStatusFact({ orderId, status, filled, permId, clientId, whyHeld }),
      })),
  );
  api.on(EventName.execDetails, (requestId, contract, execution) =>
    emit(() => {
      const fact = toAnyExecution(contract, execution, settings);
      if (fact === undefined) return undefined;
      const account = execution.acctNumber ?? '';
      return { kind: 'execution', account, isListed: requestId >= 0, execution: fact };
    }),
  );
  api.on(EventName.execDetailsEnd, (requestId) => emit(() => ({ kind: 'executions_end', requestId })));
  api.on(EventName.commissionReport, (report) =>
    emit(() => {
      const commission = toCommission(report);
      return commission === undefined ? undefined : { kind: 'commission', ...commission };
    }),
  );
  api.on(EventName.position, (account, contract, shares) =>
    emit(() => ({
      kind: 'position',
      account,
      symbol: symbolOf(contract, settings),
      shares: anyShares(shares, `a position of ${contract.symbol}`),
    })),
  );
  api.on(EventName.positionEnd, () => emit(() => ({ kind: 'positions_end' })));
  api.on(EventName.accountSummary, (requestId, account, tag, value, currency) =>
    emit(() => ({ kind: 'summary', requestId, account, tag, value, currency })),
  );
  api.on(EventName.accountSummaryEnd, (requestId) => emit(() => ({ kind: 'summary_end', requestId })));
  api.on(EventName.currentTime, () => emit(() => ({ kind: 'time' })));
}

/** Errors and information. Messages without an id come as `info`, not as `error`; every socket error is 502. */
function listenToMessages(api: IBApi, library: IbLibrary, emit: Emit, end: (reason: string) => void): void {
  const { EventName } = library;
  const tell = (id: number, code: number, text: string): void =>
    emit(() => ({ kind: 'message', id: id < 0 ? undefined : id, code, text: shown(text) }));
  api.on(EventName.error, (error, code, requestId) => {
    if (code === library.ErrorCode.CONNECT_FAIL || code === library.ErrorCode.UNSUPPORTED_VERSION) {
      end(shown(error.message));
    } else {
      tell(code === UNDECODED ? -1 : requestId, code, error.message);
    }
  });
  api.on(EventName.info, (text, code) => tell(-1, code, text));
}

/** Text of others on one line and bounded; there are no secrets in this protocol. */
const shown = createRedactor([]);

function messageOf(error: unknown): string {
  return shown(error instanceof Error ? error.message : String(error));
}

/**
 * The decoder throws on some bytes (a rejection whose details are no JSON), out of the socket's data event, which would
 * end the process. Its entry is taken in a guard; where the library has changed, it is left as it is.
 */
function guardDispatch(api: IBApi, onThrown: (error: unknown) => void): void {
  const { controller } = api as unknown as { controller?: { processIngressQueue?: () => void } };
  const dispatch = controller?.processIngressQueue;
  if (controller === undefined || dispatch === undefined) return;
  controller.processIngressQueue = () => {
    try {
      dispatch.call(controller);
    } catch (error) {
      onThrown(error);
    }
  };
}
