/**
 * Brings the order of a window up to date. The order is two lists in rising order of value: 16-bit entries, each twice
 * the value's place in its ring, plus TIED where the value equals the one before it; and the float32 values themselves.
 * Memory is read in order throughout: what is looked up by place would wait for memory at every branch it decides.
 */
import {
  advance,
  block,
  branch,
  branchIf,
  type Code,
  f32,
  f32x4,
  get,
  i16x8,
  i32,
  type KernelFunction,
  type Local,
  loop,
  set,
  v128,
  when,
} from './wasm-assembler.ts';

/**
 * Copies an order without its removed entries and with the new ones merged in. Addresses are bytes; places are doubled.
 * `news`: 8 bytes each, place and float32, in rising order; then one whose float is NaN. Before the values of `out`
 * stands a NaN. Up to 16 bytes after the new entries and 32 after the new values are overwritten.
 */
export type MergeKernel = (
  list: number,
  listEnd: number,
  values: number,
  news: number,
  newsEnd: number,
  out: number,
  outValues: number,
  placeMask: number,
  removedFrom: number,
  removedCount: number,
) => void;

export const ENTRY_BYTES = 2;
export const VALUE_BYTES = 4;
export const TIED = 1;
const NEW_BYTES = 8;
/** Entries handled at a time. */
const GROUP = 8;

/** Where the kernel finds `packingTables`. */
export const PACKING_AT = 16;
const PACKING_4_AT = PACKING_AT + 256 * 16;
export const PACKING_BYTES = 256 * 16 + 16 * 16;

/** For each set of eight entries, and then for each set of four values, to drop, a bit each: the bytes of those that stay, in order, and then none. */
export function packingTables(): Uint8Array {
  const table = new Uint8Array(PACKING_BYTES).fill(0xff);
  const fill = (start: number, lanes: number): void => {
    const bytes = 16 / lanes;
    for (let dropped = 0; dropped < 1 << lanes; dropped++) {
      let at = start + dropped * 16;
      for (let lane = 0; lane < lanes; lane++) {
        if ((dropped >> lane) & 1) continue;
        for (let byte = 0; byte < bytes; byte++) table[at++] = lane * bytes + byte;
      }
    }
  };
  fill(0, 8);
  fill(PACKING_4_AT - PACKING_AT, 4);
  return table;
}

const [LIST, LIST_END, VALUES, NEWS, NEWS_END, OUT, OUT_VALUES]: readonly Local[] = [0, 1, 2, 3, 4, 5, 6];
const [MASK, REMOVED_FROM, REMOVED_COUNT]: readonly Local[] = [7, 8, 9];
const [GROUP_END, ENTRY, IS_STALE, DROPPED, KEPT]: readonly Local[] = [10, 11, 12, 13, 14];
const [NEXT_NEW, VALUE]: readonly Local[] = [15, 16];
const [EIGHT, FROM_8, MASK_8, COUNT_8, TIED_8]: readonly Local[] = [17, 18, 19, 20, 21];

/** Moves past `count` entries that were read, or written. */
const pass = (entries: Local, values: Local, count: number): Code => [
  advance(entries, count * ENTRY_BYTES),
  advance(values, count * VALUE_BYTES),
];
const passOf = (entries: Local, values: Local, count: Local): Code => [
  set(entries, i32.add(get(entries), i32.shiftLeft(get(count), 1))),
  set(values, i32.add(get(values), i32.shiftLeft(get(count), 2))),
];
/** Writes an entry, with the mark it deserves where it now stands. */
const emit = (place: Code, value: Code): Code => [
  i32.store16(
    get(OUT),
    i32.or(place, f32.eq(value, f32.load(i32.sub(get(OUT_VALUES), i32.const(VALUE_BYTES))))),
  ),
  f32.store(get(OUT_VALUES), value),
  pass(OUT, OUT_VALUES, 1),
];
const emitNew: Code = [
  emit(i32.load(get(NEWS)), get(NEXT_NEW)),
  advance(NEWS, NEW_BYTES),
  set(NEXT_NEW, f32.load(get(NEWS), 4)),
];

const firstFour = v128.load(get(VALUES));
const lastFour = v128.load(get(VALUES), 16);
const copyGroup: Code = [
  v128.store(get(OUT), get(EIGHT)),
  v128.store(get(OUT_VALUES), firstFour),
  v128.store(get(OUT_VALUES), lastFour, 16),
];
/**
 * The next new entry among eight of which the last comes after it. What follows it is tied to nothing: the entry before
 * is not above the new one.
 */
const putBetween: Code = [
  copyGroup,
  set(
    KEPT,
    i32.add(
      i32.countOnes(f32x4.signs(f32x4.atMost(firstFour, f32x4.splat(get(NEXT_NEW))))),
      i32.countOnes(f32x4.signs(f32x4.atMost(lastFour, f32x4.splat(get(NEXT_NEW))))),
    ),
  ),
  passOf(LIST, VALUES, KEPT),
  passOf(OUT, OUT_VALUES, KEPT),
  emitNew,
];
const packed = (vector: Code, table: number, dropped: Code): Code =>
  i16x8.pickBytes(vector, v128.load(i32.shiftLeft(dropped, 4), table));
/** Those of a group that stay, moved together without a branch. */
const packGroup: Code = [
  v128.store(get(OUT), packed(get(EIGHT), PACKING_AT, get(DROPPED))),
  set(KEPT, i32.and(get(DROPPED), i32.const(15))),
  v128.store(get(OUT_VALUES), packed(firstFour, PACKING_4_AT, get(KEPT))),
  v128.store(
    i32.sub(get(OUT_VALUES), i32.shiftLeft(i32.countOnes(get(KEPT)), 2)),
    packed(lastFour, PACKING_4_AT, i32.shiftRight(get(DROPPED), 4)),
    16,
  ),
  set(KEPT, i32.sub(i32.const(GROUP), i32.countOnes(get(DROPPED)))),
  passOf(OUT, OUT_VALUES, KEPT),
];
const isAnyTied = v128.isAnyTrue(v128.and(get(EIGHT), get(TIED_8)));
/**
 * Eight entries at a time, until some are dropped where there are ties or a new one: they are taken one by one. Where the
 * last is dropped, a tie of the next is stale.
 */
const wholeGroups = block(
  branchIf(0, get(IS_STALE)),
  loop(
    branchIf(1, i32.lessUnsigned(i32.sub(get(LIST_END), get(LIST)), i32.const(GROUP * ENTRY_BYTES))),
    set(EIGHT, v128.load(get(LIST))),
    set(
      DROPPED,
      i16x8.signs(
        i16x8.lessUnsigned(v128.and(i16x8.sub(get(EIGHT), get(FROM_8)), get(MASK_8)), get(COUNT_8)),
      ),
    ),
    when(f32.less(get(NEXT_NEW), f32.load(get(VALUES), (GROUP - 1) * VALUE_BYTES)), [
      branchIf(2, get(DROPPED)),
      putBetween,
      branch(1),
    ]),
    when(get(DROPPED), [
      branchIf(2, isAnyTied),
      packGroup,
      pass(LIST, VALUES, GROUP),
      set(IS_STALE, i32.and(i32.shiftRight(get(DROPPED), GROUP - 1), i32.load16(get(LIST)))),
      set(IS_STALE, i32.and(get(IS_STALE), i32.const(TIED))),
      branchIf(2, get(IS_STALE)),
      branch(1),
    ]),
    copyGroup,
    pass(OUT, OUT_VALUES, GROUP),
    pass(LIST, VALUES, GROUP),
    branch(0),
  ),
);
/** One entry: dropped, or written after the new ones that come before it. A dropped one leaves the next one's tie stale. */
const oneEntry: Code = [
  set(ENTRY, i32.load16(get(LIST))),
  set(VALUE, f32.load(get(VALUES))),
  pass(LIST, VALUES, 1),
  set(
    IS_STALE,
    i32.lessUnsigned(i32.and(i32.sub(get(ENTRY), get(REMOVED_FROM)), get(MASK)), get(REMOVED_COUNT)),
  ),
  when(
    get(IS_STALE),
    [],
    [
      block(loop(branchIf(1, i32.isZero(f32.less(get(NEXT_NEW), get(VALUE)))), emitNew, branch(0))),
      emit(i32.and(get(ENTRY), i32.const(0xfffe)), get(VALUE)),
    ],
  ),
];
const body: Code = [
  set(NEXT_NEW, f32.load(get(NEWS), 4)),
  set(FROM_8, i16x8.splat(get(REMOVED_FROM))),
  set(MASK_8, i16x8.splat(get(MASK))),
  set(COUNT_8, i16x8.splat(get(REMOVED_COUNT))),
  set(TIED_8, i16x8.splat(i32.const(TIED))),
  block(
    loop(
      wholeGroups,
      branchIf(1, i32.eq(get(LIST), get(LIST_END))),
      set(GROUP_END, i32.add(get(LIST), i32.const(GROUP * ENTRY_BYTES))),
      when(i32.lessUnsigned(get(LIST_END), get(GROUP_END)), set(GROUP_END, get(LIST_END))),
      loop(oneEntry, branchIf(0, i32.lessUnsigned(get(LIST), get(GROUP_END)))),
      branch(0),
    ),
  ),
  block(loop(branchIf(1, i32.eq(get(NEWS), get(NEWS_END))), emitNew, branch(0))),
];

export const mergeKernel: KernelFunction = {
  name: 'merge',
  parameterCount: 10,
  locals: [
    { type: 'i32', count: 5 },
    { type: 'f32', count: 2 },
    { type: 'v128', count: 5 },
  ],
  body,
};
