import { InvariantError } from '../domain/errors.ts';
import { type Base64Codec, littleEndianBytes } from './base64.ts';
import { canonicalJson } from './canonical.ts';
import { exactInteger } from './encode-fields.ts';
import type { ModelFault, Predictions } from './inputs.ts';
import type { Json, JsonObject } from './record.ts';

/**
 * Payload of PredictionsMade as canonical JSON: `values` float32 little-endian, `valid` one bit a value, lowest bit first, both base64.
 * @throws InvariantError when a valid value is not finite, a missing one is not 0, or the lengths differ
 */
export function encodePredictions(predictions: Predictions, base64: Base64Codec): string {
  const { cycle, values, valid } = predictions;
  if (values.length !== valid.length) {
    throw new InvariantError(`predictions: ${values.length} values but ${valid.length} validity flags`);
  }
  const bits = new Uint8Array((valid.length + 7) >> 3);
  for (let i = 0; i < valid.length; i += 1) {
    const value = values[i];
    const isValid = valid[i] === 1;
    if (isValid) bits[i >> 3] |= 1 << (i & 7);
    // x - x is 0 for finite x only
    if (value - value !== 0 || (!isValid && (value !== 0 || valid[i] !== 0))) {
      throw new InvariantError(`predictions: value ${value} with validity ${valid[i]} at index ${i}`);
    }
  }
  const head = `{"cycle":${exactInteger(cycle, 'cycle')}${faultsJson(predictions.faults)}`;
  return `${head},"valid":"${base64.encode(bits)}","values":"${base64.encode(littleEndianBytes(values))}"}`;
}

function faultsJson(faults: readonly ModelFault[] | undefined): string {
  return faults === undefined || faults.length === 0
    ? ''
    : `,"faults":${canonicalJson(encodeFaults(faults))}`;
}

/** Faults as JSON, keys sorted. */
export function encodeFaults(faults: readonly ModelFault[]): readonly JsonObject[] {
  return faults.map(({ column, detail, reason, symbols }) => {
    const fault: Record<string, Json> = { column: exactInteger(column, 'faults.column'), detail, reason };
    if (symbols !== undefined) fault.symbols = symbols.map((i) => exactInteger(i, 'faults.symbols'));
    return fault;
  });
}
