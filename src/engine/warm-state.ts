import { InvariantError } from '../domain/errors.ts';
import type { Json } from '../events/record.ts';
import type { MaturedPairsState } from '../pipeline/1-prediction/matured-pairs.ts';
import type { Engine } from './engine-state.ts';
import { decodeState, encodeState } from './snapshot.ts';

/**
 * What a run learned of its market and its models, and a later one may start from: features, volatility, ADV, standardiser
 * rings, pairs and what they taught, correlations. Nothing of the account: no position, order, loss or switch.
 */
export function encodeWarmState({ pipeline }: Engine): Json {
  const { market, volatility, adv, features, prediction, blendState } = pipeline;
  const { standardizer, pairs, confidence } = prediction;
  return encodeState({ market, volatility, adv, features, standardizer, pairs, confidence, blendState });
}

/**
 * Puts such a state into a new engine of the same layout and settings, before its first event.
 * @param isNextSession whether the run goes on in the session after the one the state ends with; if not, forecasts that
 *   wait for a later session have no outcome that is known to be theirs, and no overnight return joins the two
 * @throws InvariantError when the state is not one of such an engine: callers compare layout, settings and code first
 */
export function restoreWarmState(
  { pipeline }: Engine,
  state: Json,
  { isNextSession }: { readonly isNextSession: boolean },
): void {
  const { market, volatility, adv, features, prediction, blendState } = pipeline;
  const { standardizer, pairs, confidence } = prediction;
  const target = { market, volatility, adv, features, standardizer, pairs, confidence, blendState };
  copyInto(target, decodeState(state), 'state');
  if (isNextSession) return;
  volatility.previousClose.fill(0);
  forgetWaiting(pairs);
}

function forgetWaiting({ queues }: MaturedPairsState): void {
  for (const queue of queues) {
    queue.head = 0;
    queue.length = 0;
  }
}

type Plain = Record<string, unknown>;

/** Copies plain data into plain data of the same shape, in place; arrays that have grown are taken over. */
function copyInto(target: unknown, source: unknown, path: string): void {
  if (!isObject(target) || !isObject(source)) throw misshapen(path);
  const keys = Object.keys(target);
  if (keys.length !== Object.keys(source).length) throw misshapen(path);
  for (const key of keys) {
    const place = `${path}.${key}`;
    const [before, value] = [target[key], source[key]];
    if (!Object.hasOwn(source, key) || kindOf(before) !== kindOf(value)) throw misshapen(place);
    if (ArrayBuffer.isView(value) && ArrayBuffer.isView(before) && before.byteLength === value.byteLength) {
      (before as Float64Array).set(value as Float64Array);
    } else if (isObject(value) && !ArrayBuffer.isView(value)) {
      copyInto(before, value, place);
    } else {
      target[key] = value;
    }
  }
}

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null;
}

function kindOf(value: unknown): string {
  return isObject(value) ? (Object.getPrototypeOf(value) as object).constructor.name : typeof value;
}

function misshapen(path: string): InvariantError {
  return new InvariantError(`warm start: ${path} is not what this engine keeps there`);
}
