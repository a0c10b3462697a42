import { compareCodeUnits } from '../../domain/compare.ts';
import { InputError } from '../../domain/errors.ts';
import { universeIndexOf } from '../../domain/marks.ts';
import { isWorking } from '../../domain/orders.ts';
import type { TimeUs } from '../../domain/units.ts';
import { decodeInput } from '../../events/decode.ts';
import { expectPredictionsOf } from '../../events/decode-market.ts';
import type { DerivedEvent } from '../../events/derived.ts';
import { INPUT_TYPES, type InputEvent } from '../../events/inputs.ts';
import { createExchange } from '../../exchange/state.ts';
import { codeSha256 } from '../../modes/code-identity.ts';
import { type RunIdentity, type RunMode, runIdOf } from '../../modes/run-identity.ts';
import { COMPLETED } from '../../modes/run-sessions.ts';
import { readKeptWarmStart, startEngine, type WarmSnapshot } from '../../modes/warm-start.ts';
import type { Progress } from '../../ports/progress.ts';
import type { TapeLine } from '../../ports/tape.ts';
import { createRunLoop, type RunLoop } from '../../runtime/run-loop.ts';
import { simulatedVenue } from '../../runtime/venue.ts';
import { addToDecisionHead, createDecisionHead, decisionHeadOf } from '../../tape/decision-head.ts';
import { readStoredHead } from '../../tape/head-file.ts';
import { memoryTape } from '../../tape/memory-tape.ts';
import { nodeBase64 } from '../../tape/node-base64.ts';
import { readTape } from '../../tape/read-tape.ts';
import { openRunFolder } from '../../tape/run-folder.ts';
import { recordedIdentity } from '../recorded-scenario.ts';
import { byReference } from '../replay-inputs.ts';
import { ANSWER_TYPES, drive } from '../tape-inputs.ts';
import {
  attributeSession,
  halfE4,
  type OrderShortfall,
  type SymbolShortfall,
  shortfallOf,
} from './attribute.ts';
import { type Calibration, calibrate, type SlippageSample, sampleSlippage } from './calibrate.ts';
import { type RolledUp, rollUp } from './roll-up.ts';
import { addBars, createSessionBars, type SessionBars } from './session-bars.ts';
import { createSide, endSession, type Side, takeDerived, takeInput } from './side.ts';
import { compareCycle, createDecisionWatch, type DecisionWatch } from './watch-decisions.ts';

/** How much of its run a tape holds. */
export interface ShadowCoverage {
  /** All its sessions are on the tape, over, and the run ended in order. */
  readonly isComplete: boolean;
  /** Why the run stopped; null where its tape is not closed. */
  readonly stopReason: string | null;
  /** The session that was open when the tape ends; null where none was. */
  readonly openSession: string | null;
  /** Sessions of the run that are not on its tape. */
  readonly missingSessions: readonly string[];
  /** Orders that had not ended where the tape does: their bar, or their report, is not on it. */
  readonly ordersAtWork: { readonly simulated: number; readonly actual: number };
  /** How often the run was taken up after a crash. */
  readonly recoveries: number;
  readonly endUs: TimeUs;
}

/** A paper or live run beside what the simulated exchange would have made of the same market, predictions and commands. */
export interface Shadow extends RolledUp {
  readonly runId: string;
  readonly scenario: string;
  readonly mode: Pick<RunMode, 'kind' | 'source' | 'broker'>;
  readonly coverage: ShadowCoverage;
  /** False: decisions may also differ because this code decides otherwise than the one that ran. */
  readonly isSameCode: boolean;
  /** Both decided, ordered, filled and learned the same, to the bit. */
  readonly isSame: boolean;
  readonly decisions: Pick<DecisionWatch, 'cycles' | 'decidedDifferently' | 'firstStage' | 'first'>;
  /** The largest shortfall first. */
  readonly orders: readonly OrderShortfall[];
  readonly calibration: Calibration;
}

export interface ShadowOptions {
  readonly identity: RunIdentity;
  readonly mode: RunMode;
  /** The tape, from its first record. */
  readonly lines: Iterable<TapeLine>;
  readonly readWarmStart: () => WarmSnapshot | undefined;
  readonly progress: Progress;
}

/**
 * Shadows the run of a folder. Reads only its tape; goes to no broker.
 * @throws InputError SHADOW_BACKTEST, RUN_NOT_FOUND, TAPE_NOT_A_RUN; TapeFaultError when the tape is damaged
 */
export async function shadowRun({
  runDir,
  progress,
}: {
  readonly runDir: string;
  readonly progress: Progress;
}): Promise<Shadow> {
  const { tapeDir } = openRunFolder(runDir);
  const identity = recordedIdentity(tapeDir);
  const { mode } = identity;
  if (mode === undefined) {
    throw new InputError(
      'SHADOW_BACKTEST',
      `${runDir}: a backtest, which traded on the simulated exchange itself, expected a paper or live run; "sametape replay" recomputes it, "sametape diff" compares it with another run`,
    );
  }
  // what is cut short is the newest of a run that goes on or crashed, but damage of one that was closed
  const torn = readStoredHead(tapeDir) === null ? 'report' : 'throw';
  const lines = readTape(tapeDir, { torn });
  const readWarmStart = () => readKeptWarmStart(runDir);
  try {
    return await shadowTape({ identity, mode, lines, readWarmStart, progress });
  } finally {
    progress.stop();
  }
}

/** Both sides of a run while its tape is read: what was recorded, and the same inputs on the simulated exchange. */
interface Shadowing {
  readonly identity: RunIdentity;
  /** What was recorded of earlier times is history that the run took in. */
  readonly fromUs: TimeUs;
  readonly loop: RunLoop;
  readonly simulated: Side;
  readonly actual: Side;
  readonly watch: DecisionWatch;
  readonly rows: SymbolShortfall[];
  readonly sample: SlippageSample;
  readonly seenSessions: string[];
  bars: SessionBars;
  /** Mids that the open cycle decides on. */
  viewE4: Float64Array;
  openSession: string | null;
  stopReason: string | null;
  recoveries: number;
  endUs: TimeUs;
}

/** Shadows a tape, wherever it lies. */
export async function shadowTape(options: ShadowOptions): Promise<Shadow> {
  const { identity, mode, lines, progress } = options;
  const { settings, layout } = identity;
  const tape = memoryTape();
  const shadowing = startShadow(options, tape);
  const recorded = createDecisionHead();
  for (const { record, payloadJson } of lines) {
    const { t, type, payload } = record;
    addToDecisionHead(recorded, { t, type, payloadJson });
    if (INPUT_TYPES.has(type)) {
      const event = decodeInput(record, byReference, nodeBase64);
      if (event.type === 'PredictionsMade') expectPredictionsOf(layout, record, event.predictions);
      await takeRecorded(shadowing, event);
    } else if (t >= shadowing.fromUs) {
      takeDecided(shadowing, { type, ...payload } as unknown as DerivedEvent, t);
    }
    if (type === 'CycleCompleted') progress.update(payload.cycle as number, 0, 'cycles');
  }
  const coverage = coverageOf(shadowing);
  endOfSession(shadowing);
  const { watch, rows, sample } = shadowing;
  const { cycles, decidedDifferently, firstStage, first } = watch;
  const { kind, source, broker } = mode;
  return {
    runId: runIdOf(identity),
    scenario: identity.scenario,
    mode: { kind, source, broker },
    coverage,
    isSameCode: identity.codeSha256 === codeSha256(),
    isSame: decisionHeadOf(recorded) === tape.decisionHead,
    decisions: { cycles, decidedDifferently, firstStage, first },
    ...rollUp(rows),
    orders: rows.flatMap(({ orders }) => orders).sort(worstFirst),
    calibration: calibrate(sample, settings.exchange),
  };
}

function startShadow(
  { identity, mode, readWarmStart }: ShadowOptions,
  tape: ReturnType<typeof memoryTape>,
): Shadowing {
  const { settings, layout } = identity;
  const universe = { symbols: layout.symbols, initialCashMicros: settings.initialCashMicros };
  const loop = createRunLoop({
    engine: startEngine(identity, readWarmStart),
    tape,
    venue: simulatedVenue(createExchange(settings.exchange, universe)),
    inference: undefined,
    base64: nodeBase64,
    isRecorded: true,
  });
  const shadowing: Shadowing = {
    identity,
    fromUs: mode.startedUs ?? 0,
    loop,
    simulated: createSide(universe),
    actual: createSide(universe),
    watch: createDecisionWatch(),
    rows: [],
    sample: { points: [], leftOut: 0 },
    seenSessions: [],
    bars: createSessionBars(),
    viewE4: new Float64Array(layout.symbols.length),
    openSession: null,
    stopReason: null,
    recoveries: 0,
    endUs: 0,
  };
  loop.inputs$.subscribe(({ event, tUs }) => {
    if (tUs >= shadowing.fromUs) takeInput(shadowing.simulated, event);
  });
  loop.derived$.subscribe(({ event, tUs }) => {
    if (tUs < shadowing.fromUs) return;
    takeDerived(shadowing.simulated, event, { tUs, decisionE4: (i) => shadowing.viewE4[i] });
    if (event.type === 'CycleCompleted') shadowing.watch.simulated = event;
  });
  return shadowing;
}

/** An input of the recorded run: the simulated side has it too, unless it came from the broker. */
async function takeRecorded(shadowing: Shadowing, event: InputEvent): Promise<void> {
  const { loop, actual, identity } = shadowing;
  shadowing.endUs = event.tUs;
  const isCounted = event.tUs >= shadowing.fromUs;
  if (event.type === 'SessionOpened' && isCounted) {
    endOfSession(shadowing);
    shadowing.openSession = event.session.date;
    shadowing.seenSessions.push(event.session.date);
  }
  if (event.type === 'CycleDue') shadowing.viewE4 = actual.collector.marks.priceE4.map(halfE4);
  if (event.type === 'MarketSlice' && isCounted) {
    addBars(shadowing.bars, event.slice, universeIndexOf(identity.layout.symbols, event.slice.table.symbols));
  }
  if (event.type === 'RunStopped') {
    shadowing.stopReason = event.reason;
    loop.stop(event.tUs, event.reason);
  } else if (!isOfBroker(shadowing, event)) await drive(loop, event);
  if (isCounted) takeInput(actual, event);
  if (event.type === 'TapeRecovered') shadowing.recoveries += 1;
  if (event.type === 'SessionClosed') shadowing.openSession = null;
}

/** What a backtest would not have had. Connections of the simulated broker are rehearsed, there as well. */
function isOfBroker({ identity }: Shadowing, event: InputEvent): boolean {
  if (ANSWER_TYPES.has(event.type)) return true;
  if (event.type !== 'ConnectionLost' && event.type !== 'ConnectionRestored') return false;
  return event.source === 'broker' && identity.mode?.broker !== 'simulated';
}

function takeDecided(shadowing: Shadowing, event: DerivedEvent, tUs: TimeUs): void {
  const { actual, watch } = shadowing;
  takeDerived(actual, event, { tUs, decisionE4: (i) => shadowing.viewE4[i] });
  if (event.type === 'CycleCompleted') compareCycle(watch, event, { tUs, sides: shadowing });
}

/** Settles what came since the last session opened, at the marks of now; nothing has yet moved in the next. */
function endOfSession(shadowing: Shadowing): void {
  const { identity, actual, simulated, bars, sample, rows, seenSessions } = shadowing;
  const date = seenSessions.at(-1);
  if (date === undefined) return;
  const { layout } = identity;
  // what was never quoted is marked by trades, and each side has its own
  const others = simulated.collector.marks.priceE4;
  const markE4 = actual.collector.marks.priceE4.map((mark, i) => halfE4(mark === 0 ? others[i] : mark));
  const pair = { date, symbols: layout.symbols, bars, markE4 };
  const ended = { simulated: endSession(simulated), actual: endSession(actual) };
  rows.push(...attributeSession({ ...pair, ...ended }));
  sampleSlippage(sample, ended.actual.orders, bars);
  shadowing.bars = createSessionBars();
}

function coverageOf(shadowing: Shadowing): ShadowCoverage {
  const { identity, seenSessions, stopReason, openSession, recoveries, endUs } = shadowing;
  const missingSessions = identity.sessions.filter((date) => !seenSessions.includes(date));
  const isWhole = stopReason === COMPLETED && openSession === null && missingSessions.length === 0;
  const ordersAtWork = { simulated: atWork(shadowing.simulated), actual: atWork(shadowing.actual) };
  return {
    isComplete: isWhole,
    ...{ stopReason, openSession, missingSessions, ordersAtWork, recoveries, endUs },
  };
}

function atWork({ orders }: Side): number {
  return [...orders.values()].filter(({ status }) => isWorking(status)).length;
}

function worstFirst(a: OrderShortfall, b: OrderShortfall): number {
  return (
    shortfallOf(b.parts) - shortfallOf(a.parts) ||
    a.cycle - b.cycle ||
    compareCodeUnits(a.symbol, b.symbol) ||
    compareCodeUnits(a.side, b.side)
  );
}
