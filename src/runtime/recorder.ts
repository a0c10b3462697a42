import { type Observable, Subject } from 'rxjs';
import type { StageProbe } from '../domain/stage-probe.ts';
import type { Engine } from '../engine/engine-state.ts';
import { type StepResult, step } from '../engine/step.ts';
import type { Base64Codec } from '../events/base64.ts';
import type { DerivedEvent } from '../events/derived.ts';
import { type EncodedEvent, encodeDerived, encodeInput } from '../events/encode.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { TapeWriter } from '../ports/tape.ts';

/** An event as appended, for sinks: metrics, reports. */
export interface Recorded<E> {
  readonly seq: number;
  readonly tUs: number;
  readonly event: E;
}

/** What a loop records, as it is recorded. */
export interface RunStreams {
  readonly inputs$: Observable<Recorded<InputEvent>>;
  readonly derived$: Observable<Recorded<DerivedEvent>>;
}

/** The heart of every loop: append an input, step, append what follows from it. Carries nothing out. */
export interface Recorder {
  readonly inputs$: Subject<Recorded<InputEvent>>;
  readonly derived$: Subject<Recorded<DerivedEvent>>;
  record(event: InputEvent): StepResult;
}

export function createRecorder({
  engine,
  tape,
  base64,
  probe,
}: {
  readonly engine: Engine;
  readonly tape: TapeWriter;
  readonly base64: Base64Codec;
  /** Times stages inside the engine; absent in backtests and replays. */
  readonly probe?: StageProbe;
}): Recorder {
  const inputs$ = new Subject<Recorded<InputEvent>>();
  const derived$ = new Subject<Recorded<DerivedEvent>>();

  function append(encoded: EncodedEvent, tUs: number): number {
    const seq = tape.nextSeq;
    tape.append({ seq, t: tUs, type: encoded.type, payloadJson: encoded.payloadJson });
    return seq;
  }

  function record(event: InputEvent): StepResult {
    const { tUs } = event;
    const seq = append(encodeInput(event, base64), tUs);
    const result = step(engine, event, seq, probe);
    if (inputs$.observed) inputs$.next({ seq, tUs, event });
    for (const followed of result.derived) {
      const followedSeq = append(encodeDerived(followed), tUs);
      if (derived$.observed) derived$.next({ seq: followedSeq, tUs, event: followed });
    }
    return result;
  }

  return { inputs$, derived$, record };
}
