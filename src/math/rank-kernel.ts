/** Ranks the entries of a window's order; see merge-kernel.ts for what it looks like. */
import { advance, ENTRY_BYTES, PLACE_BITS, TIED } from './merge-kernel.ts';
import {
  block,
  branch,
  branchIf,
  type Code,
  f64,
  get,
  i32,
  i64,
  type KernelFunction,
  type Local,
  loop,
  set,
  when,
} from './wasm-assembler.ts';

/**
 * Gives each entry of a list the integer 2 * average rank: to write it at the entry's place, or to multiply it with the
 * one found there. Results are two doubles at address 0: the sum of products, and of (t^3 - t) over groups of t equals.
 */
export type RankKernel = (
  list: number,
  listEnd: number,
  ranks: number,
  placeMask: number,
  lookupOffset: number,
  isWriting: 0 | 1,
) => void;

/** TIED in each of four entries, as a signed 64-bit number. */
const ANY_TIED_OF_4 = -0x7fff7fff7fff8000;

const addTo = (sum: Local, value: Code): Code => set(sum, i64.add(get(sum), value));

const [LIST, LIST_END, RANKS, MASK, OFFSET, IS_WRITING]: readonly Local[] = [0, 1, 2, 3, 4, 5];
const [RANK, START, TIED_RANK]: readonly Local[] = [6, 7, 8];
const [PRODUCTS, TIES, FOUR, FOUND, SIZE]: readonly Local[] = [9, 10, 11, 12, 13];

const rankAddress = (place: Code): Code => i32.add(get(RANKS), i32.shiftLeft(place, 1));
const found = (place: Code): Code => i32.load16(rankAddress(i32.and(i32.add(place, get(OFFSET)), get(MASK))));
const placeAt = (pointer: Code): Code => i32.and(i32.load16(pointer), i32.const(PLACE_BITS));
const rankAfter = (k: number): Code => i32.add(get(RANK), i32.const(2 * k));
const laneOfFour = (k: number): Code =>
  i32.and(i32.wrap(i64.shiftRight(get(FOUR), 16 * k)), i32.const(0xffff));
/** Doubled ranks fit 16 bits, so a product fits 32. */
const product = (rank: Code, place: Code): Code => i64.fromUnsigned32(i32.mul(rank, found(place)));

const fours = (use: (k: number) => Code): Code =>
  block(
    loop(
      branchIf(1, i32.lessUnsigned(i32.sub(get(LIST_END), get(LIST)), i32.const(4 * ENTRY_BYTES))),
      set(FOUR, i64.load(get(LIST))),
      branchIf(1, i32.isZero(i64.isZero(i64.and(get(FOUR), i64.const(ANY_TIED_OF_4))))),
      [0, 1, 2, 3].map(use),
      set(RANK, rankAfter(4)),
      advance(LIST, 4 * ENTRY_BYTES),
      branch(0),
    ),
  );
/** An entry unlike the one before it, ranked as if no equal followed. */
const single: Code = [
  when(
    get(IS_WRITING),
    i32.store16(rankAddress(placeAt(get(LIST))), get(RANK)),
    addTo(PRODUCTS, product(get(RANK), placeAt(get(LIST)))),
  ),
  set(RANK, rankAfter(1)),
  advance(LIST, ENTRY_BYTES),
];
/** The rest of a group of equals: what its first entry was given is taken back, and all get the mean. */
const tiedGroup: Code = [
  set(START, i32.sub(get(LIST), i32.const(ENTRY_BYTES))),
  set(TIED_RANK, i32.sub(get(RANK), i32.const(2))),
  set(FOUND, i64.fromUnsigned32(found(placeAt(get(START))))),
  set(PRODUCTS, i64.sub(get(PRODUCTS), i64.mul(i64.fromUnsigned32(get(TIED_RANK)), get(FOUND)))),
  block(
    loop(
      branchIf(1, i32.eq(get(LIST), get(LIST_END))),
      branchIf(1, i32.lessUnsigned(i32.load16(get(LIST)), i32.const(TIED))),
      addTo(FOUND, i64.fromUnsigned32(found(placeAt(get(LIST))))),
      set(RANK, rankAfter(1)),
      advance(LIST, ENTRY_BYTES),
      branch(0),
    ),
  ),
  set(TIED_RANK, i32.shiftRight(i32.add(get(TIED_RANK), i32.sub(get(RANK), i32.const(2))), 1)),
  set(SIZE, i64.fromUnsigned32(i32.shiftRight(i32.sub(get(LIST), get(START)), 1))),
  addTo(TIES, i64.sub(i64.mul(get(SIZE), i64.mul(get(SIZE), get(SIZE))), get(SIZE))),
  when(
    get(IS_WRITING),
    loop(
      i32.store16(rankAddress(placeAt(get(START))), get(TIED_RANK)),
      advance(START, ENTRY_BYTES),
      branchIf(0, i32.lessUnsigned(get(START), get(LIST))),
    ),
    addTo(PRODUCTS, i64.mul(i64.fromUnsigned32(get(TIED_RANK)), get(FOUND))),
  ),
];
const body: Code = [
  set(RANK, i32.const(2)),
  block(
    loop(
      when(
        get(IS_WRITING),
        fours((k) => i32.store16(rankAddress(laneOfFour(k)), rankAfter(k))),
        fours((k) => addTo(PRODUCTS, product(rankAfter(k), laneOfFour(k)))),
      ),
      branchIf(1, i32.eq(get(LIST), get(LIST_END))),
      when(i32.lessUnsigned(i32.load16(get(LIST)), i32.const(TIED)), single, tiedGroup),
      branch(0),
    ),
  ),
  f64.store(i32.const(0), f64.fromSigned64(get(PRODUCTS))),
  f64.store(i32.const(0), f64.fromSigned64(get(TIES)), 8),
];

export const rankKernel: KernelFunction = {
  name: 'rank',
  parameterCount: 6,
  locals: [
    { type: 'i32', count: 3 },
    { type: 'i64', count: 5 },
  ],
  body,
};
