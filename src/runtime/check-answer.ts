import type { InferenceRequest } from '../events/inference.ts';
import type { ModelFault, Predictions } from '../events/inputs.ts';

/**
 * What a port answered, fit for the tape: a number that is marked valid and is not finite becomes a fault of its model,
 * for its symbol, and is missing; what is missing is 0; a fault's detail is text that JSON can hold. Ports should see to
 * it themselves; the tape cannot depend on it.
 * @throws Error when the answer has not one number and flag for every (model, symbol) asked about, or a fault is of none
 */
export function checkAnswer(answer: Predictions, { batches, usable }: InferenceRequest): Predictions {
  const { values, valid } = answer;
  if (values.length !== usable.length || valid.length !== usable.length) {
    throw new Error(`the models gave ${values.length} predictions, expected ${usable.length}`);
  }
  let isClean = true;
  for (let k = 0; k < values.length; k += 1) {
    const value = values[k];
    const flag = valid[k];
    if (flag !== 0 && flag !== 1) {
      throw new Error(`the models gave validity ${flag} at index ${k}, expected 0 or 1`);
    }
    // x - x is 0 for finite x only
    if (value - value !== 0 || (flag === 0 && value !== 0)) isClean = false;
  }
  const checked = isClean ? answer : cleaned(answer, batches.length);
  const columns = batches.length;
  return checked.faults === undefined
    ? checked
    : withFitFaults(checked, checked.faults, { columns, symbols: values.length / columns });
}

/** Under the u flag a pair is one code point of another kind: this matches lone ones only. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Text as UTF-8 can hold it: half a surrogate pair becomes the replacement character. */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATES, '\ufffd');
}

function withFitFaults(
  answer: Predictions,
  faults: readonly ModelFault[],
  { columns, symbols }: { readonly columns: number; readonly symbols: number },
): Predictions {
  for (const fault of faults) {
    const { column } = fault;
    if (!isIndex(column, columns)) {
      throw new Error(`the models gave a fault of model ${column}, expected 0 to ${columns - 1}`);
    }
    const odd = fault.symbols?.find((i, k, all) => !isIndex(i, symbols) || (k > 0 && i <= all[k - 1]));
    if (odd !== undefined) {
      throw new Error(`the models gave a fault for symbol ${odd}, expected 0 to ${symbols - 1}, ascending`);
    }
  }
  return { ...answer, faults: faults.map((fault) => ({ ...fault, detail: wellFormed(fault.detail) })) };
}

function isIndex(value: number, count: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < count;
}

function cleaned(answer: Predictions, columnCount: number): Predictions {
  const values = answer.values.slice();
  const valid = answer.valid.slice();
  const symbolCount = values.length / columnCount;
  const found: ModelFault[] = [];
  for (let c = 0; c < columnCount; c += 1) {
    const symbols: number[] = [];
    let detail = '';
    for (let i = 0, k = c * symbolCount; i < symbolCount; i += 1, k += 1) {
      if (valid[k] === 0) values[k] = 0;
      if (Number.isFinite(values[k])) continue;
      if (symbols.length === 0) detail = `output ${values[k]}`;
      symbols.push(i);
      values[k] = 0;
      valid[k] = 0;
    }
    if (symbols.length === 0) continue;
    const fault: ModelFault = { column: c, reason: 'not_finite', detail };
    found.push(symbols.length === symbolCount ? fault : { ...fault, symbols });
  }
  if (found.length === 0) return { ...answer, values, valid };
  const faults = [...(answer.faults ?? []), ...found].sort((a, b) => a.column - b.column);
  return { ...answer, values, valid, faults };
}
