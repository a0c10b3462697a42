import { normalCdf, normalQuantile } from '../math/normal.ts';
import { sharpeRatio } from './measures.ts';

/** Euler and Mascheroni's constant. */
const GAMMA = 0.5772156649015329;
const { E } = Math;

/** Sharpe ratios here are of one session: those of a year by sqrt(252). */
export interface DeflatedSharpe {
  /** Of the chosen trial. */
  readonly sharpe: number;
  /** What the best of the trials is expected to have where none of them has any skill. */
  readonly expectedMaximum: number;
  /** Standard deviation of the Sharpe ratio over the trials. */
  readonly deviation: number;
  readonly skewness: number;
  readonly kurtosis: number;
  /** Probability that the true Sharpe ratio of the chosen trial is above the expected maximum. */
  readonly probability: number;
}

/**
 * Expected maximum of the Sharpe ratio over independent trials without skill: Bailey and Lopez de Prado, The deflated
 * Sharpe ratio, Journal of Portfolio Management 40(5), 2014, equation 1:
 * sd * ((1 - g) * Z^-1(1 - 1/N) + g * Z^-1(1 - 1/(N e))), g Euler and Mascheroni's constant.
 * @param deviation standard deviation of the Sharpe ratio over the trials
 */
export function expectedMaximumSharpe(deviation: number, trials: number): number {
  return (
    deviation * ((1 - GAMMA) * normalQuantile(1 - 1 / trials) + GAMMA * normalQuantile(1 - 1 / (trials * E)))
  );
}

/**
 * Probability that a true Sharpe ratio is above a benchmark, given its estimate: the same paper, equation 2, which is
 * the probabilistic Sharpe ratio (Bailey and Lopez de Prado, 2012):
 * Z((SR - SR0) * sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)).
 * @param estimate per session; `kurtosis` is 3 for a normal variable
 */
export function probabilisticSharpe(
  estimate: {
    readonly sharpe: number;
    readonly sessions: number;
    readonly skewness: number;
    readonly kurtosis: number;
  },
  benchmark: number,
): number {
  const { sharpe, sessions, skewness, kurtosis } = estimate;
  const spread = Math.sqrt(1 - skewness * sharpe + ((kurtosis - 1) / 4) * sharpe * sharpe);
  return normalCdf(((sharpe - benchmark) * Math.sqrt(sessions - 1)) / spread);
}

/**
 * The deflated Sharpe ratio of the chosen one of several trials.
 * @param trials returns a session, one row a trial; rows that are equal should be given once
 * @param counted trials that were made in all, at least as many as the rows
 * @returns undefined where the returns of the chosen trial, or the Sharpe ratios, do not vary
 */
export function deflatedSharpe(
  trials: readonly (readonly number[])[],
  { chosen, counted }: { readonly chosen: number; readonly counted: number },
): DeflatedSharpe | undefined {
  const sharpes = trials.map(sessionSharpe);
  const deviation = Math.sqrt(moments(sharpes).variance * (sharpes.length / (sharpes.length - 1)));
  const returns = trials[chosen]!;
  const sharpe = sharpeRatio(returns, 1);
  if (sharpe === null || !(deviation > 0)) return undefined;
  const { skewness, kurtosis } = moments(returns);
  const expectedMaximum = expectedMaximumSharpe(deviation, counted);
  const probability = probabilisticSharpe(
    { sharpe, sessions: returns.length, skewness, kurtosis },
    expectedMaximum,
  );
  return { sharpe, expectedMaximum, deviation, skewness, kurtosis, probability };
}

/** Of one session; 0 where nothing moves: who does not trade has neither skill nor its opposite. */
function sessionSharpe(returns: readonly number[]): number {
  return sharpeRatio(returns, 1) ?? 0;
}

function moments(values: readonly number[]): {
  readonly variance: number;
  readonly skewness: number;
  readonly kurtosis: number;
} {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let [second, third, fourth] = [0, 0, 0];
  for (const value of values) {
    const d = value - mean;
    second += d * d;
    third += d * d * d;
    fourth += d * d * d * d;
  }
  const variance = second / n;
  return {
    variance,
    skewness: third / n / (variance * Math.sqrt(variance)),
    kurtosis: fourth / n / (variance * variance),
  };
}
