import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Observable } from 'rxjs';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { sessionOn, sessionsFrom } from '../data/calendar.ts';
import { InputError } from '../domain/errors.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker } from '../ports/broker.ts';
import type { MarketDataSource, MarketNews } from '../ports/market-source.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { type Arrival, createLiveLoop, type LiveLoop } from '../runtime/live-loop.ts';
import { createFileTape } from '../tape/file-tape.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { createRunFolder, type RunFolder, runFolderAt } from '../tape/run-folder.ts';
import { watchClock } from './clock-watch.ts';
import { historyOf, type MarketDesk, openMarketDesk } from './live-desk.ts';
import { INTERRUPTED, needsPerson, untilQuiet, watchEnding, withOrdersAtWork } from './live-ending.ts';
import type { LiveOptions, LiveResult, OperatorLine, ResumedLive } from './live-options.ts';
import { settleOrders } from './live-recovery.ts';
import { type PreparedRun, prepareRun } from './prepare.ts';
import { accountSha256, identityJson, type RunMode, runIdOf } from './run-identity.ts';
import { COMPLETED } from './run-sessions.ts';
import {
  attachAccount,
  closeAccount,
  openAccount,
  type RunAccount,
  writeEngineViews,
  writeOrigins,
} from './run-views.ts';
import { keepWarmStart, startEngine } from './warm-start.ts';

/**
 * Trades sessions as they come: a live source, the pipeline, a broker. Start-up is recovery: a run that was left is
 * taken up, its orders are squared with the broker's, and only then does it go on.
 * @throws InputError for what the scenario names, LIVE_RUN_CHANGED when the run that is taken up was made of something
 *   else, STRICT_STOPPED; ServiceError for brokers and sources, and when the tape cannot be written
 */
export async function runLive(options: LiveOptions): Promise<LiveResult> {
  const { scenario, clock, resumed } = options;
  const mode = resumed?.mode ?? modeOf(options);
  const comingSessions =
    resumed === undefined
      ? sessionsFrom({ sessions: options.sessionCount, fromUs: clock.nowUs() })
      : resumed.sessions.flatMap((date) => sessionOn(date) ?? []);
  refuseIncidents(scenario);
  if (resumed !== undefined) refuseOtherSources(scenario, mode);
  const prepared = await prepareRun(scenario, { mode, comingSessions });
  const { settings, layout } = prepared.identity;
  const { inference } = prepared;
  const opened: { readonly close: () => unknown }[] = inference === undefined ? [] : [inference];
  let left: ResumedLive | undefined;
  let open: OpenRun | undefined;
  try {
    const broker = await options.openBroker({ settings, symbols: layout.symbols, clock });
    opened.push(broker);
    const source = await options.openSource({
      ...{ symbols: layout.symbols, clock, startedUs: mode.startedUs ?? clock.nowUs() },
      sessionCount: comingSessions.length,
    });
    opened.push(source);
    const heard = held(broker.news$);
    const told = held(source.news$);
    const account: { of?: RunAccount } = {};
    left = options.resume?.({
      ...('mirror' in broker ? { mirror: (broker as Mirroring).mirror } : {}),
      attach: (identity, streams) => {
        account.of = openAccount(identity);
        attachAccount(account.of, streams, identity.mode?.startedUs);
        options.observer?.past(identity, streams);
      },
    });
    await Promise.all([broker.connect(), source.connect()]);
    open = await openRun(options, {
      prepared,
      broker,
      left,
      hold: (lock) => opened.push({ close: lock.release }),
    });
    const { loop } = open;
    heard.release((news) => loop.offer(news));
    return await trade(options, open, { source, broker, told, account: account.of });
  } finally {
    (open?.tape ?? left?.tape)?.close();
    await Promise.allSettled(opened.map(async (one) => one.close()));
  }
}

/** What is told before there is anybody to take it in. */
interface Held<T> {
  release(take: (item: T) => void): void;
}

function held<T>(stream$: Observable<T>): Held<T> {
  const early: T[] = [];
  let next = (item: T): void => {
    early.push(item);
  };
  stream$.subscribe((item) => next(item));
  return {
    release: (take) => {
      next = take;
      for (const item of early.splice(0)) take(item);
    },
  };
}

interface Mirroring {
  readonly mirror: (event: InputEvent, derived: readonly DerivedEvent[]) => void;
}

function modeOf({ kind, nonce, clock, scenario }: LiveOptions): RunMode {
  return {
    kind,
    nonce: nonce ?? randomBytes(8).toString('hex'),
    source: scenario.scenario.data.source,
    broker: scenario.scenario.broker.source,
    startedUs: clock.nowUs(),
  };
}

function refuseIncidents({ settings }: LoadedScenario): void {
  if (settings.script === undefined || settings.script.incidents.length === 0) return;
  throw new InputError(
    'LIVE_INCIDENTS',
    'incidents: are rehearsed in a backtest or on paper over a dataset; take them out of a scenario that trades',
  );
}

/** @throws InputError LIVE_RUN_CHANGED: a run goes on in the market and at the broker it began with */
function refuseOtherSources(
  { scenario: { data, broker } }: LoadedScenario,
  { source, broker: at }: RunMode,
): void {
  if (data.source === source && broker.source === at) return;
  throw new InputError(
    'LIVE_RUN_CHANGED',
    `the run that was left takes its data from ${source} and trades at ${at}, the scenario names ${data.source} and ${broker.source}; go on with what made it, or choose another --out folder`,
  );
}

interface OpenRun {
  readonly prepared: PreparedRun;
  readonly folder: RunFolder;
  readonly engine: Engine;
  readonly tape: TapeWriter;
  readonly loop: LiveLoop;
  readonly left: ResumedLive | undefined;
  readonly line: OperatorLine | undefined;
  readonly warmupSessions: number;
}

/** Settles who the run is, makes or opens its folder, and stands its loop up. Nothing is recorded before it is confirmed. */
async function openRun(
  options: LiveOptions,
  {
    prepared: draft,
    broker,
    left,
    hold,
  }: {
    readonly prepared: PreparedRun;
    readonly broker: Broker;
    readonly left: ResumedLive | undefined;
    readonly hold: (lock: { readonly release: () => void }) => void;
  },
): Promise<OpenRun> {
  const { scenario, clock, onTrouble } = options;
  const accountId = await broker.getAccountId?.();
  const mode = modeAt(draft.identity.mode, { broker, accountId, left });
  const cashMicros = await broker.getCash();
  const initialCashMicros = left?.identity.settings.initialCashMicros ?? cashMicros;
  const settings = { ...draft.identity.settings, initialCashMicros };
  const identity = { ...draft.identity, settings, ...(mode === undefined ? {} : { mode }) };
  const prepared = { ...draft, identity };
  const runId = runIdOf(identity);
  if (left !== undefined && runIdOf(left.identity) !== runId) {
    throw new InputError(
      'LIVE_RUN_CHANGED',
      `${left.runDir}: was made of another scenario, code, dataset or set of models; go on with what made it, or choose another --out folder`,
    );
  }
  const runDir = left?.runDir ?? join(options.outDir, `${scenario.name}-${runId.slice(0, 12)}`);
  if (mode?.accountSha256 !== undefined && options.lockAccount !== undefined)
    hold(options.lockAccount({ accountSha256: mode.accountSha256, runDir }));
  await options.confirm?.({
    identity,
    isResumed: left !== undefined,
    accountId: accountId ?? broker.name,
    openOrders: (await broker.getOpenOrders()).length,
    cashMicros,
    portfolioValueMicros: await broker.getPortfolioValue(),
    positions: await broker.getPositions(),
  });
  const folder = left === undefined ? createRunFolder(runDir, { existing: 'refuse' }) : runFolderAt(runDir);
  writeOrigins(folder, { scenario, prepared, runDir });
  if (prepared.warmSnapshot !== undefined && left === undefined) keepWarmStart(runDir, prepared.warmSnapshot);
  const engine = left?.engine ?? startEngine(identity, () => prepared.warmSnapshot);
  const plain = left?.tape ?? createFileTape({ dir: folder.tapeDir, durable: true });
  const tape = options.aroundTape?.(plain) ?? plain;
  const { inference } = draft;
  let line: OperatorLine | undefined;
  const takeUrgent = (): Arrival | undefined => line?.takeUrgent?.();
  const loop = createLiveLoop({
    ...{ engine, tape, broker, inference, clock, onTrouble, takeUrgent },
    base64: nodeBase64,
    latency: options.latency,
    maxSendAgeUs: scenario.scenario.broker.resendSeconds * 1_000_000,
  });
  try {
    line = await options.openControls?.({ loop, engine, runDir });
  } catch (error) {
    tape.close();
    throw error;
  }
  const { warmupSessions } = scenario.scenario.data;
  return { prepared, folder, engine, tape, loop, left, line, warmupSessions };
}

/**
 * The mode of a run that trades an account.
 * @throws InputError LIVE_ACCOUNT_CHANGED: its orders and positions are in the account it began with, and in no other
 */
function modeAt(
  mode: RunMode | undefined,
  {
    broker,
    accountId,
    left,
  }: {
    readonly broker: Broker;
    readonly accountId: string | undefined;
    readonly left: ResumedLive | undefined;
  },
): RunMode | undefined {
  if (mode === undefined || accountId === undefined) return mode;
  const sha256 = accountSha256(broker.name, accountId);
  if (left === undefined || mode.accountSha256 === sha256) return { ...mode, accountSha256: sha256 };
  throw new InputError(
    'LIVE_ACCOUNT_CHANGED',
    `${left.runDir}: began in another account than ${accountId} at ${broker.name}; go on with the keys of that one, or choose another --out folder`,
  );
}

async function trade(
  options: LiveOptions,
  run: OpenRun,
  sources: {
    readonly source: MarketDataSource;
    readonly broker: Broker;
    readonly told: Held<MarketNews>;
    readonly account: RunAccount | undefined;
  },
): Promise<LiveResult> {
  const { scenario, clock } = options;
  const { prepared, folder, engine, tape, loop, line } = run;
  const account = sources.account ?? openAccount(prepared.identity);
  attachAccount(account, loop, prepared.identity.mode?.startedUs);
  options.attach?.(loop);
  options.observer?.attach({
    ...{ identity: prepared.identity, runId: runIdOf(prepared.identity), runDir: folder.dir },
    ...{ streams: loop, engine, collector: account.collector, tapeSeq: () => tape.nextSeq - 1 },
  });
  const ending = watchEnding(options, run);
  try {
    await Promise.race([begin(run, sources), loop.failed, ending.ended]);
    const unwatch = watchClock({ loop, engine, clock, onTrouble: options.onTrouble });
    const desk = openDesk(options, run, { ...sources, onEnd: ending.complete });
    sources.told.release(desk.take);
    const reason = await Promise.race([ending.ended, loop.failed]).finally(() => {
      desk.stop();
      unwatch();
    });
    if (reason === COMPLETED) await untilQuiet({ loop, engine, clock });
    const isClosed = reason === COMPLETED && !needsPerson(engine) && engine.orders.working.length === 0;
    if (isClosed) await loop.stop(reason);
    else loop.abandon();
    tape.close();
    const result = closeAccount(account, { scenario, prepared, engine, tape, folder, runDir: folder.dir });
    if (reason === COMPLETED || reason === INTERRUPTED) return { ...result, isClosed };
    throw new InputError(
      'STRICT_STOPPED',
      `strict run stopped: ${reason}; its tape is in ${folder.dir}: started again it goes on, killed until "sametape ctl" resets it`,
    );
  } catch (error) {
    throw withOrdersAtWork(error, engine);
  } finally {
    try {
      writeEngineViews(folder, engine);
    } catch (error) {
      options.onTrouble(error);
    }
    await line?.close();
    await options.observer?.close();
  }
}

function openDesk(
  { scenario, clock, onTrouble }: LiveOptions,
  { loop, engine, prepared, left }: OpenRun,
  { source, onEnd }: { readonly source: MarketDataSource; readonly onEnd: () => void },
): MarketDesk {
  const { layout, settings } = prepared.identity;
  const sessions = prepared.sessions.filter(
    ({ closeUs, date }) => isStillOpen(engine, date) || (closeUs > clock.nowUs() && date > engine.clock.date),
  );
  return openMarketDesk({
    ...{ loop, source, clock, sessions, onTrouble, onEnd },
    symbols: layout.symbols,
    maxGapMinutes: settings.risk.maxDataGapMinutes,
    newestBarUs: left?.newestBarUs ?? 0,
    cycleMinutes: settings.cycleMinutes,
    firstCycle: (left?.lastCycle ?? 0) + 1,
    isOpen: sessions[0] !== undefined && isStillOpen(engine, sessions[0].date),
    graceUs: scenario.scenario.data.graceMilliseconds * 1000,
  });
}

function isStillOpen({ clock }: Engine, date: string): boolean {
  return clock.isOpen && clock.date === date;
}

/** A new run starts and takes history in; one that was left hears what its operator wants, then squares its orders. */
async function begin(
  { loop, engine, prepared, left, warmupSessions }: OpenRun,
  { source, broker }: { readonly source: MarketDataSource; readonly broker: Broker },
): Promise<void> {
  if (left !== undefined) {
    await loop.begin([]);
    await loop.settled();
    await settleOrders({ loop, engine, broker });
    return;
  }
  const { identity, discoveries, sessions } = prepared;
  const startUs = identity.mode?.startedUs ?? 0;
  const beforeUs = Math.min(startUs, sessions[0]?.openUs ?? startUs);
  const count = warmupSessions;
  const history = count === 0 ? [] : await source.getHistory({ sessions: count, beforeUs });
  const tUs = history[0]?.session.openUs ?? startUs;
  await loop.begin([
    { event: { type: 'RunStarted', identity: identityJson(identity) }, tUs },
    ...discoveries.map((event) => ({ event, tUs })),
    ...historyOf(history),
  ]);
}
