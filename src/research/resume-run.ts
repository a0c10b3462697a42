import { CheckFailedError, InputError } from '../domain/errors.ts';
import { decodeInput } from '../events/decode.ts';
import type { Predictions } from '../events/inputs.ts';
import type { ResumedRun } from '../modes/backtest.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { TapeLine } from '../ports/tape.ts';
import { aroundTape } from '../tape/around-tape.ts';
import { resumeFileTape } from '../tape/file-tape.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { recoverTape } from '../tape/recover.ts';
import { DivergedError } from './comparing-tape.ts';
import { createCompletingTape, linesUpTo } from './completing-tape.ts';

/**
 * Takes up the tape of a backtest that crashed. A backtest is a function of its identity, so going on is starting
 * again: what is recorded is computed once more and compared, predictions come from the tape while it has them, and what
 * is missing is appended. The finished tape is the one an uninterrupted run writes, to the byte.
 * @returns undefined when the tape had been closed and there is nothing to go on with
 * @throws TapeFaultError when the tape is damaged rather than torn; InputError when a process still writes it
 */
export function resumeRun(tapeDir: string, inference: InferencePort | undefined): ResumedRun | undefined {
  const { records, isClosed } = recoverTape(tapeDir);
  if (isClosed) return undefined;
  const { tape } = resumeFileTape({ dir: tapeDir, durable: false });
  const completing = createCompletingTape(linesUpTo(tapeDir, records), { records, tape });
  const resumed = aroundTape(() => completing, {
    append: (entry) => orSay(tapeDir, () => completing.append(entry)),
    flush: () => completing.flush(),
    close: () => tape.close(),
  });
  const answers = answersOf(linesUpTo(tapeDir, records));
  return { tape: resumed, inference: inference && recordedFirst(inference, answers) };
}

function orSay(tapeDir: string, append: () => void): void {
  try {
    append();
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    const { seq, expected } = error.divergence;
    throw expected.includes('"type":"TapeRecovered"')
      ? new InputError(
          'RESUME_RECOVERED',
          `${tapeDir}: was completed by "sametape recover" at seq ${seq}; make the run again without --resume`,
          { cause: error },
        )
      : new CheckFailedError(
          'RESUME_DIVERGED',
          `${tapeDir}: the run gives something else from seq ${seq} on than it recorded before the crash; make it again without --resume and compare`,
          { cause: error },
        );
  }
}

type Answer = { readonly predictions: Predictions } | { readonly reason: string };

/** What the models answered, by cycle, in the order of the tape. */
function* answersOf(lines: Iterable<TapeLine>): Generator<Answer> {
  for (const { record } of lines) {
    if (record.type !== 'PredictionsMade' && record.type !== 'InferenceFailed') continue;
    const event = decodeInput(record, noSlice, nodeBase64);
    if (event.type === 'PredictionsMade') yield { predictions: event.predictions };
    else if (event.type === 'InferenceFailed') yield { reason: event.reason };
  }
}

/** Answers with what the tape recorded, and from there on asks the models. */
function recordedFirst(live: InferencePort, answers: Iterator<Answer>): InferencePort {
  return {
    layout: live.layout,
    infer: (request) => {
      const next = answers.next();
      if (next.done === true) return live.infer(request);
      if ('reason' in next.value) throw new Error(next.value.reason);
      return next.value.predictions;
    },
    close: () => live.close(),
  };
}

function noSlice(): never {
  throw new InputError('TAPE_NOT_A_RUN', 'tape: a record of predictions refers to market data');
}
