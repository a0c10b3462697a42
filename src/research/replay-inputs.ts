import { InputError } from '../domain/errors.ts';
import type { Engine } from '../engine/engine-state.ts';
import { decodeInput } from '../events/decode.ts';
import { expectPredictionsOf } from '../events/decode-market.ts';
import type { DerivedEvent } from '../events/derived.ts';
import { INPUT_TYPES, type InputEvent } from '../events/inputs.ts';
import type { TapeLine, TapeWriter } from '../ports/tape.ts';
import { createRecorder, type RunStreams } from '../runtime/recorder.ts';
import { nodeBase64 } from '../tape/node-base64.ts';

export interface InputsReplay {
  /** The tape to replay, from its first record. */
  readonly lines: Iterable<TapeLine>;
  readonly engine: Engine;
  /** Takes what is recomputed, the inputs too. */
  readonly tape: TapeWriter;
  readonly attach?: (streams: RunStreams) => void;
  /** Told of each input after what followed from it; true ends the replay there. */
  readonly onStep?: (event: InputEvent, derived: readonly DerivedEvent[]) => boolean;
}

/**
 * Runs the engine over a tape whose inputs all came from outside: broker reports and predictions too, in the order they
 * arrived. What a live broker said cannot be computed again; what the engine made of it can, to the bit.
 */
export function replayInputs({ lines, engine, tape, attach, onStep }: InputsReplay): void {
  const recorder = createRecorder({ engine, tape, base64: nodeBase64 });
  attach?.(recorder);
  for (const { record } of lines) {
    if (!INPUT_TYPES.has(record.type)) continue;
    const event = decodeInput(record, byReference, nodeBase64);
    if (event.type === 'PredictionsMade') expectPredictionsOf(engine.layout, record, event.predictions);
    const { derived } = recorder.record(event);
    if (onStep?.(event, derived) === true) return;
  }
}

/** Refuses market data that is not on the tape itself. */
export function byReference({ session }: { readonly session: string }): never {
  throw new InputError(
    'TAPE_NOT_A_RUN',
    `tape: a bar of session ${session} refers to a dataset, expected the bar itself in a live run`,
  );
}
