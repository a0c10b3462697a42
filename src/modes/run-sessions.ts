import { concatMap, defer, EMPTY, from, lastValueFrom, type Observable } from 'rxjs';
import { defaultIfEmpty } from 'rxjs/operators';
import { actionsAtOpen, type CorporateAction, compareActions } from '../domain/corporate-actions.ts';
import { InvariantError } from '../domain/errors.ts';
import type { MarketTable, Session } from '../domain/market-table.ts';
import { indexOfSymbol } from '../domain/symbol-index.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { InputEvent } from '../events/inputs.ts';
import { createExchange, type ExchangeState } from '../exchange/state.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { createRunLoop, type RunLoop } from '../runtime/run-loop.ts';
import { simulatedVenue } from '../runtime/venue.ts';
import { withDataGaps } from '../sources/data-gaps.ts';
import { withScript } from '../sources/incidents.ts';
import { cyclesIn, sessionTimeline } from '../sources/session-timeline.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { identityJson, type RunIdentity } from './run-identity.ts';
import { startEngine, type WarmSnapshot } from './warm-start.ts';

/** Why a run stopped that ran to the end of its sessions. */
export const COMPLETED = 'completed';

/** What was found outside before the first session: on the tape right after RunStarted. */
export type Discovery =
  | Omit<Extract<InputEvent, { readonly type: 'HorizonsDiscovered' }>, 'tUs'>
  | Omit<Extract<InputEvent, { readonly type: 'ArtifactWarned' }>, 'tUs'>;

export interface SessionRun {
  readonly identity: RunIdentity;
  /** At least one, in order of date. */
  readonly sessions: readonly Session[];
  readonly loadSession: (date: string) => Promise<MarketTable>;
  /** Of any symbol and date, in the order they apply; absent: none. */
  readonly actions?: readonly CorporateAction[];
  /** Absent in limited mode. */
  readonly inference: InferencePort | undefined;
  readonly tape: TapeWriter;
  readonly discoveries?: readonly Discovery[];
  /** The state its identity says it starts from. */
  readonly warmSnapshot?: WarmSnapshot | undefined;
  /** Hands the events of a session on in their own time; absent: at once. */
  readonly pace?: (events: Iterable<InputEvent>) => Observable<InputEvent>;
  /** Called once before the first event, to attach sinks. */
  readonly attach?: (loop: RunLoop, engine: Engine) => void;
}

export interface SessionRunResult {
  readonly engine: Engine;
  readonly exchange: ExchangeState;
}

/**
 * Runs sessions over the simulated exchange onto a tape: the whole of a backtest but for files. One session's market
 * data is in memory at a time.
 */
export async function runSessions(run: SessionRun): Promise<SessionRunResult> {
  const { identity, sessions, tape, pace = from } = run;
  const first = sessions[0];
  const last = sessions.at(-1);
  if (first === undefined || last === undefined) throw new InvariantError('a run needs at least one session');
  const engine = startEngine(identity, () => run.warmSnapshot);
  const exchange = createExchange(identity.settings.exchange, {
    symbols: identity.layout.symbols,
    initialCashMicros: identity.settings.initialCashMicros,
  });
  const loop = createRunLoop({
    engine,
    tape,
    venue: simulatedVenue(exchange),
    inference: run.inference,
    base64: nodeBase64,
  });
  run.attach?.(loop, engine);
  const started: InputEvent = { type: 'RunStarted', tUs: first.openUs, identity: identityJson(identity) };
  const found = (run.discoveries ?? []).map((discovery): InputEvent => ({ ...discovery, tUs: first.openUs }));
  await completion(loop.drive(from([started, ...found])));
  await completion(
    from(timelines(run)).pipe(
      concatMap(({ session, firstCycle, actions }) =>
        defer(() => run.loadSession(session.date)).pipe(
          concatMap((table) => {
            const { cycleMinutes } = identity.settings;
            const origin = identity.mode === undefined ? 'dataset' : 'inline';
            const market = sessionTimeline({ session, table, cycleMinutes, firstCycle, actions, origin });
            return loop.drive(pace(withSurroundings(market, session, identity)));
          }),
        ),
      ),
    ),
  );
  loop.stop(last.closeUs, COMPLETED);
  tape.flush();
  return { engine, exchange };
}

/** The market events of a session with the gaps they show and what the scenario rehearses. */
function withSurroundings(
  market: Iterable<InputEvent>,
  session: Session,
  { layout, barSeconds, settings, script }: RunIdentity,
): Iterable<InputEvent> {
  const { maxDataGapMinutes: maxGapMinutes } = settings.risk;
  const watched = withDataGaps(market, { symbols: layout.symbols, maxGapMinutes, barSeconds });
  return script === undefined ? watched : withScript(watched, { session, ...script });
}

interface Timeline {
  readonly session: Session;
  readonly firstCycle: number;
  readonly actions: readonly CorporateAction[];
}

/**
 * The sessions with the number of their first cycle, counted from 1 over the whole run, and the corporate actions of the
 * universe that apply at their open.
 */
function timelines({ sessions, identity, actions = [] }: SessionRun): Timeline[] {
  const { symbols } = identity.layout;
  const ours = actions.filter(({ symbol }) => indexOfSymbol(symbols, symbol) >= 0).sort(compareActions);
  let firstCycle = 1;
  return sessions.map((session, k) => {
    const { date } = session;
    const timeline = {
      session,
      firstCycle,
      actions: actionsAtOpen(ours, {
        previous: sessions[k - 1]?.date ?? identity.warmStart?.lastSession,
        date,
      }),
    };
    firstCycle += cyclesIn(session, identity.settings.cycleMinutes);
    return timeline;
  });
}

function completion(work$: Observable<never>): Promise<void> {
  return lastValueFrom(
    work$.pipe(
      concatMap(() => EMPTY),
      defaultIfEmpty(undefined),
    ),
  );
}
