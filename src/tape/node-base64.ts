import { Buffer } from 'node:buffer';
import type { Base64Codec } from '../events/base64.ts';

/** Node's own base64: the same text as the table-driven codec of the pure zone, several times faster. */
export const nodeBase64: Base64Codec = {
  encode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  decode: (text) => {
    const bytes = Buffer.from(text, 'base64');
    // Node skips what it does not understand; only text that survives the round trip was base64
    return bytes.toString('base64') === text ? bytes : null;
  },
};
