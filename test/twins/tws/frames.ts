/** The newest protocol the client speaks: what a gateway of today agrees on with it. */
export const SERVER_VERSION = 193;

/** A framed message: length as int32BE, then fields that each end in NUL. */
export function frame(fields: readonly (string | number)[]): Buffer {
  const body = Buffer.from(`${fields.join('\0')}\0`, 'utf8');
  const head = Buffer.alloc(4);
  head.writeInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Cuts what a client sends into messages; the first one is the version it speaks, after `API\0`. */
export function createFrameReader(onMessage: (fields: readonly string[]) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let isGreeted = false;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    if (!isGreeted) {
      if (rest.length < 4) return;
      if (rest.toString('latin1', 0, 4) !== 'API\0') throw new Error('a client that does not begin with API');
      rest = rest.subarray(4);
      isGreeted = true;
    }
    while (rest.length >= 4) {
      const length = rest.readInt32BE();
      if (rest.length < 4 + length) return;
      const text = rest.toString('utf8', 4, 4 + length);
      rest = rest.subarray(4 + length);
      onMessage(text.endsWith('\0') ? text.slice(0, -1).split('\0') : [text]);
    }
  };
}
