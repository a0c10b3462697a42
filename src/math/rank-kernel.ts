/**
 * The inner loop of the rolling rank correlation as a WebAssembly kernel: it runs over 24 windows of 20,000 values every
 * 30 cycles at the standard load, where the same loop in JavaScript took three times as long and more than everything
 * else in a cycle together.
 *
 * It merges two lists of keys (see sorted-window.ts) that are in rising order, leaves out the old keys whose places were
 * removed, and gives each key left the integer 2 * average rank: to write it at the key's place, or to multiply it with
 * the one found there. Both lists end with +Infinity, and so does nothing else.
 */
import {
  assembleModule,
  block,
  branch,
  branchIf,
  type Code,
  f64,
  get,
  i32,
  i64,
  type Local,
  loop,
  select,
  set,
  when,
} from './wasm-assembler.ts';

/** Addresses are bytes. Results are two doubles at address 0: the sum of products, and of (t^3 - t) over groups of t equal values. */
export type RankKernel = (
  oldKeys: number,
  newKeys: number,
  merged: number,
  ranks: number,
  placeMask: number,
  removedFrom: number,
  removedCount: number,
  lookupOffset: number,
  isWriting: 0 | 1,
) => void;

const [OLD, NEW, OUT, RANKS, MASK, REMOVED_FROM, REMOVED_COUNT, OFFSET, IS_WRITING]: readonly Local[] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
];
const [BASE, START, PLACE, VALUE, RANK]: readonly Local[] = [9, 10, 11, 12, 13];
const [PRODUCTS, TIES, FOUND, SIZE, HEAD]: readonly Local[] = [14, 15, 16, 17, 18];
const [KEY, LIMIT]: readonly Local[] = [19, 20];

const KEY_BYTES = 8;
const UPPER = 4;
const INFINITY_UPPER = 0x7ff00000;
const LOWER_ONES = 0xffffffff;
const UPPER_ONES = -0x100000000;

const advance = (local: Local, by: number): Code => set(local, i32.add(get(local), i32.const(by)));
const upperAt = (pointer: Local, ahead = 0): Code => i32.load(get(pointer), UPPER + ahead);
const isRemoved = i32.lessUnsigned(
  i32.and(i32.sub(get(PLACE), get(REMOVED_FROM)), get(MASK)),
  get(REMOVED_COUNT),
);
const rankAddress = (place: Code): Code => i32.add(get(RANKS), i32.shiftLeft(place, 1));
const foundRank = i64.fromUnsigned32(
  i32.load16(rankAddress(i32.and(i32.add(get(PLACE), get(OFFSET)), get(MASK)))),
);
const addTo = (sum: Local, value: Code): Code => set(sum, i64.add(get(sum), value));

/** Takes over old keys while they have no equal and come before the next new one: nearly all of them. */
const singles = (use: Code): Code =>
  block(
    loop(
      set(KEY, f64.load(get(OLD))),
      branchIf(1, i32.isZero(f64.less(get(KEY), get(LIMIT)))),
      branchIf(1, i32.eq(upperAt(OLD), upperAt(OLD, KEY_BYTES))),
      set(PLACE, i32.load(get(OLD))),
      advance(OLD, KEY_BYTES),
      branchIf(0, isRemoved),
      f64.store(get(OUT), get(KEY)),
      advance(OUT, KEY_BYTES),
      advance(RANK, 2),
      use,
      branch(0),
    ),
  );

/** Takes over the keys of one list that hold VALUE, and sums up what is found at their places. */
const groupOf = (list: Local, isLeftOut: Code): Code =>
  block(
    loop(
      branchIf(1, i32.ne(upperAt(list), get(VALUE))),
      set(PLACE, i32.load(get(list))),
      f64.store(get(OUT), f64.load(get(list))),
      advance(list, KEY_BYTES),
      branchIf(0, isLeftOut),
      advance(OUT, KEY_BYTES),
      when(get(IS_WRITING), [], addTo(FOUND, foundRank)),
      branch(0),
    ),
  );

/** Every key below this number has a smaller value than the next new key, and no key at or above it has. */
const setLimit: Code = [
  set(HEAD, i64.load(get(NEW))),
  when(
    i64.isNegative(get(HEAD)),
    set(LIMIT, f64.fromBits(i64.or(get(HEAD), i64.const(LOWER_ONES)))),
    set(LIMIT, f64.fromBits(i64.and(get(HEAD), i64.const(UPPER_ONES)))),
  ),
];

const indexes = (pointer: Local): Code => i32.sub(get(pointer), get(BASE));

/** Ranks the group [START, OUT): 2 * rank = first index + last index + 2, indexes from 0. */
const rankGroup: Code = [
  set(VALUE, i32.add(i32.shiftRight(i32.add(indexes(START), indexes(OUT)), 3), i32.const(1))),
  set(SIZE, i64.fromUnsigned32(i32.shiftRight(i32.sub(get(OUT), get(START)), 3))),
  addTo(TIES, i64.sub(i64.mul(get(SIZE), i64.mul(get(SIZE), get(SIZE))), get(SIZE))),
  when(
    get(IS_WRITING),
    block(
      loop(
        branchIf(1, i32.eq(get(START), get(OUT))),
        i32.store16(rankAddress(i32.load(get(START))), get(VALUE)),
        advance(START, KEY_BYTES),
        branch(0),
      ),
    ),
    addTo(PRODUCTS, i64.mul(i64.fromUnsigned32(get(VALUE)), get(FOUND))),
  ),
  set(RANK, i32.shiftRight(indexes(OUT), 2)),
];

const body: Code = [
  set(BASE, get(OUT)),
  block(
    loop(
      setLimit,
      when(
        get(IS_WRITING),
        singles(i32.store16(rankAddress(get(PLACE)), get(RANK))),
        singles(addTo(PRODUCTS, i64.mul(i64.fromUnsigned32(get(RANK)), foundRank))),
      ),
      set(VALUE, select(f64.less(f64.load(get(OLD)), f64.load(get(NEW))), upperAt(OLD), upperAt(NEW))),
      branchIf(1, i32.eq(get(VALUE), i32.const(INFINITY_UPPER))),
      set(START, get(OUT)),
      set(FOUND, i64.const(0)),
      groupOf(OLD, isRemoved),
      groupOf(NEW, i32.const(0)),
      rankGroup,
      branch(0),
    ),
  ),
  f64.store(i32.const(0), f64.fromSigned64(get(PRODUCTS))),
  f64.store(i32.const(0), f64.fromSigned64(get(TIES)), KEY_BYTES),
];

/** The part of the WebAssembly API used here; the standard library types that have it bring the whole DOM along. */
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: { readonly sweep: RankKernel } };
};

const PAGE_BYTES = 65_536;

/** Compiles the kernel and gives it a memory of its own. */
export function createRankKernel(memoryBytes: number): {
  readonly sweep: RankKernel;
  readonly buffer: ArrayBuffer;
} {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(memoryBytes / PAGE_BYTES) });
  const bytes = assembleModule({
    name: 'sweep',
    parameterCount: 9,
    locals: [
      { type: 'i32', count: 5 },
      { type: 'i64', count: 5 },
      { type: 'f64', count: 2 },
    ],
    body,
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory } });
  return { sweep: instance.exports.sweep, buffer: memory.buffer };
}
