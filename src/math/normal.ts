import { exp, ln } from './elementary.ts';

/** Numerator and denominator of the rational functions below, highest power first. */
type Ratio = readonly [numerator: readonly number[], denominator: readonly number[]];

const SQRT_TWO_PI = 2.5066282746310007;

// Hart, Computer Approximations (1968), algorithm 5666, as given by West, Better approximations to cumulative normal
// functions, Wilmott (2005): double precision over the whole line.
const HART: Ratio = [
  [
    3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
    221.213596169931, 220.206867912376,
  ],
  [
    8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
    637.333633378831, 793.826512519948, 440.413735824752,
  ],
];
const HART_END = 7.07106781186547;
/** Beyond it the tail is no double. */
const CDF_END = 38;

/** Probability that a standard normal variable is at most `x`; absolute error below 1e-15. */
export function normalCdf(x: number): number {
  const z = Math.abs(x);
  const tail = z > CDF_END ? 0 : exp((-z * z) / 2) * tailFactor(z);
  return x > 0 ? 1 - tail : tail;
}

function tailFactor(z: number): number {
  if (z < HART_END) return ratioAt(HART, z);
  // continued fraction of the tail
  return 1 / (z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))) / SQRT_TWO_PI;
}

// Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988): relative error about 1e-16.
const CENTRE: Ratio = [
  [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
    1971.5909503065513, 133.14166789178438, 3.3871328727963665,
  ],
  [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
    687.1870074920579, 42.31333070160091, 1,
  ],
];
const MIDDLE: Ratio = [
  [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
];
const TAIL: Ratio = [
  [
    2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124,
    0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103,
  ],
  [
    2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133,
    0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1,
  ],
];
const CENTRE_HALF_WIDTH = 0.425;
const MIDDLE_END = 5;

/** The value that a standard normal variable is below with a probability; infinite at 0 and 1, NaN outside. */
export function normalQuantile(probability: number): number {
  const q = probability - 0.5;
  if (Math.abs(q) <= CENTRE_HALF_WIDTH) {
    return q * ratioAt(CENTRE, CENTRE_HALF_WIDTH * CENTRE_HALF_WIDTH - q * q);
  }
  const tail = q < 0 ? probability : 1 - probability;
  if (tail === 0) return q < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const r = Math.sqrt(-ln(tail));
  const z = r <= MIDDLE_END ? ratioAt(MIDDLE, r - 1.6) : ratioAt(TAIL, r - MIDDLE_END);
  return q < 0 ? -z : z;
}

function ratioAt([numerator, denominator]: Ratio, x: number): number {
  return polynomialAt(numerator, x) / polynomialAt(denominator, x);
}

function polynomialAt(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (const coefficient of coefficients) sum = sum * x + coefficient;
  return sum;
}
