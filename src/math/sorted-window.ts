import { ENTRY_BYTES, PACKING_AT, packingTables, VALUE_BYTES } from './merge-kernel.ts';
import { RANKS_AT } from './rank-kernel.ts';
import { createRankKernels, type RankKernels } from './rank-kernels.ts';
import { SORT_COUNTS_BYTES } from './sort-kernel.ts';

/**
 * The float32 values of sliding windows in order of size, brought up to date in batches, and their average ranks. This
 * is the hot loop of the rolling rank correlation.
 *
 * Values live in rings owned by the caller, at the place sequence number & (ring length - 1). The sorted orders stay in
 * the kernels' memory between sweeps. They can be made again from the rings at any time, so a workspace is no state: a
 * new one gives the same ranks. Ranks are the integers 2 * rank.
 */
export interface RankWorkspace extends RankKernels {
  readonly capacity: number;
  readonly lists: Map<Float32Array, SortedList>;
  readonly views: MemoryViews;
  /** Room for the list that the next sweep writes. */
  spare: ListRoom;
  /** Room for the lists of rings not seen so far. */
  readonly unused: ListRoom[];
}

interface MemoryViews {
  readonly doubles: Float64Array;
  readonly floats: Float32Array;
  readonly words: Int32Array;
}

/** Addresses of the entries and of the values of a list. */
interface ListRoom {
  readonly entriesAt: number;
  readonly valuesAt: number;
}

/** The order of sequence numbers `[from, to)` of one ring. */
interface SortedList {
  from: number;
  to: number;
  /** The ring, as the bits of its floats. */
  readonly bits: Int32Array;
  room: ListRoom;
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

/** What the kernels may overwrite after the last entry, and after the last value. */
const SLACK_BYTES = 32;

/**
 * The kernels' memory: two doubles of results, the packing tables, ranks by place, new entries and what sorting them
 * needs, lists. It is taken whole at the start, where pages not written cost nothing: were it to grow, its buffer would
 * be detached, and V8 looks for detached buffers at every use of every typed array from then on, which costs a run 8 %.
 * @param capacity longest window to be swept
 * @param rings how many there are
 */
export function createRankWorkspace(capacity: number, rings: number): RankWorkspace {
  const listsAt = scratchAt(capacity) + 8 * capacity;
  const listBytes = roomBytes(capacity);
  const { sort, merge, rank, memory } = createRankKernels(listsAt + (rings + 1) * listBytes);
  new Uint8Array(memory.buffer).set(packingTables(), PACKING_AT);
  const views = {
    doubles: new Float64Array(memory.buffer),
    floats: new Float32Array(memory.buffer),
    words: new Int32Array(memory.buffer),
  };
  const [spare, ...unused] = Array.from({ length: rings + 1 }, (_, k) =>
    roomAt(listsAt + k * listBytes, capacity, views),
  );
  return { capacity, sort, merge, rank, lists: new Map(), views, spare: spare!, unused };
}

function newsAt(capacity: number): number {
  return RANKS_AT + 8 * Math.ceil(ringLength(capacity) / 4);
}

function countsAt(capacity: number): number {
  return newsAt(capacity) + 8 * (capacity + 1);
}

function scratchAt(capacity: number): number {
  return countsAt(capacity) + SORT_COUNTS_BYTES;
}

function entriesBytes(capacity: number): number {
  return 16 * Math.ceil((ENTRY_BYTES * capacity + SLACK_BYTES) / 16);
}

function roomBytes(capacity: number): number {
  return entriesBytes(capacity) + 16 * Math.ceil((VALUE_BYTES * (capacity + 1) + SLACK_BYTES) / 16);
}

/** Before the first value stands one that nothing equals. */
function roomAt(address: number, capacity: number, { floats }: MemoryViews): ListRoom {
  const valuesAt = address + entriesBytes(capacity) + VALUE_BYTES;
  floats[valuesAt / VALUE_BYTES - 1] = Number.NaN;
  return { entriesAt: address, valuesAt };
}

function sortedListOf({ lists, unused }: RankWorkspace, values: Float32Array): SortedList {
  const known = lists.get(values);
  if (known !== undefined) return known;
  const room = unused.pop();
  if (room === undefined)
    throw new RangeError(`ranks of more than the ${lists.size} rings there was room for`);
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const list = { from: 0, to: 0, bits, room };
  lists.set(values, list);
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
  takeNews(workspace, list, { from: newFrom, to });
  const { room } = list;
  const { spare } = workspace;
  const news = newsAt(workspace.capacity);
  workspace.merge(
    room.entriesAt,
    room.entriesAt + (isKept ? ENTRY_BYTES * (list.to - list.from) : 0),
    room.valuesAt,
    news,
    news + 8 * (to - newFrom),
    spare.entriesAt,
    spare.valuesAt,
    2 * mask,
    2 * (list.from & mask),
    isKept ? 2 * (from - list.from) : 0,
  );
  workspace.spare = room;
  list.room = spare;
  list.from = from;
  list.to = to;
  const count = to - from;
  const isWriting = use.kind === 'write' ? 1 : 0;
  const { entriesAt } = spare;
  workspace.rank(entriesAt, entriesAt + ENTRY_BYTES * count, 2 * mask, 2 * (use.offset & mask), isWriting);
  const [products, ties] = workspace.views.doubles;
  return {
    squares: (2 * count * (count + 1) * (2 * count + 1)) / 3 - ties! / 3,
    products: isWriting === 1 ? 0 : products!,
  };
}

/** Puts the values of sequence numbers `[from, to)`, in order of size, where the kernel merges from. */
function takeNews(
  { capacity, views, sort }: RankWorkspace,
  { bits }: SortedList,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  const { words, floats } = views;
  const mask = bits.length - 1;
  const newsEntries = newsAt(capacity);
  let word = newsEntries / 4;
  for (let k = from; k < to; k++) {
    const place = k & mask;
    words[word] = 2 * place;
    words[word + 1] = bits[place]!;
    word += 2;
  }
  if (to > from) sort(newsEntries, 4 * word, countsAt(capacity), scratchAt(capacity));
  floats[word + 1] = Number.NaN;
}
