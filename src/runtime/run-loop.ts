import type { Observable } from 'rxjs';
import { InputError, InvariantError } from '../domain/errors.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { Base64Codec } from '../events/base64.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { InputEvent, Predictions } from '../events/inputs.ts';
import type { InferencePort } from '../ports/inference.ts';
import type { TapeWriter } from '../ports/tape.ts';
import { answeredAt, answerOf, failureOf } from './inference-answer.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { createRecorder, type RunStreams } from './recorder.ts';
import type { Venue } from './venue.ts';

export interface RunLoopPorts {
  readonly engine: Engine;
  readonly tape: TapeWriter;
  readonly venue: Venue;
  /** Absent in limited mode: no run root, no predictions. */
  readonly inference: InferencePort | undefined;
  readonly base64: Base64Codec;
  /** The events are those of a whole run that was recorded: predictions are among them, and a strict stop is where it was. */
  readonly isRecorded?: boolean;
}

export interface RunLoop extends RunStreams {
  /** Runs source events through the loop, one at a time, in order; completes when the last is done. */
  drive(source$: Observable<InputEvent>): Observable<never>;
  /** Appends RunStopped and ends both streams. */
  stop(tUs: number, reason: string): void;
}

/**
 * The loop: append an input, step, append what follows from it, and only then carry out its effects, whose answers
 * are inputs again. Everything is synchronous but inference, which may answer later; nothing else is appended until
 * it has.
 * @throws InputError STRICT_STOPPED from `drive` when a strict run raises an error
 */
export function createRunLoop(ports: RunLoopPorts): RunLoop {
  const { engine, tape, venue, inference, isRecorded = false } = ports;
  const recorder = createRecorder(ports);
  const { inputs$, derived$ } = recorder;
  /** Answers to effects, waiting for their turn; a re-entrant append would reorder the tape. */
  const answers: InputEvent[] = [];
  /** The error that ends a strict run, once what followed from it (cancels) has been carried out. */
  let strictFault: string | undefined;

  function record(event: InputEvent): InferenceRequest | undefined {
    const { derived, inference: request } = recorder.record(event);
    for (const followed of derived) carryOut(followed, event.tUs);
    return request;
  }

  function carryOut(event: DerivedEvent, tUs: number): void {
    switch (event.type) {
      case 'OrderIntended':
        answers.push(...venue.submit(event.order, tUs));
        return;
      case 'CancelIntended':
        answers.push(...venue.cancel(event.clientOrderId, tUs));
        return;
      case 'ReconciliationRequested':
        answers.push(venue.account(tUs));
        return;
      case 'ErrorRaised':
        if (engine.settings.strict) strictFault ??= `${event.code}: ${event.message}`;
        return;
      default:
        return;
    }
  }

  function recordWithAnswers(event: InputEvent): Promise<void> | undefined {
    let request = record(event);
    for (let next = answers.shift(); next !== undefined; next = answers.shift()) {
      const asked = record(next);
      request ??= asked;
    }
    if (isRecorded) return undefined;
    if (strictFault !== undefined) stopStrict(strictFault, event.tUs);
    if (request === undefined) return undefined;
    if (inference === undefined) throw new InvariantError('inference was requested in limited mode');
    return answerInference(inference, request, event.tUs);
  }

  function stopStrict(fault: string, tUs: number): never {
    record({ type: 'RunStopped', tUs, reason: `strict_error: ${fault}` });
    tape.flush();
    throw new InputError('STRICT_STOPPED', `strict run stopped: ${fault}`);
  }

  function answerInference(
    port: InferencePort,
    request: InferenceRequest,
    tUs: number,
  ): Promise<void> | undefined {
    let answer: Predictions | Promise<Predictions>;
    try {
      answer = port.infer(request);
    } catch (error) {
      return recordWithAnswers(answeredAt(tUs, failureOf(request.cycle, error)));
    }
    if (!(answer instanceof Promise)) return recordWithAnswers(answeredAt(tUs, answerOf(request, answer)));
    return answer
      .then(
        (predictions) => answerOf(request, predictions),
        (error: unknown) => failureOf(request.cycle, error),
      )
      .then((made) => recordWithAnswers(answeredAt(tUs, made)));
  }

  function accept(event: InputEvent): Promise<void> | undefined {
    switch (event.type) {
      case 'SessionOpened': {
        const charges = venue.openSession(event.session);
        recordWithAnswers(event);
        for (const charge of charges) recordWithAnswers(charge);
        return undefined;
      }
      case 'CorporateActionApplied':
        for (const report of venue.applyCorporateAction(event.action, event.tUs)) recordWithAnswers(report);
        return recordWithAnswers(event);
      case 'MarketSlice':
        for (const report of venue.applySlice(event.slice, event.tUs)) recordWithAnswers(report);
        return recordWithAnswers(event);
      case 'SettingsChanged':
        recordWithAnswers(event);
        venue.changeSettings(event.changes);
        return undefined;
      case 'SessionClosed':
        for (const report of venue.closeSession(event.tUs)) recordWithAnswers(report);
        return recordWithAnswers(event);
      default:
        return recordWithAnswers(event);
    }
  }

  return {
    inputs$,
    derived$,
    drive: (source$) => oneAtATime(source$, accept),
    stop: (tUs, reason) => {
      record({ type: 'RunStopped', tUs, reason });
      inputs$.complete();
      derived$.complete();
    },
  };
}
