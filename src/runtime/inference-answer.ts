import { SametapeError } from '../domain/errors.ts';
import type { TimeUs } from '../domain/units.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { InputEvent, Predictions } from '../events/inputs.ts';
import type { Untimed } from '../ports/broker.ts';
import { checkAnswer, wellFormed } from './check-answer.ts';

type AnswerEvent = Extract<InputEvent, { readonly type: 'PredictionsMade' | 'InferenceFailed' }>;
type Answer = Untimed<AnswerEvent>;

/** What the models answered, as an input; an answer that does not fit the question is a failure. */
export function answerOf(request: InferenceRequest, answer: Predictions): Answer {
  try {
    return { type: 'PredictionsMade', predictions: checkAnswer(answer, request) };
  } catch (error) {
    return failureOf(request.cycle, error);
  }
}

/** A failure of the models is an input. @throws the error where it is a bug, or a cache that cannot serve the run */
export function failureOf(cycle: number, error: unknown): Answer {
  if (error instanceof SametapeError) throw error;
  return {
    type: 'InferenceFailed',
    cycle,
    reason: wellFormed(error instanceof Error ? error.message : String(error)),
  };
}

/** An answer at a time. Literals: to spread an object and add a key takes microseconds on Node 20. */
export function answeredAt(tUs: TimeUs, answer: Answer): AnswerEvent {
  return answer.type === 'PredictionsMade'
    ? { type: 'PredictionsMade', tUs, predictions: answer.predictions }
    : { type: 'InferenceFailed', tUs, cycle: answer.cycle, reason: answer.reason };
}
