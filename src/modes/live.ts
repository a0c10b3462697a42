import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { newYorkDateOf, nextSession, sessionOn } from '../data/calendar.ts';
import { InputError, ServiceError } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { isKilled } from '../pipeline/6-risk/kill-switch.ts';
import type { Broker, BrokerNews } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { MarketDataSource } from '../ports/market-source.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { type Arrival, createLiveLoop, type LiveLoop } from '../runtime/live-loop.ts';
import { createFileTape } from '../tape/file-tape.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { createRunFolder, type RunFolder, runFolderAt } from '../tape/run-folder.ts';
import { offerHistory, openMarketDesk } from './live-desk.ts';
import type { LiveOptions, LiveResult, OperatorLine, ResumedLive } from './live-options.ts';
import { settleOrders } from './live-recovery.ts';
import { type PreparedRun, prepareRun } from './prepare.ts';
import { identityJson, type RunMode, runIdOf } from './run-identity.ts';
import { COMPLETED } from './run-sessions.ts';
import { attachAccount, closeAccount, openAccount, writeEngineViews, writeOrigins } from './run-views.ts';
import { keepWarmStart, startEngine } from './warm-start.ts';

/** How long a strict run that raised an error waits for its cancels, before it ends with orders at work. */
const WIND_DOWN_US = 10_000_000;

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
      ? sessionsFrom(clock.nowUs(), options.sessionCount)
      : resumed.sessions.flatMap((date) => sessionOn(date) ?? []);
  refuseIncidents(scenario);
  const prepared = await prepareRun(scenario, { mode, comingSessions });
  const { settings, layout } = prepared.identity;
  const broker = await options.openBroker({ settings, symbols: layout.symbols, clock });
  const source = await options.openSource({ symbols: layout.symbols, clock });
  const early: BrokerNews[] = [];
  const hearing = broker.news$.subscribe((news) => early.push(news));
  let open: OpenRun | undefined;
  try {
    const left = options.resume?.('mirror' in broker ? (broker as Mirroring).mirror : undefined);
    await Promise.all([broker.connect(), source.connect()]);
    open = await openRun(options, { prepared, broker, left });
    hearing.unsubscribe();
    broker.news$.subscribe((news) => open?.loop.offer(news));
    for (const news of early) open.loop.offer(news);
    return await trade(options, open, { source, broker });
  } finally {
    open?.tape.close();
    await Promise.allSettled([source.close(), broker.close(), prepared.inference?.close()]);
  }
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

/** The session that goes on or comes next, and those after it. */
function sessionsFrom(nowUs: TimeUs, count: number): readonly Session[] {
  const today = sessionOn(newYorkDateOf(nowUs));
  const first = today !== undefined && today.closeUs > nowUs ? today : nextSession(newYorkDateOf(nowUs));
  const sessions = [first];
  while (sessions.length < count) sessions.push(nextSession(sessions[sessions.length - 1].date));
  return sessions;
}

interface OpenRun {
  readonly prepared: PreparedRun;
  readonly folder: RunFolder;
  readonly engine: Engine;
  readonly tape: TapeWriter;
  readonly loop: LiveLoop;
  readonly left: ResumedLive | undefined;
  readonly line: OperatorLine | undefined;
}

/** Settles who the run is, makes or opens its folder, and stands its loop up. Nothing is recorded before it is confirmed. */
async function openRun(
  options: LiveOptions,
  {
    prepared: draft,
    broker,
    left,
  }: { readonly prepared: PreparedRun; readonly broker: Broker; readonly left: ResumedLive | undefined },
): Promise<OpenRun> {
  const { scenario, clock, onTrouble } = options;
  const cashMicros = await broker.getCash();
  const initialCashMicros = left?.identity.settings.initialCashMicros ?? cashMicros;
  const identity = { ...draft.identity, settings: { ...draft.identity.settings, initialCashMicros } };
  const prepared = { ...draft, identity };
  const runId = runIdOf(identity);
  if (left !== undefined && runIdOf(left.identity) !== runId) {
    throw new InputError(
      'LIVE_RUN_CHANGED',
      `${left.runDir}: was made of another scenario, code, dataset or set of models; go on with what made it, or choose another --out folder`,
    );
  }
  await options.confirm?.({
    identity,
    isResumed: left !== undefined,
    accountId: (await broker.getAccountId?.()) ?? broker.name,
    openOrders: (await broker.getOpenOrders()).length,
    cashMicros,
    portfolioValueMicros: await broker.getPortfolioValue(),
    positions: await broker.getPositions(),
  });
  const runDir = left?.runDir ?? join(options.outDir, `${scenario.name}-${runId.slice(0, 12)}`);
  const folder = left === undefined ? createRunFolder(runDir, { existing: 'refuse' }) : runFolderAt(runDir);
  writeOrigins(folder, { scenario, prepared, runDir });
  if (prepared.warmSnapshot !== undefined && left === undefined) keepWarmStart(runDir, prepared.warmSnapshot);
  const engine = left?.engine ?? startEngine(identity, () => prepared.warmSnapshot);
  const plain = left?.tape ?? createFileTape({ dir: folder.tapeDir, durable: true });
  const tape = options.aroundTape?.(plain) ?? plain;
  const { inference } = prepared;
  let line: OperatorLine | undefined;
  const takeUrgent = (): Arrival | undefined => line?.takeUrgent?.();
  const { latency } = options;
  const ports = {
    engine,
    tape,
    broker,
    inference,
    base64: nodeBase64,
    clock,
    latency,
    onTrouble,
    takeUrgent,
  };
  const loop = createLiveLoop(ports);
  try {
    line = await options.openControls?.({ loop, engine, runDir });
  } catch (error) {
    tape.close();
    throw error;
  }
  return { prepared, folder, engine, tape, loop, left, line };
}

async function trade(
  options: LiveOptions,
  run: OpenRun,
  { source, broker }: { readonly source: MarketDataSource; readonly broker: Broker },
): Promise<LiveResult> {
  const { scenario, clock, signal } = options;
  const { prepared, folder, engine, tape, loop, left, line } = run;
  const { identity } = prepared;
  const account = openAccount(identity);
  attachAccount(account, loop, identity.mode?.startedUs);
  options.attach?.(loop);
  const ending = endOf(run, { clock, signal });
  try {
    await Promise.race([begin(options, run, { source, broker }), loop.failed, ending.ended]);
    const desk = openMarketDesk({
      loop,
      source,
      clock,
      symbols: identity.layout.symbols,
      maxGapMinutes: identity.settings.risk.maxDataGapMinutes,
      newestBarUs: left?.newestBarUs ?? 0,
      sessions: prepared.sessions.filter(
        ({ closeUs, date }) => isStillOpen(engine, date) || closeUs > clock.nowUs(),
      ),
      cycleMinutes: identity.settings.cycleMinutes,
      firstCycle: (left?.lastCycle ?? 0) + 1,
      isOpen: engine.clock.isOpen,
      graceUs: scenario.scenario.data.graceMilliseconds * 1000,
      onTrouble: options.onTrouble,
      onEnd: ending.complete,
    });
    const reason = await Promise.race([ending.ended, loop.failed]).finally(() => desk.stop());
    const isClosed = reason !== INTERRUPTED && !(reason === COMPLETED && isKilled(engine.kill));
    if (isClosed) await loop.stop(reason);
    else tape.flush();
    tape.close();
    const result = closeAccount(account, { scenario, prepared, engine, tape, folder, runDir: folder.dir });
    if (reason !== COMPLETED && reason !== INTERRUPTED)
      throw new InputError('STRICT_STOPPED', `strict run stopped: ${reason}; its tape is in ${folder.dir}`);
    return { ...result, isClosed };
  } catch (error) {
    throw withOrdersAtWork(error, engine);
  } finally {
    writeEngineViews(folder, engine);
    await line?.close();
  }
}

function isStillOpen({ clock }: Engine, date: string): boolean {
  return clock.isOpen && clock.date === date;
}

/** A new run starts and takes history in; one that was left squares its orders first. */
async function begin(
  { scenario, clock }: LiveOptions,
  { loop, engine, prepared, left }: OpenRun,
  { source, broker }: { readonly source: MarketDataSource; readonly broker: Broker },
): Promise<void> {
  if (left !== undefined) {
    const cycle = engine.openCycle;
    if (cycle !== 0) loop.offer({ type: 'InferenceFailed', cycle, reason: 'the run was started again' });
    const maxResendAgeUs = scenario.scenario.broker.resendSeconds * 1_000_000;
    await settleOrders({ loop, engine, broker, clock, maxResendAgeUs });
    return;
  }
  const { identity, discoveries } = prepared;
  const first = prepared.sessions[0];
  const beforeUs = Math.min(clock.nowUs(), first?.openUs ?? clock.nowUs());
  const { warmupSessions } = scenario.scenario.data;
  const history = warmupSessions === 0 ? [] : await source.getHistory({ sessions: warmupSessions, beforeUs });
  const tUs = history[0]?.session.openUs ?? clock.nowUs();
  loop.arrive({ event: { type: 'RunStarted', identity: identityJson(identity) }, tUs });
  for (const discovery of discoveries) loop.arrive({ event: discovery, tUs });
  await offerHistory(loop, history);
}

const INTERRUPTED = 'interrupted';

interface Ending {
  /** Resolves with why the run ends. */
  readonly ended: Promise<string>;
  readonly complete: () => void;
}

/** Completion, an interruption, or an error of a strict run, which ends once its cancels are through. */
function endOf(
  { loop, engine }: OpenRun,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal | undefined },
): Ending {
  let resolve: (reason: string) => void = () => undefined;
  const ended = new Promise<string>((done) => {
    resolve = done;
  });
  let fault: string | undefined;
  loop.derived$.subscribe(({ event }) => {
    if (event.type !== 'ErrorRaised' || !engine.settings.strict || fault !== undefined) return;
    fault = `strict_error: ${event.code}: ${event.message}`;
    const reason = fault;
    const untilUs = clock.nowUs() + WIND_DOWN_US;
    const look = (): void => {
      if (engine.orders.working.length === 0 || clock.nowUs() >= untilUs) resolve(reason);
      else clock.at(clock.nowUs() + 50_000, look);
    };
    look();
  });
  if (signal?.aborted === true) resolve(INTERRUPTED);
  signal?.addEventListener('abort', () => resolve(INTERRUPTED), { once: true });
  return { ended, complete: () => resolve(COMPLETED) };
}

/** A run that cannot go on says what it leaves at the broker: nothing that could not be recorded was done about it. */
function withOrdersAtWork(error: unknown, { orders }: Engine): unknown {
  if (orders.working.length === 0 || !(error instanceof Error)) return error;
  const ids = orders.working.map(({ request }) => request.clientOrderId).join(', ');
  return new ServiceError(
    'LIVE_ORDERS_LEFT',
    `${error.message}; orders at work: ${ids}; start the run again, or use "sametape flatten"`,
    { retryable: false, cause: error },
  );
}
