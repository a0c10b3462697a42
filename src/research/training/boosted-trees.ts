import type { RegressionTree } from '../../models/onnx-graphs.ts';

const TREES = 40;
const DEPTH = 3;
const LEARNING_RATE = 0.1;
const MAX_BINS = 32;
/** Share of the rows each tree sees. */
const BAG_FRACTION = 0.6;
/** Rows added to a leaf's count: shrinks the value of small leaves. */
const LEAF_SHRINK = 50;
const MIN_LEAF_ROWS = 30;

export interface BoostedTrees {
  readonly trees: readonly RegressionTree[];
}

/**
 * Stochastic gradient boosting of squared error (Friedman 2002): each small tree fits what the trees before it left,
 * on a random share of the rows, choosing splits by histograms. Ties go to the first feature and lowest threshold.
 * @param x `[*, width]` raw features; thresholds are values that occur, so float32 comparisons in the model agree
 * @param z targets of `rows`
 */
export function fitBoostedTrees(input: {
  readonly x: Float32Array;
  readonly width: number;
  readonly rows: Int32Array;
  readonly z: Float64Array;
  readonly random: () => number;
}): BoostedTrees {
  const { rows, z, random } = input;
  const bins = binFeatures(input);
  const residual = Float64Array.from(z);
  const trees: RegressionTree[] = [];
  const minLeaf = Math.max(MIN_LEAF_ROWS, Math.floor(rows.length / 200));
  for (let t = 0; t < TREES; t++) {
    const bag: number[] = [];
    for (let r = 0; r < rows.length; r++) if (random() < BAG_FRACTION) bag.push(r);
    const grown = growTree({ bins, residual, bag: Int32Array.from(bag), minLeaf });
    trees.push(grown.tree);
    for (let r = 0; r < rows.length; r++) {
      residual[r] = residual[r]! - grown.tree.value[leafOf(grown, bins, r)]!;
    }
  }
  return { trees };
}

/** Sum of the trees on one row of raw features. */
export function sumOfTrees(trees: readonly RegressionTree[], x: Float32Array, offset: number): number {
  let sum = 0;
  for (const tree of trees) {
    let node = 0;
    while (tree.feature[node]! >= 0) {
      const isLeft = x[offset + tree.feature[node]!]! <= tree.threshold[node]!;
      node = isLeft ? tree.left[node]! : tree.right[node]!;
    }
    sum += tree.value[node]!;
  }
  return sum;
}

interface Bins {
  readonly width: number;
  /** Ascending upper limits of the bins of each feature; a value beyond the last is in the bin after it. */
  readonly limits: readonly Float32Array[];
  /** Bin of (feature, row), at `feature * rowCount + row`. */
  readonly codes: Uint8Array;
  readonly rowCount: number;
}

function binFeatures(input: {
  readonly x: Float32Array;
  readonly width: number;
  readonly rows: Int32Array;
}): Bins {
  const { x, width, rows } = input;
  const codes = new Uint8Array(width * rows.length);
  const limits: Float32Array[] = [];
  for (let f = 0; f < width; f++) {
    const sorted = Float32Array.from(rows, (row) => x[row * width + f]!).sort();
    const chosen = new Set<number>();
    for (let b = 1; b < MAX_BINS; b++) {
      const value = sorted[Math.floor((b * sorted.length) / MAX_BINS)];
      if (value !== undefined && value < sorted.at(-1)!) chosen.add(value);
    }
    const limit = Float32Array.from(chosen);
    limits.push(limit);
    for (let r = 0; r < rows.length; r++) {
      const value = x[rows[r]! * width + f]!;
      let bin = 0;
      while (bin < limit.length && value > limit[bin]!) bin++;
      codes[f * rows.length + r] = bin;
    }
  }
  return { width, limits, codes, rowCount: rows.length };
}

interface GrownTree {
  readonly tree: RegressionTree;
  /** Bin of each branch's threshold. */
  readonly bin: readonly number[];
}

interface TreeInput {
  readonly bins: Bins;
  readonly residual: Float64Array;
  readonly bag: Int32Array;
  readonly minLeaf: number;
}

function growTree(input: TreeInput): GrownTree {
  const feature: number[] = [];
  const threshold: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const value: number[] = [];
  const bin: number[] = [];
  const grow = (rows: Int32Array, depth: number): number => {
    const node = feature.length;
    feature.push(-1);
    threshold.push(0);
    left.push(0);
    right.push(0);
    value.push(0);
    bin.push(0);
    const split = depth === DEPTH ? undefined : bestSplit(input, rows);
    if (split === undefined) {
      value[node] = leafValue(input.residual, rows);
      return node;
    }
    const { codes, rowCount } = input.bins;
    const isLeft = (row: number): boolean => codes[split.feature * rowCount + row]! <= split.bin;
    feature[node] = split.feature;
    threshold[node] = input.bins.limits[split.feature]![split.bin]!;
    bin[node] = split.bin;
    left[node] = grow(rows.filter(isLeft), depth + 1);
    right[node] = grow(
      rows.filter((row) => !isLeft(row)),
      depth + 1,
    );
    return node;
  };
  grow(input.bag, 0);
  return { tree: { feature, threshold, left, right, value }, bin };
}

/** Rounded to float32, as the model holds it. */
function leafValue(residual: Float64Array, rows: Int32Array): number {
  let sum = 0;
  for (const row of rows) sum += residual[row]!;
  return Math.fround((LEARNING_RATE * sum) / (rows.length + LEAF_SHRINK));
}

/** The split that leaves the least squared error, or undefined when none helps or leaves enough rows on both sides. */
function bestSplit(
  { bins, residual, minLeaf }: TreeInput,
  rows: Int32Array,
): { readonly feature: number; readonly bin: number } | undefined {
  const { width, limits, codes, rowCount } = bins;
  const sums = new Float64Array(MAX_BINS);
  const counts = new Int32Array(MAX_BINS);
  let total = 0;
  for (const row of rows) total += residual[row]!;
  let bestGain = 1e-9 + (total * total) / Math.max(1, rows.length);
  let best: { readonly feature: number; readonly bin: number } | undefined;
  for (let f = 0; f < width; f++) {
    sums.fill(0);
    counts.fill(0);
    for (const row of rows) {
      const bin = codes[f * rowCount + row]!;
      sums[bin] = sums[bin]! + residual[row]!;
      counts[bin] = counts[bin]! + 1;
    }
    let leftSum = 0;
    let leftCount = 0;
    for (let bin = 0; bin < limits[f]!.length; bin++) {
      leftSum += sums[bin]!;
      leftCount += counts[bin]!;
      const rightCount = rows.length - leftCount;
      if (leftCount < minLeaf || rightCount < minLeaf) continue;
      const rightSum = total - leftSum;
      const gain = (leftSum * leftSum) / leftCount + (rightSum * rightSum) / rightCount;
      if (gain > bestGain) {
        bestGain = gain;
        best = { feature: f, bin };
      }
    }
  }
  return best;
}

function leafOf({ tree, bin }: GrownTree, { codes, rowCount }: Bins, row: number): number {
  let node = 0;
  while (tree.feature[node]! >= 0) {
    const isLeft = codes[tree.feature[node]! * rowCount + row]! <= bin[node]!;
    node = isLeft ? tree.left[node]! : tree.right[node]!;
  }
  return node;
}
