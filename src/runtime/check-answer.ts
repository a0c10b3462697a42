import type { InferenceRequest } from '../events/inference.ts';
import type { ModelFault, Predictions } from '../events/inputs.ts';

/**
 * What a port answered, fit for the tape: a number that is marked valid and is not finite becomes a fault of its model,
 * for its symbol, and is missing. Ports should report such themselves; the tape cannot depend on it.
 * @throws Error when the answer has not one number for every (model, symbol) asked about
 */
export function checkAnswer(answer: Predictions, { batches, usable }: InferenceRequest): Predictions {
  const { values, valid } = answer;
  if (values.length !== usable.length || valid.length !== usable.length) {
    throw new Error(`the models gave ${values.length} predictions, expected ${usable.length}`);
  }
  for (let k = 0; k < values.length; k += 1) {
    // x - x is 0 for finite x only
    if (valid[k] === 1 && values[k] - values[k] !== 0) return withoutNonFinite(answer, batches.length);
  }
  return answer;
}

function withoutNonFinite(answer: Predictions, columnCount: number): Predictions {
  const values = answer.values.slice();
  const valid = answer.valid.slice();
  const symbolCount = values.length / columnCount;
  const found: ModelFault[] = [];
  for (let c = 0; c < columnCount; c += 1) {
    const symbols: number[] = [];
    let detail = '';
    for (let i = 0, k = c * symbolCount; i < symbolCount; i += 1, k += 1) {
      if (valid[k] === 0 || Number.isFinite(values[k])) continue;
      if (symbols.length === 0) detail = `output ${values[k]}`;
      symbols.push(i);
      values[k] = 0;
      valid[k] = 0;
    }
    if (symbols.length === 0) continue;
    const fault: ModelFault = { column: c, reason: 'not_finite', detail };
    found.push(symbols.length === symbolCount ? fault : { ...fault, symbols });
  }
  const faults = [...(answer.faults ?? []), ...found].sort((a, b) => a.column - b.column);
  return { ...answer, values, valid, faults };
}
