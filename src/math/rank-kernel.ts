/** Ranks the entries of a window's order; see merge-kernel.ts for what it looks like. */
import { ENTRY_BYTES, PACKING_AT, PACKING_BYTES, TIED } from './merge-kernel.ts';
import {
  advance,
  block,
  branch,
  branchIf,
  type Code,
  f64,
  get,
  i16x8,
  i32,
  i64,
  type KernelFunction,
  type Local,
  loop,
  set,
  v128,
  when,
} from './wasm-assembler.ts';

/**
 * Gives each entry of a list the integer 2 * average rank: to write it at the entry's place in the table of ranks, or to
 * multiply it with the one found there, `lookupOffset` doubled places further. Results are two doubles at address 0: the
 * sum of products, and of (t^3 - t) over groups of t equals.
 */
export type RankKernel = (
  list: number,
  listEnd: number,
  placeMask: number,
  lookupOffset: number,
  isWriting: 0 | 1,
) => void;

/** The table of ranks, 16 bits a place. */
export const RANKS_AT = PACKING_AT + PACKING_BYTES;
/** Entries handled at a time. */
const GROUP = 8;

const addTo = (sum: Local, value: Code): Code => set(sum, i64.add(get(sum), value));

const [LIST, LIST_END, MASK, OFFSET, IS_WRITING]: readonly Local[] = [0, 1, 2, 3, 4];
const [START]: readonly Local[] = [5];
const [RANK, TIED_RANK, PRODUCTS, TIES, FOUND, SIZE]: readonly Local[] = [6, 7, 8, 9, 10, 11];
const [TIED_8]: readonly Local[] = [12];
const [SUM, RISING_SUM]: readonly Local[] = [13, 14];

const rankAfter = (k: number): Code => i64.add(get(RANK), i64.const(2 * k));
const entryAt = (pointer: Local, k = 0): Code => i32.load16(get(pointer), k * ENTRY_BYTES);
const placeAt = (pointer: Local): Code => i32.and(entryAt(pointer), i32.const(0xfffe));
const foundFrom = (place: Code): Code => i32.and(i32.add(place, get(OFFSET)), get(MASK));
const rankAt = (place: Code): Code => i64.load16(place, RANKS_AT);
const smallRankAt = (place: Code): Code => i32.load16(place, RANKS_AT);
const writeRank = (place: Code, rank: Code): Code => i64.store16(place, rank, RANKS_AT);

/** What follows in the list, while there are no ties. */
const groups = (use: Code): Code =>
  block(
    loop(
      branchIf(1, i32.lessUnsigned(i32.sub(get(LIST_END), get(LIST)), i32.const(GROUP * ENTRY_BYTES))),
      branchIf(1, v128.isAnyTrue(v128.and(v128.load(get(LIST)), get(TIED_8)))),
      use,
      set(RANK, rankAfter(GROUP)),
      advance(LIST, GROUP * ENTRY_BYTES),
      branch(0),
    ),
  );
const writeGroups = groups(
  Array.from({ length: GROUP }, (_, k) => writeRank(entryAt(LIST, k), rankAfter(k))),
);
/**
 * Ranks of a group are RANK + 2k, so its products sum to RANK * (sum of those found) + 2 * (sum of k times the k-th), and
 * the second is the sum, over j from 1, of those found from the j-th on: additions alone, from the last to the first.
 */
const multiplyGroups = (placeOf: (k: number) => Code): Code =>
  groups([
    set(SUM, smallRankAt(placeOf(GROUP - 1))),
    set(RISING_SUM, get(SUM)),
    Array.from({ length: GROUP - 2 }, (_, j) => [
      set(SUM, i32.add(get(SUM), smallRankAt(placeOf(GROUP - 2 - j)))),
      set(RISING_SUM, i32.add(get(RISING_SUM), get(SUM))),
    ]),
    set(SUM, i32.add(get(SUM), smallRankAt(placeOf(0)))),
    addTo(PRODUCTS, i64.mul(get(RANK), i64.fromUnsigned32(get(SUM)))),
    addTo(PRODUCTS, i64.fromUnsigned32(i32.shiftLeft(get(RISING_SUM), 1))),
  ]);
/** An entry unlike the one before it, ranked as if no equal followed. */
const single: Code = [
  when(
    get(IS_WRITING),
    writeRank(placeAt(LIST), get(RANK)),
    addTo(PRODUCTS, i64.mul(get(RANK), rankAt(foundFrom(placeAt(LIST))))),
  ),
  set(RANK, rankAfter(1)),
  advance(LIST, ENTRY_BYTES),
];
/** The rest of a group of equals: what its first entry was given is taken back, and all get the mean. */
const tiedGroup: Code = [
  set(START, i32.sub(get(LIST), i32.const(ENTRY_BYTES))),
  set(TIED_RANK, i64.sub(get(RANK), i64.const(2))),
  set(FOUND, rankAt(foundFrom(placeAt(START)))),
  set(PRODUCTS, i64.sub(get(PRODUCTS), i64.mul(get(TIED_RANK), get(FOUND)))),
  block(
    loop(
      branchIf(1, i32.eq(get(LIST), get(LIST_END))),
      branchIf(1, i32.isZero(i32.and(entryAt(LIST), i32.const(TIED)))),
      addTo(FOUND, rankAt(foundFrom(placeAt(LIST)))),
      set(RANK, rankAfter(1)),
      advance(LIST, ENTRY_BYTES),
      branch(0),
    ),
  ),
  set(TIED_RANK, i64.shiftRight(i64.add(get(TIED_RANK), i64.sub(get(RANK), i64.const(2))), 1)),
  set(SIZE, i64.fromUnsigned32(i32.shiftRight(i32.sub(get(LIST), get(START)), 1))),
  addTo(TIES, i64.sub(i64.mul(get(SIZE), i64.mul(get(SIZE), get(SIZE))), get(SIZE))),
  when(
    get(IS_WRITING),
    loop(
      writeRank(placeAt(START), get(TIED_RANK)),
      advance(START, ENTRY_BYTES),
      branchIf(0, i32.lessUnsigned(get(START), get(LIST))),
    ),
    addTo(PRODUCTS, i64.mul(get(TIED_RANK), get(FOUND))),
  ),
];
const body: Code = [
  set(RANK, i64.const(2)),
  set(TIED_8, i16x8.splat(i32.const(TIED))),
  block(
    loop(
      when(
        get(IS_WRITING),
        writeGroups,
        when(
          get(OFFSET),
          multiplyGroups((k) => foundFrom(entryAt(LIST, k))),
          multiplyGroups((k) => entryAt(LIST, k)),
        ),
      ),
      branchIf(1, i32.eq(get(LIST), get(LIST_END))),
      when(i32.and(entryAt(LIST), i32.const(TIED)), tiedGroup, single),
      branch(0),
    ),
  ),
  f64.store(i32.const(0), f64.fromSigned64(get(PRODUCTS))),
  f64.store(i32.const(0), f64.fromSigned64(get(TIES)), 8),
];

export const rankKernel: KernelFunction = {
  name: 'rank',
  parameterCount: 5,
  locals: [
    { type: 'i32', count: 1 },
    { type: 'i64', count: 6 },
    { type: 'v128', count: 1 },
    { type: 'i32', count: 2 },
  ],
  body,
};
