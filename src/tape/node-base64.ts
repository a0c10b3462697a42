import { Buffer } from 'node:buffer';
import type { Base64Codec } from '../events/base64.ts';

/** Where bytes are copied to be encoded: a Buffer made for the purpose takes longer than the copy and the encoding. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/** Node's own base64: the same text as the table-driven codec of the pure zone, several times faster. */
export const nodeBase64: Base64Codec = {
  encode: (bytes) => {
    if (bytes.length > scratch.length)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
    scratch.set(bytes);
    return scratch.toString('base64', 0, bytes.length);
  },
  decode: (text) => {
    const bytes = Buffer.from(text, 'base64');
    // Node skips what it does not understand; only text that survives the round trip was base64
    return bytes.toString('base64') === text ? bytes : null;
  },
};
