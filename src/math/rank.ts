/**
 * Sorting of slot numbers by the value they hold, and average ranks. Slots index a value array that stays where it is;
 * only the slot list is ordered. Values must not be NaN. The order of equal values is not specified by these functions'
 * callers' contract and must not be relied on: everything built on it (ranks, sums over ranks) is the same for any order.
 */
export type SlotArray = Int32Array | Uint16Array;

const INSERTION_RUN = 12;

/**
 * Sorts `slots[0, count)` by `values[slot]`, ascending, stable: insertion-sorted runs, then bottom-up merging.
 * @param scratch at least `count` long; its contents are overwritten
 */
export function sortSlots(values: Float64Array, slots: SlotArray, scratch: SlotArray, count: number): void {
  for (let from = 0; from < count; from += INSERTION_RUN) {
    insertionSort(values, slots, from, Math.min(from + INSERTION_RUN, count));
  }
  let source = slots;
  let target = scratch;
  for (let width = INSERTION_RUN; width < count; width *= 2) {
    for (let from = 0; from < count; from += 2 * width) {
      mergeRuns(values, source, target, {
        from,
        middle: Math.min(from + width, count),
        to: Math.min(from + 2 * width, count),
      });
    }
    const swap = source;
    source = target;
    target = swap;
  }
  if (source !== slots) for (let i = 0; i < count; i++) slots[i] = source[i]!;
}

function insertionSort(values: Float64Array, slots: SlotArray, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const slot = slots[i]!;
    const value = values[slot]!;
    let k = i - 1;
    while (k >= from && values[slots[k]!]! > value) {
      slots[k + 1] = slots[k]!;
      k--;
    }
    slots[k + 1] = slot;
  }
}

function mergeRuns(
  values: Float64Array,
  source: SlotArray,
  target: SlotArray,
  { from, middle, to }: { readonly from: number; readonly middle: number; readonly to: number },
): void {
  let a = from;
  let b = middle;
  for (let out = from; out < to; out++) {
    if (a < middle && (b >= to || values[source[a]!]! <= values[source[b]!]!)) target[out] = source[a++]!;
    else target[out] = source[b++]!;
  }
}

/**
 * Average ranks, 1-based: equal values share the mean of the places they take (1, 2.5, 2.5, 4).
 * @param values finite or infinite, not NaN
 */
export function averageRanks(values: Float64Array): Float64Array {
  const count = values.length;
  const slots = new Int32Array(count);
  for (let i = 0; i < count; i++) slots[i] = i;
  sortSlots(values, slots, new Int32Array(count), count);
  const ranks = new Float64Array(count);
  for (let from = 0; from < count; ) {
    const value = values[slots[from]!]!;
    let to = from + 1;
    while (to < count && values[slots[to]!] === value) to++;
    for (let i = from; i < to; i++) ranks[slots[i]!] = (from + to + 1) / 2;
    from = to;
  }
  return ranks;
}
