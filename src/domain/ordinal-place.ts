/** Place of an ordinal in a list that rises by ordinal, or -1. Orders leave such lists in the middle and join at the end. */
export function placeOfOrdinal(rising: readonly { readonly ordinal: number }[], ordinal: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = rising[middle].ordinal;
    if (found === ordinal) return middle;
    if (found < ordinal) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
