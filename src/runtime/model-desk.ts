import { InvariantError, SametapeError } from '../domain/errors.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Untimed } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { InferencePort } from '../ports/inference.ts';
import { answerOf, failureOf } from './inference-answer.ts';

export interface ModelDeskOptions {
  readonly engine: Engine;
  readonly inference: InferencePort | undefined;
  readonly clock: Clock;
  readonly offer: (event: Untimed<InputEvent>) => void;
  /** Told of a bug, or of a cache that cannot serve the run. */
  readonly giveUp: (error: unknown) => void;
}

/** Where a scenario sets no deadline: a cycle that is never answered would keep every later one from being decided. */
const LONGEST_ANSWER_MS = 30_000;

/** Asks the models for one cycle's predictions, while other inputs go on. The deadline is an input like the answer. */
export function createModelDesk(options: ModelDeskOptions): (request: InferenceRequest) => void {
  const { engine, inference, clock, offer, giveUp } = options;

  function failed(cycle: number, error: unknown): void {
    if (error instanceof SametapeError) giveUp(error);
    else offer(failureOf(cycle, error));
  }

  /** The cycle that the models still work on, whether or not anybody waits for it. */
  let busyWith = 0;

  /**
   * A deadline of the scenario is time of the market; without one, a model that hangs is given up by the wall's.
   * @returns ends the watch: a run at full speed would have thousands of them waiting
   */
  function watchDeadline(cycle: number): () => void {
    const { deadline } = engine.settings.prediction;
    const giveUpOn = (milliseconds: number): void => {
      const reason = `no answer within ${milliseconds} ms`;
      if (engine.openCycle === cycle) offer({ type: 'InferenceFailed', cycle, reason });
    };
    if (deadline === undefined) {
      const timer = setTimeout(giveUpOn, LONGEST_ANSWER_MS, LONGEST_ANSWER_MS).unref();
      return () => clearTimeout(timer);
    }
    const { milliseconds } = deadline;
    return clock.at(clock.nowUs() + milliseconds * 1000, () => giveUpOn(milliseconds));
  }

  return (request) => {
    if (inference === undefined) {
      giveUp(new InvariantError('inference was requested in limited mode'));
      return;
    }
    const { cycle } = request;
    if (busyWith !== 0) {
      offer({ type: 'InferenceFailed', cycle, reason: `the models are still at work on cycle ${busyWith}` });
      return;
    }
    const endWatch = watchDeadline(cycle);
    try {
      const answer = inference.infer(request);
      if (!(answer instanceof Promise)) {
        endWatch();
        offer(answerOf(request, answer));
        return;
      }
      busyWith = cycle;
      answer
        .finally(() => {
          busyWith = 0;
          endWatch();
        })
        .then((predictions) => offer(answerOf(request, predictions)))
        .catch((error: unknown) => failed(cycle, error));
    } catch (error) {
      endWatch();
      failed(cycle, error);
    }
  };
}
