import { CheckFailedError, InputError, InvariantError } from '../domain/errors.ts';
import { problemOfTightening } from '../domain/tighten.ts';
import type { Engine } from '../engine/engine-state.ts';
import { encodeInput } from '../events/encode.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { TapeRecord } from '../events/record.ts';
import { createExchange } from '../exchange/state.ts';
import { identityJson, type RunIdentity } from '../modes/run-identity.ts';
import { startEngine, type WarmSnapshot } from '../modes/warm-start.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import type { TapeLine, TapeWriter } from '../ports/tape.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import { createRunLoop, type RunLoop } from '../runtime/run-loop.ts';
import { simulatedVenue } from '../runtime/venue.ts';
import { aroundTape } from '../tape/around-tape.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { bodyAfterBrace } from '../tape/tape-cursor.ts';
import { type ComparingTape, createComparingTape, DivergedError } from './comparing-tape.ts';
import { createTapeInputs, drive, type TapeInputs } from './tape-inputs.ts';

export interface ForkOptions {
  /** Opens the tape of the run that is forked, from its start; it is read twice, side by side. */
  readonly openTape: () => Iterable<TapeLine>;
  /** Of the fork: the newest of its forks says where it leaves that run. */
  readonly identity: RunIdentity;
  /** Absent where the tape carries its market data itself. */
  readonly dataset: MarketDataset | undefined;
  /** Takes the fork. */
  readonly tape: TapeWriter;
  readonly readWarmStart?: () => WarmSnapshot | undefined;
  /** Called once before the first event, to attach sinks. */
  readonly attach?: (streams: RunStreams, engine: Engine) => void;
  /** Told of every record of the run that is forked, in order, with what decodes it if it is an input. */
  readonly onOriginal?: (record: TapeRecord, decode: () => InputEvent) => void;
  /** Told when all before the cycle is done, in both. */
  readonly onFork?: () => void;
}

/**
 * Makes a run again up to a cycle, comparing every record with the tape of the run, and goes on from there with other
 * settings: the same market, commands and answers of the models, the simulated exchange answering anew.
 * @throws CheckFailedError FORK_PREFIX_DIFFERS where the run does not come out as recorded before the cycle,
 *   FORK_FEATURES_DIFFER where models were asked about something else; InputError STRICT_STOPPED as a run
 */
export async function forkTape(options: ForkOptions): Promise<Engine> {
  const { openTape, identity, dataset, readWarmStart, onOriginal } = options;
  const { settings, layout, forks = [] } = identity;
  const fork = forks.at(-1);
  if (fork === undefined) throw new InvariantError('a fork names the run it leaves');
  const source = openTape()[Symbol.iterator]();
  const first = source.next();
  if (first.done === true) throw new InputError('TAPE_NOT_A_RUN', 'tape record 0: expected RunStarted');
  const started: InputEvent = {
    type: 'RunStarted',
    tUs: first.value.record.t,
    identity: identityJson(identity),
  };
  const engine = startEngine(identity, readWarmStart);
  const exchange = createExchange(settings.exchange, {
    symbols: layout.symbols,
    initialCashMicros: settings.initialCashMicros,
  });
  const asked = { recorded: '', now: '' };
  const inputs = createTapeInputs({
    source,
    dataset,
    layout,
    onLine: (record, decode) => {
      if (record.type === 'InferenceRequested') asked.recorded = record.payload.featuresDigest as string;
      onOriginal?.(record, decode);
    },
  });
  const { tape, endPrefix } = afterPrefix(options.tape, withStart(openTape(), started), fork.cycle);
  const loop = createRunLoop({
    engine,
    tape,
    venue: simulatedVenue(exchange),
    inference: layout.columns.length === 0 ? undefined : recordedAnswers(inputs, { identity, asked }),
    base64: nodeBase64,
  });
  options.attach?.(loop, engine);
  loop.derived$.subscribe(({ event }) => {
    if (event.type === 'InferenceRequested') asked.now = event.featuresDigest;
  });
  await drive(loop, started);
  let isForked = false;
  await driveInputs(loop, inputs, async (event) => {
    if (isForked) return !isTightAlready(engine, event);
    if (event.type !== 'CycleDue' || event.cycle !== fork.cycle) return true;
    isForked = true;
    endPrefix();
    options.onFork?.();
    await drive(loop, { type: 'SettingsChanged', tUs: event.tUs, changes: fork.changes });
    return true;
  });
  return engine;
}

/** An operator's tightening that the fork is past: its limit is that small already, and nothing is left to say. */
function isTightAlready({ settings }: Engine, event: InputEvent): boolean {
  if (event.type !== 'ConfigChanged') return false;
  return problemOfTightening(settings.risk, event.limit, event.value) !== undefined;
}

async function driveInputs(
  loop: RunLoop,
  inputs: TapeInputs,
  /** Called before each; whether it takes place. */
  admit: (event: InputEvent) => Promise<boolean>,
): Promise<void> {
  for (;;) {
    const event = await inputs.nextSource();
    if (event === undefined) return;
    if (!(await admit(event))) continue;
    if (event.type === 'RunStopped') loop.stop(event.tUs, event.reason);
    else await drive(loop, event);
  }
}

/** The lines of a tape with another RunStarted before the rest. */
function* withStart(lines: Iterable<TapeLine>, started: InputEvent): Generator<TapeLine> {
  const { type, payloadJson } = encodeInput(started, nodeBase64);
  for (const line of lines) {
    const { seq, t } = line.record;
    const body = `{${bodyAfterBrace({ seq, t, type, payloadJson })}`;
    yield seq === 0 ? { ...line, body, payloadJson } : line;
  }
}

/** A tape whose records must be those of another, byte for byte, until its prefix ends. */
function afterPrefix(
  tape: TapeWriter,
  lines: Iterable<TapeLine>,
  cycle: number,
): { readonly tape: TapeWriter; readonly endPrefix: () => void } {
  const recorded = lines[Symbol.iterator]();
  let prefix: ComparingTape | undefined = createComparingTape(recorded);
  const checked = aroundTape(() => tape, {
    append: (entry) => {
      try {
        prefix?.append(entry);
      } catch (error) {
        throw error instanceof DivergedError ? prefixDiffers(error, cycle) : error;
      }
      tape.append(entry);
    },
    flush: () => tape.flush(),
    close: () => tape.close(),
  });
  const endPrefix = (): void => {
    prefix = undefined;
    const next = recorded.next();
    const isThere = next.done !== true && next.value.record.type === 'CycleDue';
    if (isThere && next.value.record.payload.cycle === cycle) return;
    throw new CheckFailedError(
      'FORK_PREFIX_DIFFERS',
      `cycle ${cycle}: the run does not come out as recorded before it: it ends too early; see "sametape replay"`,
    );
  };
  return { tape: checked, endPrefix };
}

function prefixDiffers({ divergence }: DivergedError, cycle: number): CheckFailedError {
  const { seq, stage } = divergence;
  return new CheckFailedError(
    'FORK_PREFIX_DIFFERS',
    `cycle ${cycle}: the run does not come out as recorded before it, first difference at seq ${seq}, cycle ${divergence.cycle}, stage ${stage}; see "sametape replay"`,
  );
}

/** What the models answered in the run, for the same question. */
function recordedAnswers(
  inputs: TapeInputs,
  {
    identity,
    asked,
  }: {
    readonly identity: RunIdentity;
    readonly asked: { readonly recorded: string; readonly now: string };
  },
): InferencePort {
  return {
    layout: identity.layout,
    infer: ({ cycle }) => {
      const predictions = inputs.predictionsOf(cycle);
      if (asked.recorded === asked.now) return predictions;
      throw new CheckFailedError(
        'FORK_FEATURES_DIFFER',
        `cycle ${cycle}: the fork asks its models about other features than the run did (${asked.now.slice(0, 12)} for ${asked.recorded.slice(0, 12)}); see "sametape replay"`,
      );
    },
    close: () => Promise.resolve(),
  };
}
