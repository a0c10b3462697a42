import type { InferenceRequest } from '../events/inference.ts';
import type { Predictions } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';

/** Runs the models. Answers at once from a cache, or later from a runtime; it never reads anything but the request. */
export interface InferencePort {
  readonly layout: SignalLayout;
  infer(request: InferenceRequest): Predictions | Promise<Predictions>;
  close(): Promise<void>;
}
