import { EMPTY, from, lastValueFrom } from 'rxjs';
import { concatMap, defaultIfEmpty } from 'rxjs/operators';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import type { MarketSlice, MarketTable } from '../domain/market-table.ts';
import { decodeInput } from '../events/decode.ts';
import { expectPredictionsOf } from '../events/decode-market.ts';
import { INPUT_TYPES, type InputEvent, type Predictions } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { TapeRecord } from '../events/record.ts';
import type { RunIdentity } from '../modes/run-identity.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { MarketDataset } from '../ports/market-data.ts';
import type { TapeLine } from '../ports/tape.ts';
import type { RunLoop } from '../runtime/run-loop.ts';
import { nodeBase64 } from '../tape/node-base64.ts';

/** Answers of the venue, which follow from what came before; except at the end of a tape cut off before their cause. */
export const ANSWER_TYPES: ReadonlySet<string> = new Set<InputEvent['type']>([
  'OrderAccepted',
  'OrderRejected',
  'OrderPartiallyFilled',
  'OrderFilled',
  'OrderCancelled',
  'OrderExpired',
  'OrderUpdated',
  'CancelRejected',
  'ExecutionCorrected',
  'CommissionReported',
  'BrokerSnapshot',
  'BorrowFeeCharged',
]);

const PREDICTION_TYPES: ReadonlySet<string> = new Set<InputEvent['type']>([
  'PredictionsMade',
  'InferenceFailed',
]);

/** All other inputs come from outside the loop; the rest of a tape follows from them. */
const SOURCE_TYPES: ReadonlySet<string> = new Set(
  [...INPUT_TYPES].filter((type) => !ANSWER_TYPES.has(type) && !PREDICTION_TYPES.has(type)),
);

/** A cycle whose predictions the tape does not hold: the run ended, or crashed and was recovered, while it waited. */
export class AnswerMissingError extends CheckFailedError {
  constructor(cycle: number) {
    super('REPLAY_PREDICTIONS_MISSING', `tape: cycle ${cycle} has no predictions recorded`);
  }
}

export interface TapeInputs {
  /** The next event that came from outside; predictions passed on the way answer the cycle that asked for them. */
  nextSource(): Promise<InputEvent | undefined>;
  /** @throws AnswerMissingError when something else came from outside first, or nothing did */
  predictionsOf(cycle: number): Predictions;
  /** Answers read since the source event before the newest, from `seq` on: their own source event is not on the tape. */
  answersFrom(seq: number): readonly InputEvent[];
}

/**
 * @param tape.source the lines of a tape after its RunStarted
 * @param tape.dataset absent where the tape carries its market data itself
 * @param tape.onLine told of every line as it is read, in order, with what decodes it if it is an input
 */
export function createTapeInputs({
  source,
  dataset,
  layout,
  onLine,
}: {
  readonly source: Iterator<TapeLine>;
  readonly dataset: MarketDataset | undefined;
  readonly layout: SignalLayout;
  readonly onLine?: (record: TapeRecord, decode: () => InputEvent) => void;
}): TapeInputs {
  let table: MarketTable | undefined;
  const resolve = (reference: {
    readonly session: string;
    readonly from: number;
    readonly to: number;
  }): MarketSlice => {
    if (table === undefined || table.session !== reference.session || reference.to > table.rowCount) {
      throw new CheckFailedError(
        'REPLAY_DATA_MISSING',
        `dataset: session ${reference.session} has no rows ${reference.from} to ${reference.to}; replay needs the dataset the run was made from`,
      );
    }
    return { table, from: reference.from, to: reference.to };
  };
  let answers: TapeLine[] = [];
  /** Read on the way to predictions that did not come. */
  let held: TapeLine | undefined;
  function next(wanted: (type: string) => boolean): TapeLine | undefined {
    if (held !== undefined) {
      const line = held;
      held = undefined;
      return line;
    }
    answers = [];
    for (let read = source.next(); read.done !== true; read = source.next()) {
      const { record } = read.value;
      onLine?.(record, () => decodeInput(record, resolve, nodeBase64));
      if (wanted(record.type)) return read.value;
      if (ANSWER_TYPES.has(record.type)) answers.push(read.value);
    }
    return undefined;
  }
  return {
    async nextSource() {
      const line = next((type) => SOURCE_TYPES.has(type));
      if (line === undefined) return undefined;
      if (line.record.type === 'SessionOpened') {
        const opened = decodeInput(line.record, resolve, nodeBase64);
        if (opened.type === 'SessionOpened' && dataset !== undefined) {
          table = await loadForReplay(dataset, opened.session.date);
        }
        return opened;
      }
      return decodeInput(line.record, resolve, nodeBase64);
    },
    answersFrom: (seq) =>
      answers
        .filter(({ record }) => record.seq >= seq)
        .map(({ record }) => decodeInput(record, resolve, nodeBase64)),
    predictionsOf(cycle) {
      const line = next((type) => PREDICTION_TYPES.has(type) || SOURCE_TYPES.has(type));
      if (line === undefined || !PREDICTION_TYPES.has(line.record.type)) {
        held = line;
        throw new AnswerMissingError(cycle);
      }
      const event = decodeInput(line.record, resolve, nodeBase64);
      if (event.type === 'PredictionsMade') {
        expectPredictionsOf(layout, line.record, event.predictions);
        return event.predictions;
      }
      throw new Error(event.type === 'InferenceFailed' ? event.reason : event.type);
    },
  };
}

/** The run could read this session, so one that cannot be read now has changed: a difference, not bad input. */
async function loadForReplay(dataset: MarketDataset, date: string): Promise<MarketTable> {
  try {
    return await dataset.loadSession(date);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new CheckFailedError(
      'REPLAY_DATA_CHANGED',
      `session ${date} is not the one the run was made from: ${error.message}`,
      { cause: error },
    );
  }
}

/** Answers each cycle with what the tape recorded for it: a replay never loads a model. */
export function tapeInference(inputs: TapeInputs, { layout }: RunIdentity): InferencePort {
  return {
    layout,
    infer: ({ cycle }) => inputs.predictionsOf(cycle),
    close: () => Promise.resolve(),
  };
}

/** Takes one event through a loop, effects and answers included. */
export async function drive(loop: RunLoop, event: InputEvent): Promise<void> {
  await lastValueFrom(
    loop.drive(from([event])).pipe(
      concatMap(() => EMPTY),
      defaultIfEmpty(undefined),
    ),
  );
}
