/** Sorts the new values of a window by size: a radix sort over all four bytes, without a branch that could be guessed wrong. */
import {
  advance,
  branchIf,
  type Code,
  get,
  i32,
  i64,
  type KernelFunction,
  type Local,
  loop,
  set,
  v128,
} from './wasm-assembler.ts';

/**
 * Puts entries into rising order of their floats, those of equal ones as they come. An entry is 8 bytes: any 32 bits, and a
 * float32, finite and not -0. At `counts` and `scratch` is room to work.
 */
export type SortKernel = (entries: number, end: number, counts: number, scratch: number) => void;

const ENTRY_BYTES = 8;
const DIGITS = 256;
const BYTES_OF_KEY = [0, 1, 2, 3];
const COUNTS_OF_BYTE = 4 * DIGITS;

/** What `counts` has to hold. */
export const SORT_COUNTS_BYTES = COUNTS_OF_BYTE * BYTES_OF_KEY.length;

const [ENTRIES, END, COUNTS, SCRATCH, AT, COUNT_AT, KEY, COUNT]: readonly Local[] = [0, 1, 2, 3, 4, 5, 6, 7];
const SUMS: readonly Local[] = [8, 9, 10, 11];
const SIGN = -0x8000_0000;

/** Repeats the body, at least once, until `pointer` is at `end`. */
const until = (pointer: Local, end: Code, ...body: Code): Code =>
  loop(...body, branchIf(0, i32.lessUnsigned(get(pointer), end)));
const countsEnd = (byte: number): Code => i32.add(get(COUNTS), i32.const(COUNTS_OF_BYTE * (byte + 1)));
/** Address of the count of a byte of KEY, less `byte * COUNTS_OF_BYTE`. */
const countOf = (byte: number): Code =>
  i32.add(get(COUNTS), i32.and(shifted(8 * byte - 2), i32.const(4 * (DIGITS - 1))));
const shifted = (bits: number): Code =>
  bits < 0 ? i32.shiftLeft(get(KEY), -bits) : i32.shiftRight(get(KEY), bits);
/** Unsigned integers that order as the floats do: all bits turned where it is negative, the sign alone where it is not. */
const toKey: Code = i32.xor(get(KEY), i32.or(i32.shiftRightSigned(get(KEY), 31), i32.const(SIGN)));
const fromKey: Code = i32.xor(
  get(KEY),
  i32.or(i32.shiftRightSigned(i32.xor(get(KEY), i32.const(-1)), 31), i32.const(SIGN)),
);

const countBytes: Code = [
  set(COUNT_AT, get(COUNTS)),
  until(COUNT_AT, countsEnd(3), v128.store(get(COUNT_AT), v128.zero), advance(COUNT_AT, 16)),
  set(AT, get(ENTRIES)),
  until(
    AT,
    get(END),
    set(KEY, i32.load(get(AT), 4)),
    set(KEY, toKey),
    i32.store(get(AT), get(KEY), 4),
    BYTES_OF_KEY.map((byte) => [
      set(COUNT_AT, countOf(byte)),
      i32.store(
        get(COUNT_AT),
        i32.add(i32.load(get(COUNT_AT), byte * COUNTS_OF_BYTE), i32.const(1)),
        byte * COUNTS_OF_BYTE,
      ),
    ]),
    advance(AT, ENTRY_BYTES),
  ),
];
/** Counts become the offset of the next entry with that byte. */
const sumUp: Code = [
  set(COUNT_AT, get(COUNTS)),
  until(
    COUNT_AT,
    countsEnd(0),
    BYTES_OF_KEY.map((byte) => [
      set(COUNT, i32.load(get(COUNT_AT), byte * COUNTS_OF_BYTE)),
      i32.store(get(COUNT_AT), get(SUMS[byte]!), byte * COUNTS_OF_BYTE),
      set(SUMS[byte]!, i32.add(get(SUMS[byte]!), i32.shiftLeft(get(COUNT), 3))),
    ]),
    advance(COUNT_AT, 4),
  ),
];
const sortByByte = (byte: number, from: Local, fromEnd: Code, to: Local): Code => [
  set(AT, get(from)),
  until(
    AT,
    fromEnd,
    set(KEY, i32.load(get(AT), 4)),
    set(COUNT_AT, countOf(byte)),
    set(COUNT, i32.load(get(COUNT_AT), byte * COUNTS_OF_BYTE)),
    i32.store(get(COUNT_AT), i32.add(get(COUNT), i32.const(ENTRY_BYTES)), byte * COUNTS_OF_BYTE),
    i64.store(i32.add(get(to), get(COUNT)), i64.load(get(AT))),
    advance(AT, ENTRY_BYTES),
  ),
];
const scratchEnd = i32.add(get(SCRATCH), i32.sub(get(END), get(ENTRIES)));
const body: Code = [
  countBytes,
  sumUp,
  BYTES_OF_KEY.map((byte) =>
    byte % 2 === 0
      ? sortByByte(byte, ENTRIES, get(END), SCRATCH)
      : sortByByte(byte, SCRATCH, scratchEnd, ENTRIES),
  ),
  set(AT, get(ENTRIES)),
  until(
    AT,
    get(END),
    set(KEY, i32.load(get(AT), 4)),
    i32.store(get(AT), fromKey, 4),
    advance(AT, ENTRY_BYTES),
  ),
];

export const sortKernel: KernelFunction = {
  name: 'sort',
  parameterCount: 4,
  locals: [{ type: 'i32', count: 8 }],
  body,
};
