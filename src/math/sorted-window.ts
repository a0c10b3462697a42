import { PACKING_BYTES, packingTable } from './merge-kernel.ts';
import { createRankKernels, type KernelMemory, PAGE_BYTES, type RankKernels } from './rank-kernels.ts';

/**
 * The float32 values of sliding windows in order of size, brought up to date in batches, and their average ranks. This
 * is the hot loop of the rolling rank correlation.
 *
 * Values live in rings owned by the caller, at the place sequence number & (ring length - 1). The sorted orders, and
 * copies of the values, stay in the kernels' memory between sweeps. They can be made again from the rings at any time,
 * so a workspace is no state: a new one gives the same ranks. Ranks are the integers 2 * rank.
 */
export interface RankWorkspace extends RankKernels {
  readonly capacity: number;
  readonly memory: KernelMemory;
  readonly lists: Map<Float32Array, SortedList>;
  /** Views of the memory, made anew when it grows. */
  views: MemoryViews;
  /** Address of the list that the next sweep writes. */
  spareAt: number;
  /** Bytes in use. */
  used: number;
}

interface MemoryViews {
  readonly doubles: Float64Array;
  readonly floats: Float32Array;
  readonly words: Int32Array;
}

/** The order of sequence numbers `[from, to)` of one ring. */
interface SortedList {
  from: number;
  to: number;
  /** Address of the entries. */
  at: number;
  /** Address of the copy of the ring. */
  readonly valuesAt: number;
}

/**
 * What a sweep does with the rank of each value: `write` it by place, or `multiply` it with the one that the last
 * writing sweep left at that place. Nothing else may be swept in between.
 */
export interface RankUse {
  readonly kind: 'write' | 'multiply';
  /** Added to a place before it is looked up. */
  readonly offset: number;
}

export interface SweepResult {
  /** Sum of the squares of all doubled ranks. */
  readonly squares: number;
  /** Sum of doubled rank times the doubled rank found; 0 when writing. */
  readonly products: number;
}

/** Doubled ranks must fit 16 bits, and places 15. */
export const MAX_SORTED_VALUES = 32_767;

/** Length of the ring for a window: the power of two that holds it. */
export function ringLength(capacity: number): number {
  let length = 2;
  while (length < capacity) length *= 2;
  return length;
}

/** The kernels' memory: two doubles of results, the packing table, ranks by place, new entries, lists and copies of rings. */
const PACKING_AT = 16;
const RANKS_AT = PACKING_AT + PACKING_BYTES;

/** @param capacity longest window to be swept */
export function createRankWorkspace(capacity: number): RankWorkspace {
  const spareAt = newsAt(capacity) + 8 * (capacity + 1);
  const used = spareAt + listBytes(capacity);
  const { merge, rank, memory } = createRankKernels(used);
  new Uint8Array(memory.buffer).set(packingTable(), PACKING_AT);
  return { capacity, merge, rank, memory, lists: new Map(), views: viewsOf(memory), spareAt, used };
}

function viewsOf({ buffer }: KernelMemory): MemoryViews {
  return {
    doubles: new Float64Array(buffer),
    floats: new Float32Array(buffer),
    words: new Int32Array(buffer),
  };
}

function newsAt(capacity: number): number {
  return RANKS_AT + 8 * Math.ceil(ringLength(capacity) / 4);
}

function listBytes(capacity: number): number {
  return 16 * (Math.ceil(capacity / 8) + 1);
}

function sortedListOf(workspace: RankWorkspace, values: Float32Array): SortedList {
  const known = workspace.lists.get(values);
  if (known !== undefined) return known;
  const at = workspace.used;
  const valuesAt = at + listBytes(workspace.capacity);
  workspace.used = valuesAt + 8 * Math.ceil(values.length / 2);
  const missing = workspace.used - workspace.memory.buffer.byteLength;
  if (missing > 0) {
    workspace.memory.grow(Math.ceil(missing / PAGE_BYTES));
    workspace.views = viewsOf(workspace.memory);
  }
  const list = { from: 0, to: 0, at, valuesAt };
  workspace.lists.set(values, list);
  return list;
}

/**
 * Ranks every value of the window of sequence numbers `[from, to)`, neither of which may go back.
 * @param values the ring; finite numbers without -0
 */
export function sweepRanks(
  workspace: RankWorkspace,
  values: Float32Array,
  window: { readonly from: number; readonly to: number },
  use: RankUse,
): SweepResult {
  const { from, to } = window;
  const list = sortedListOf(workspace, values);
  const mask = values.length - 1;
  const isKept = from < list.to;
  const newFrom = isKept ? list.to : from;
  takeNews(workspace, list, values, { from: newFrom, to });
  const { spareAt } = workspace;
  const news = newsAt(workspace.capacity);
  workspace.merge(
    list.at,
    list.at + (isKept ? 2 * (list.to - list.from) : 0),
    news,
    news + 8 * (to - newFrom),
    spareAt,
    list.valuesAt,
    mask,
    list.from & mask,
    isKept ? from - list.from : 0,
    PACKING_AT,
  );
  workspace.spareAt = list.at;
  list.at = spareAt;
  list.from = from;
  list.to = to;
  const count = to - from;
  const isWriting = use.kind === 'write' ? 1 : 0;
  workspace.rank(list.at, list.at + 2 * count, RANKS_AT, mask, use.offset & mask, isWriting);
  const [products, ties] = workspace.views.doubles;
  return {
    squares: (2 * count * (count + 1) * (2 * count + 1)) / 3 - ties! / 3,
    products: isWriting === 1 ? 0 : products!,
  };
}

/** Copies the values of sequence numbers `[from, to)` and puts them, in order of size, where the kernel merges from. */
function takeNews(
  { capacity, views }: RankWorkspace,
  { valuesAt }: SortedList,
  values: Float32Array,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  const { floats, words } = views;
  const mask = values.length - 1;
  const count = to - from;
  const news = newsAt(capacity) / 4;
  for (let k = 0; k < count; k++) {
    const place = (from + k) & mask;
    floats[valuesAt / 4 + place] = values[place]!;
    floats[news + 2 * k] = values[place]!;
    const bits = words[news + 2 * k]!;
    keys[k] = bits < 0 ? ~bits : bits ^ SIGN;
    order[k] = place;
  }
  radixSort(count);
  for (let k = 0; k < count; k++) {
    const place = order[k]!;
    words[news + 2 * k] = place;
    floats[news + 2 * k + 1] = values[place]!;
  }
  floats[news + 2 * count + 1] = Number.NaN;
}

const SIGN = 0x8000_0000;
const RADIX = 256;

/** Scratch of `radixSort`: unsigned keys that order as the floats do, their places, and room to move them to. */
const keys = new Uint32Array(MAX_SORTED_VALUES);
const order = new Uint16Array(MAX_SORTED_VALUES);
const keysMoved = new Uint32Array(MAX_SORTED_VALUES);
const orderMoved = new Uint16Array(MAX_SORTED_VALUES);
const starts = new Uint32Array(4 * RADIX);

/** Sorts the first `count` of `keys` and `order` by key, a byte at a time from the lowest; four passes end where they began. */
function radixSort(count: number): void {
  starts.fill(0);
  for (let k = 0; k < count; k++) {
    const key = keys[k]!;
    starts[key & 255]!++;
    starts[RADIX + ((key >>> 8) & 255)]!++;
    starts[2 * RADIX + ((key >>> 16) & 255)]!++;
    starts[3 * RADIX + (key >>> 24)]!++;
  }
  for (let pass = 0; pass < 4; pass++) {
    let sum = 0;
    for (let at = pass * RADIX; at < (pass + 1) * RADIX; at++) {
      const size = starts[at]!;
      starts[at] = sum;
      sum += size;
    }
  }
  movePass(0, count, keys, order, keysMoved, orderMoved);
  movePass(1, count, keysMoved, orderMoved, keys, order);
  movePass(2, count, keys, order, keysMoved, orderMoved);
  movePass(3, count, keysMoved, orderMoved, keys, order);
}

function movePass(
  pass: number,
  count: number,
  fromKeys: Uint32Array,
  fromOrder: Uint16Array,
  toKeys: Uint32Array,
  toOrder: Uint16Array,
): void {
  const shift = 8 * pass;
  const base = RADIX * pass;
  for (let k = 0; k < count; k++) {
    const key = fromKeys[k]!;
    const at = starts[base + ((key >>> shift) & 255)]!++;
    toKeys[at] = key;
    toOrder[at] = fromOrder[k]!;
  }
}
