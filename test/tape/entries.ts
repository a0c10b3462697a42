import { canonicalJson } from '../../src/events/canonical.ts';
import type { EncodedEvent } from '../../src/events/encode.ts';
import type { JsonObject, TapeEntry, TapeRecord } from '../../src/events/record.ts';

/** A record as it is appended. */
export function entryOf({ seq, t, type, payload }: TapeRecord): TapeEntry {
  return { seq, t, type, payloadJson: canonicalJson(payload) };
}

/** An encoded event as a reader of the tape gets it: through text. */
export function payloadOf({ payloadJson }: Pick<EncodedEvent, 'payloadJson'>): JsonObject {
  return JSON.parse(payloadJson) as JsonObject;
}
