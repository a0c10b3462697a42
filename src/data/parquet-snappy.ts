/** Shorter literals are copied byte by byte: a call costs more. */
const SHORT_BYTES = 16;

/** Where the reading of a block stands; moved on in place. */
interface ByteCursor {
  readonly bytes: Uint8Array;
  at: number;
}

interface Unpacking extends ByteCursor {
  readonly plain: Uint8Array;
  /** How much of `plain` is there. */
  filled: number;
}

/**
 * Unpacks a Snappy block whose length is known. The decoder in WebAssembly that is there besides grows its memory for
 * large pages, after which V8 checks for detached buffers at every use of every typed array of the process.
 * @returns undefined for a block that is damaged, or not of that length: what is wrong with it is for the other to say
 */
export function unpackSnappy(bytes: Uint8Array, plainBytes: number): Uint8Array | undefined {
  const cursor: ByteCursor = { bytes, at: 0 };
  if (readVarint(cursor) !== plainBytes) return undefined;
  const plain = new Uint8Array(plainBytes);
  const state: Unpacking = { bytes, plain, at: cursor.at, filled: 0 };
  while (state.at < bytes.length) {
    const tag = bytes[state.at];
    state.at += 1;
    const isTaken = (tag & 3) === 0 ? takeLiteral(state, tag) : copyBack(state, tag);
    if (!isTaken) return undefined;
  }
  return state.filled === plainBytes ? plain : undefined;
}

/** @returns false where its bytes are not there, or do not fit */
function takeLiteral(state: Unpacking, tag: number): boolean {
  const { bytes, plain, filled } = state;
  const short = tag >>> 2;
  const length = 1 + (short < 60 ? short : readNumber(state, short - 59));
  const from = state.at;
  const end = from + length;
  if (!(end <= bytes.length && filled + length <= plain.length)) return false;
  if (length < SHORT_BYTES) for (let i = 0; i < length; i++) plain[filled + i] = bytes[from + i];
  else plain.set(bytes.subarray(from, end), filled);
  state.at = end;
  state.filled += length;
  return true;
}

/** As `takeLiteral`, of what was unpacked before; byte by byte, because it may reach into what it adds itself. */
function copyBack(state: Unpacking, tag: number): boolean {
  const { plain, filled } = state;
  const isNear = (tag & 3) === 1;
  const length = isNear ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2);
  const offset = isNear
    ? (tag >>> 5) * 256 + readNumber(state, 1)
    : readNumber(state, (tag & 3) === 2 ? 2 : 4);
  const end = filled + length;
  if (!(offset > 0 && offset <= filled && end <= plain.length)) return false;
  for (let i = filled; i < end; i++) plain[i] = plain[i - offset];
  state.filled = end;
  return true;
}

/** @returns a little-endian number; infinity, which nothing admits, where its bytes are not all there */
function readNumber(cursor: ByteCursor, length: number): number {
  const { bytes, at } = cursor;
  cursor.at += length;
  if (cursor.at > bytes.length) return Number.POSITIVE_INFINITY;
  let value = 0;
  let scale = 1;
  for (let i = 0; i < length; i++, scale *= 256) value += bytes[at + i] * scale;
  return value;
}

function readVarint(cursor: ByteCursor): number {
  let value = 0;
  for (let scale = 1; cursor.at < 5; scale *= 128) {
    const byte = readNumber(cursor, 1);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  return Number.POSITIVE_INFINITY;
}
