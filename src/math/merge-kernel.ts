/**
 * Brings the order of a window up to date. The order is a list of 16-bit entries in rising order of value: the value's
 * place in its ring, and TIED where it equals the value before it.
 */
import {
  block,
  branch,
  branchIf,
  type Code,
  f32,
  get,
  i16x8,
  i32,
  type KernelFunction,
  type Local,
  loop,
  set,
  when,
} from './wasm-assembler.ts';

/**
 * Copies a list without its removed entries and with the new ones merged in. Addresses are bytes.
 * `news`: 8 bytes each, place and float32, in rising order; then one whose float is NaN. `packing`: see `packingTable`.
 * Up to 16 bytes after the new list are overwritten.
 */
export type MergeKernel = (
  list: number,
  listEnd: number,
  news: number,
  newsEnd: number,
  out: number,
  values: number,
  placeMask: number,
  removedFrom: number,
  removedCount: number,
  packing: number,
) => void;

export const ENTRY_BYTES = 2;
export const TIED = 0x8000;
export const PLACE_BITS = 0x7fff;
const NEW_BYTES = 8;

export const PACKING_BYTES = 256 * 16;

/** For each set of eight entries to drop, a bit each: the bytes of those that stay, in order, and then none. */
export function packingTable(): Uint8Array {
  const table = new Uint8Array(PACKING_BYTES).fill(0xff);
  for (let dropped = 0; dropped < 256; dropped++) {
    let at = dropped * 16;
    for (let k = 0; k < 8; k++) {
      if ((dropped >> k) & 1) continue;
      table[at++] = 2 * k;
      table[at++] = 2 * k + 1;
    }
  }
  return table;
}

export const advance = (local: Local, by: number): Code => set(local, i32.add(get(local), i32.const(by)));

const [LIST, LIST_END, NEWS, NEWS_END, OUT, VALUES, MASK]: readonly Local[] = [0, 1, 2, 3, 4, 5, 6];
const [REMOVED_FROM, REMOVED_COUNT, PACKING]: readonly Local[] = [7, 8, 9];
const [OUT_START, GROUP_END, PLACE, IS_STALE, DROPPED]: readonly Local[] = [10, 11, 12, 13, 14];
const [NEXT_NEW, BEFORE, VALUE]: readonly Local[] = [15, 16, 17];
const [EIGHT, FROM_8, MASK_8, COUNT_8, PLACE_BITS_8]: readonly Local[] = [18, 19, 20, 21, 22];

const valueAt = (place: Code): Code => f32.load(i32.add(get(VALUES), i32.shiftLeft(place, 2)));
const placeOf = (entry: Code): Code => i32.and(entry, i32.const(PLACE_BITS));
const emit = (value: Local): Code => [
  i32.store16(get(OUT), i32.or(get(PLACE), i32.shiftLeft(f32.eq(get(value), get(BEFORE)), 15))),
  set(BEFORE, get(value)),
  advance(OUT, ENTRY_BYTES),
];
const emitNew: Code = [
  set(PLACE, i32.load(get(NEWS))),
  emit(NEXT_NEW),
  advance(NEWS, NEW_BYTES),
  set(NEXT_NEW, f32.load(get(NEWS), 4)),
];
/** The value written last; one that equals nothing before the first. */
const findBefore = when(
  i32.eq(get(OUT), get(OUT_START)),
  set(BEFORE, f32.const(Number.NaN)),
  set(BEFORE, valueAt(placeOf(i32.load16(i32.sub(get(OUT), i32.const(ENTRY_BYTES)))))),
);
/**
 * The next new entry among eight of which the last comes after it. What follows it is tied to nothing: the entry before
 * is not above the new one.
 */
const putBetween: Code = [
  i16x8.store(get(OUT), get(EIGHT)),
  block(
    loop(
      branchIf(1, f32.less(get(NEXT_NEW), valueAt(placeOf(i32.load16(get(LIST)))))),
      advance(LIST, ENTRY_BYTES),
      advance(OUT, ENTRY_BYTES),
      branch(0),
    ),
  ),
  findBefore,
  emitNew,
];
const isLastDropped = i32.and(get(DROPPED), i32.const(0x80));
const isAnyTied = i32.lessUnsigned(i32.const(0), i16x8.signs(get(EIGHT)));
/**
 * Eight entries at a time, packed without a branch. The last must stay: the value of a removed one may be gone. Where
 * some are dropped none may be tied, or a tie could go stale, and no new one may come between.
 */
const wholeGroups = block(
  loop(
    branchIf(1, get(IS_STALE)),
    branchIf(1, i32.lessUnsigned(i32.sub(get(LIST_END), get(LIST)), i32.const(8 * ENTRY_BYTES))),
    set(EIGHT, i16x8.load(get(LIST))),
    set(
      DROPPED,
      i16x8.signs(
        i16x8.lessUnsigned(
          i16x8.and(i16x8.sub(i16x8.and(get(EIGHT), get(PLACE_BITS_8)), get(FROM_8)), get(MASK_8)),
          get(COUNT_8),
        ),
      ),
    ),
    branchIf(1, isLastDropped),
    when(
      f32.less(get(NEXT_NEW), valueAt(placeOf(i32.load16(i32.add(get(LIST), i32.const(7 * ENTRY_BYTES)))))),
      [branchIf(2, get(DROPPED)), putBetween, branch(1)],
    ),
    when(isAnyTied, branchIf(2, get(DROPPED))),
    i16x8.store(
      get(OUT),
      i16x8.pickBytes(get(EIGHT), i16x8.load(i32.add(get(PACKING), i32.shiftLeft(get(DROPPED), 4)))),
    ),
    advance(LIST, 8 * ENTRY_BYTES),
    set(
      OUT,
      i32.sub(i32.add(get(OUT), i32.const(8 * ENTRY_BYTES)), i32.shiftLeft(i32.countOnes(get(DROPPED)), 1)),
    ),
    branch(0),
  ),
);
/** One entry: dropped, or written after the new ones that come before it. A dropped one leaves the next one's tie stale. */
const oneEntry: Code = [
  set(PLACE, placeOf(i32.load16(get(LIST)))),
  advance(LIST, ENTRY_BYTES),
  when(
    i32.lessUnsigned(i32.and(i32.sub(get(PLACE), get(REMOVED_FROM)), get(MASK)), get(REMOVED_COUNT)),
    set(IS_STALE, i32.const(1)),
    [
      set(VALUE, valueAt(get(PLACE))),
      when(f32.less(get(NEXT_NEW), get(VALUE)), [
        loop(emitNew, branchIf(0, f32.less(get(NEXT_NEW), get(VALUE)))),
        set(PLACE, placeOf(i32.load16(i32.sub(get(LIST), i32.const(ENTRY_BYTES))))),
      ]),
      emit(VALUE),
      set(IS_STALE, i32.const(0)),
    ],
  ),
];
const body: Code = [
  set(OUT_START, get(OUT)),
  set(NEXT_NEW, f32.load(get(NEWS), 4)),
  set(FROM_8, i16x8.splat(get(REMOVED_FROM))),
  set(MASK_8, i16x8.splat(get(MASK))),
  set(COUNT_8, i16x8.splat(get(REMOVED_COUNT))),
  set(PLACE_BITS_8, i16x8.splat(i32.const(PLACE_BITS))),
  block(
    loop(
      wholeGroups,
      branchIf(1, i32.eq(get(LIST), get(LIST_END))),
      findBefore,
      set(GROUP_END, i32.add(get(LIST), i32.const(8 * ENTRY_BYTES))),
      when(i32.lessUnsigned(get(LIST_END), get(GROUP_END)), set(GROUP_END, get(LIST_END))),
      loop(oneEntry, branchIf(0, i32.lessUnsigned(get(LIST), get(GROUP_END)))),
      branch(0),
    ),
  ),
  findBefore,
  block(loop(branchIf(1, i32.eq(get(NEWS), get(NEWS_END))), emitNew, branch(0))),
];

export const mergeKernel: KernelFunction = {
  name: 'merge',
  parameterCount: 10,
  locals: [
    { type: 'i32', count: 5 },
    { type: 'f32', count: 3 },
    { type: 'v128', count: 5 },
  ],
  body,
};
