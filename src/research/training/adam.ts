/** Adam (Kingma and Ba 2015) with decoupled weight decay, over a list of parameter arrays that it changes in place. */
export interface Adam {
  readonly parameters: readonly Float64Array[];
  readonly gradients: readonly Float64Array[];
  readonly first: readonly Float64Array[];
  readonly second: readonly Float64Array[];
  /** Running products of the decay rates, for the bias correction. */
  firstPower: number;
  secondPower: number;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export interface NetworkSettings {
  /** Batches in all, however many rows there are; */
  readonly steps: number;
  /** but no row is seen more often than this. */
  readonly maxEpochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
  readonly weightDecay: number;
}

export function createAdam(parameters: readonly Float64Array[]): Adam {
  const zeros = (): Float64Array[] => parameters.map((array) => new Float64Array(array.length));
  return {
    parameters,
    gradients: zeros(),
    first: zeros(),
    second: zeros(),
    firstPower: 1,
    secondPower: 1,
  };
}

/** Moves the parameters down the gradients of a batch and sets the gradients back to 0. */
export function stepAdam(adam: Adam, settings: NetworkSettings): void {
  adam.firstPower *= BETA1;
  adam.secondPower *= BETA2;
  const { learningRate, weightDecay } = settings;
  adam.parameters.forEach((parameter, p) => {
    const gradient = adam.gradients[p]!;
    const first = adam.first[p]!;
    const second = adam.second[p]!;
    for (let k = 0; k < parameter.length; k++) {
      const g = gradient[k]!;
      first[k] = BETA1 * first[k]! + (1 - BETA1) * g;
      second[k] = BETA2 * second[k]! + (1 - BETA2) * g * g;
      const mean = first[k]! / (1 - adam.firstPower);
      const scale = Math.sqrt(second[k]! / (1 - adam.secondPower)) + EPSILON;
      parameter[k] = parameter[k]! - learningRate * (mean / scale + weightDecay * parameter[k]!);
    }
    gradient.fill(0);
  });
}

/** Uniform within +-sqrt(6 / fanIn) (He et al. 2015): keeps the scale of activations through ReLU layers. */
export function initialWeights(size: number, fanIn: number, random: () => number): Float64Array {
  const limit = Math.sqrt(6 / fanIn);
  return Float64Array.from({ length: size }, () => (2 * random() - 1) * limit);
}

/** Calls `onBatch` with shuffled row numbers, reshuffling whenever every row has been used, for as long as the settings say. */
export function forEachBatch(
  rows: number,
  settings: NetworkSettings,
  random: () => number,
  onBatch: (batch: Int32Array) => void,
): void {
  const order = Int32Array.from({ length: rows }, (_, r) => r);
  const steps = Math.min(settings.steps, settings.maxEpochs * Math.ceil(rows / settings.batchRows));
  let from = rows;
  for (let step = 0; step < steps; step++) {
    if (from >= rows) {
      shuffle(order, random);
      from = 0;
    }
    const to = Math.min(from + settings.batchRows, rows);
    onBatch(order.subarray(from, to));
    from = to;
  }
}

/** Fisher and Yates. */
function shuffle(order: Int32Array, random: () => number): void {
  for (let k = order.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    const moved = order[k]!;
    order[k] = order[other]!;
    order[other] = moved;
  }
}
