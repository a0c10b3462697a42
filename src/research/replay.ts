import { InputError } from '../domain/errors.ts';
import type { Engine } from '../engine/engine-state.ts';
import { decodeInput } from '../events/decode.ts';
import type { InputEvent } from '../events/inputs.ts';
import { createExchange } from '../exchange/state.ts';
import { parseIdentity, type RunIdentity } from '../modes/run-identity.ts';
import { startEngine, type WarmSnapshot } from '../modes/warm-start.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import type { Progress } from '../ports/progress.ts';
import type { TapeLine } from '../ports/tape.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import { createRunLoop, type RunLoop } from '../runtime/run-loop.ts';
import { simulatedVenue } from '../runtime/venue.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { type ComparingTape, createComparingTape, DivergedError, type Divergence } from './comparing-tape.ts';
import { replayInputs } from './replay-inputs.ts';
import {
  AnswerMissingError,
  createTapeInputs,
  drive,
  type TapeInputs,
  tapeInference,
} from './tape-inputs.ts';

export interface ReplayOptions {
  /** Opens the tape from its start; a replay reads it twice, side by side. */
  readonly openTape: () => Iterable<TapeLine>;
  /** Absent where the tape carries its market data itself. */
  readonly dataset: MarketDataset | undefined;
  readonly progress: Progress;
  /** Stop after this cycle is complete; the engine then stands as it stood. Default: replay everything. */
  readonly untilCycle?: number;
  /** What takes the recomputed records; default: a tape that only compares them with the recorded ones. */
  readonly openTarget?: (recorded: Iterator<TapeLine>) => ComparingTape;
  /** The state the run started from, where it did. */
  readonly readWarmStart?: () => WarmSnapshot | undefined;
  /** Called once before the first event, to attach sinks. */
  readonly attach?: (streams: RunStreams) => void;
}

export interface ReplayResult {
  readonly identity: RunIdentity;
  readonly records: number;
  readonly cycles: number;
  readonly chainHead: string;
  readonly decisionHead: string;
  readonly divergence: Divergence | undefined;
  readonly engine: Engine;
}

/**
 * Runs a tape again: the same loop, engine and exchange as the run, fed with the tape's own inputs and predictions,
 * appending to a tape that only compares. Ends at the first difference.
 * @throws InputError when the tape does not start with a RunStarted this version understands
 */
export async function replayTape(options: ReplayOptions): Promise<ReplayResult> {
  const source = options.openTape()[Symbol.iterator]();
  const first = source.next();
  if (first.done === true || first.value.record.type !== 'RunStarted') {
    throw new InputError(
      'TAPE_NOT_A_RUN',
      'tape record 0: expected RunStarted; this is not the tape of a run',
    );
  }
  const started = decodeInput(first.value.record, noSlice, nodeBase64);
  if (started.type !== 'RunStarted')
    throw new InputError('TAPE_NOT_A_RUN', 'tape record 0: expected RunStarted');
  const identity = parseIdentity(started.identity);
  return isRecordedOnly(identity)
    ? replayRecorded(identity, options)
    : replayComputed({ identity, started, source }, options);
}

/** A run whose broker reports came from outside, and whose predictions came while other inputs did. */
export function isRecordedOnly({ mode }: RunIdentity): boolean {
  return mode !== undefined && !(mode.source === 'dataset' && mode.broker === 'simulated');
}

function replayRecorded(identity: RunIdentity, options: ReplayOptions): ReplayResult {
  const engine = startEngine(identity, options.readWarmStart);
  const tape = (options.openTarget ?? createComparingTape)(options.openTape()[Symbol.iterator]());
  let cycles = 0;
  let divergence: Divergence | undefined;
  try {
    replayInputs({
      lines: options.openTape(),
      engine,
      tape,
      ...(options.attach === undefined ? {} : { attach: options.attach }),
      onStep: (_event, derived) => {
        for (const event of derived) if (event.type === 'CycleCompleted') cycles = event.cycle;
        options.progress.update(cycles, 0, 'cycles');
        return options.untilCycle !== undefined && cycles >= options.untilCycle;
      },
    });
    if (options.untilCycle === undefined) tape.expectEnd();
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    divergence = error.divergence;
  } finally {
    options.progress.stop();
  }
  return resultOf({ identity, tape, cycles, divergence, engine });
}

async function replayComputed(
  {
    identity,
    started,
    source,
  }: {
    readonly identity: RunIdentity;
    readonly started: InputEvent;
    readonly source: Iterator<TapeLine>;
  },
  options: ReplayOptions,
): Promise<ReplayResult> {
  const engine = startEngine(identity, options.readWarmStart);
  const { settings, layout } = identity;
  const exchange = createExchange(settings.exchange, {
    symbols: layout.symbols,
    initialCashMicros: settings.initialCashMicros,
  });
  const tape = (options.openTarget ?? createComparingTape)(options.openTape()[Symbol.iterator]());
  const inputs = createTapeInputs({ source, dataset: options.dataset, layout });
  const loop = createRunLoop({
    engine,
    tape,
    venue: simulatedVenue(exchange),
    inference: layout.columns.length === 0 ? undefined : tapeInference(inputs, identity),
    base64: nodeBase64,
  });
  options.attach?.(loop);
  let cycles = 0;
  let divergence: Divergence | undefined;
  loop.derived$.subscribe(({ event }) => {
    if (event.type !== 'CycleCompleted') return;
    cycles = event.cycle;
    options.progress.update(cycles, 0, 'cycles');
  });
  try {
    await drive(loop, started);
    for (;;) {
      if (options.untilCycle !== undefined && cycles >= options.untilCycle) break;
      const event = await inputs.nextSource();
      if (event === undefined) break;
      if (event.type === 'TapeRecovered') await driveAnswers(loop, inputs, tape.nextSeq);
      if (event.type === 'RunStopped') loop.stop(event.tUs, event.reason);
      else await drive(loop, event).catch(ignoreMissingAnswer);
    }
    if (options.untilCycle === undefined) {
      await driveAnswers(loop, inputs, tape.nextSeq);
      tape.expectEnd();
    }
  } catch (error) {
    if (error instanceof DivergedError) divergence = error.divergence;
    else if (!isStrictStop(error)) throw error;
  } finally {
    options.progress.stop();
  }
  return resultOf({ identity, tape, cycles, divergence, engine });
}

function resultOf({
  tape,
  ...result
}: Pick<ReplayResult, 'identity' | 'cycles' | 'divergence' | 'engine'> & {
  readonly tape: ComparingTape;
}): ReplayResult {
  return { ...result, records: tape.nextSeq, chainHead: tape.head, decisionHead: tape.decisionHead };
}

/** A strict run that ended itself ends its replay the same way, after the same records. */
function isStrictStop(error: unknown): boolean {
  return error instanceof InputError && error.code === 'STRICT_STOPPED';
}

/** Where a crash ended the tape, the venue's answers to a bar may stand there without the bar. */
async function driveAnswers(loop: RunLoop, inputs: TapeInputs, nextSeq: number): Promise<void> {
  for (const answer of inputs.answersFrom(nextSeq)) await drive(loop, answer);
}

/** The cycle stays open, as it did in the run; a tape that goes on as if it had been answered shows a difference. */
function ignoreMissingAnswer(error: unknown): void {
  if (!(error instanceof AnswerMissingError)) throw error;
}

function noSlice(): never {
  throw new InputError('TAPE_NOT_A_RUN', 'tape record 0: expected RunStarted, found MarketSlice');
}
