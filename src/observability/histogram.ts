/** Counts by size, in buckets a constant factor apart: a fixed few kilobytes however many are added. */
export interface Histogram {
  readonly counts: Float64Array;
  count: number;
  sumNs: number;
  minNs: number;
  maxNs: number;
}

/** From a microsecond to a hundred seconds; what is outside counts in the first or last bucket. */
const LEAST_NS = 1e3;
const DECADES = 8;
const BUCKETS_PER_DECADE = 40;
const BUCKETS = DECADES * BUCKETS_PER_DECADE + 1;

/** Bounds of the buckets, upper ones. Neighbours differ by 6 %, which is how exact a quantile is. */
const UPPER_NS = Float64Array.from({ length: BUCKETS }, (_, k) => LEAST_NS * 10 ** (k / BUCKETS_PER_DECADE));

export function createHistogram(): Histogram {
  return { counts: new Float64Array(BUCKETS), count: 0, sumNs: 0, minNs: Number.POSITIVE_INFINITY, maxNs: 0 };
}

export function addTo(histogram: Histogram, ns: number): void {
  histogram.counts[bucketOf(ns)] += 1;
  histogram.count += 1;
  histogram.sumNs += ns;
  if (ns < histogram.minNs) histogram.minNs = ns;
  if (ns > histogram.maxNs) histogram.maxNs = ns;
}

/** First bucket whose upper bound is not below. */
function bucketOf(ns: number): number {
  let low = 0;
  let high = BUCKETS - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (UPPER_NS[middle] >= ns) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The upper bound of the bucket that holds the quantile, never above the largest: 0 where nothing was added. */
export function quantileNs({ counts, count, maxNs }: Histogram, frac: number): number {
  let left = Math.ceil(frac * count);
  if (count === 0) return 0;
  for (let k = 0; k < BUCKETS; k += 1) {
    left -= counts[k];
    if (left <= 0) return k === BUCKETS - 1 ? maxNs : Math.min(UPPER_NS[k], maxNs);
  }
  return maxNs;
}

/** Buckets that hold anything: upper bound in microseconds, and count. */
export function bucketsOf({ counts }: Histogram): readonly (readonly [upperUs: number, count: number])[] {
  return [...counts].flatMap((count, k) =>
    count === 0 ? [] : [[Math.round(UPPER_NS[k]) / 1e3, count] as const],
  );
}
