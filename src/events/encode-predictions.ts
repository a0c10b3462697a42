import { InvariantError } from '../domain/errors.ts';
import { type Base64Codec, littleEndianBytes } from './base64.ts';
import { exactInteger } from './encode-fields.ts';
import type { ModelFault, Predictions } from './inputs.ts';
import type { Json, JsonObject } from './record.ts';

/**
 * Payload of PredictionsMade: `values` float32 little-endian, `valid` one bit a value, lowest bit first, both base64.
 * @throws InvariantError when a valid value is not finite, a missing one is not 0, or the lengths differ
 */
export function encodePredictions(predictions: Predictions, base64: Base64Codec): JsonObject {
  const { cycle, values, valid } = predictions;
  if (values.length !== valid.length) {
    throw new InvariantError(`predictions: ${values.length} values but ${valid.length} validity flags`);
  }
  const bits = new Uint8Array((valid.length + 7) >> 3);
  for (let i = 0; i < valid.length; i += 1) {
    const isValid = valid[i] === 1;
    if (isValid) bits[i >> 3] |= 1 << (i & 7);
    if (!Number.isFinite(values[i]) || (!isValid && (values[i] !== 0 || valid[i] !== 0))) {
      throw new InvariantError(`predictions: value ${values[i]} with validity ${valid[i]} at index ${i}`);
    }
  }
  const payload: Record<string, Json> = { cycle: exactInteger(cycle, 'cycle') };
  if (predictions.faults !== undefined && predictions.faults.length > 0) {
    payload.faults = encodeFaults(predictions.faults);
  }
  payload.valid = base64.encode(bits);
  payload.values = base64.encode(littleEndianBytes(values));
  return payload;
}

/** Faults as JSON, keys sorted. */
export function encodeFaults(faults: readonly ModelFault[]): readonly JsonObject[] {
  return faults.map(({ column, detail, reason, symbols }) => {
    const fault: Record<string, Json> = { column: exactInteger(column, 'faults.column'), detail, reason };
    if (symbols !== undefined) fault.symbols = symbols.map((i) => exactInteger(i, 'faults.symbols'));
    return fault;
  });
}
