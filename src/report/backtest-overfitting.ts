import { ln } from '../math/elementary.ts';
import type { Metric } from './part-score.ts';

/** What one session of one trial made. */
export interface SessionOutcome {
  readonly pnlMicros: number;
  /** Fraction of the equity it began with. */
  readonly returnFrac: number;
}

export interface BacktestOverfitting {
  /** Parts that the sessions are divided into, and ways to take half of them. */
  readonly parts: number;
  readonly splits: number;
  /** Share of splits whose choice is no better than the median trial out of sample. */
  readonly probability: number;
  /** Share of splits whose choice lost money out of sample. */
  readonly lossFrac: number;
}

/** 12 parts have 924 halves, which tell a share to a tenth of a percent; 16 have 12,870, and cost 14 times as much. */
const MOST_PARTS = 12;
const SESSIONS_A_PART = 2;

/** The even number of parts that so many sessions are divided into. */
export function partsFor(sessions: number): number {
  return Math.min(MOST_PARTS, 2 * Math.floor(sessions / (2 * SESSIONS_A_PART)));
}

/**
 * Probability of backtest overfitting by combinatorially symmetric cross-validation: Bailey, Borwein, Lopez de Prado and
 * Zhu, Journal of Computational Finance 20(4), 2017. Sessions are divided into parts, in order; for every half of the
 * parts the best trial in it is chosen, and its rank w among all N trials in the other half, as w / (N + 1), gives the
 * logit ln(w / (1 - w)). The probability is the share of logits that are not above 0. Equal scores share their ranks.
 * Where sessions do not divide evenly, the first parts have one more: none is left out.
 * @param trials outcomes, one row a trial and one column a session; rows that are equal should be given once
 */
export function backtestOverfitting(
  trials: readonly (readonly SessionOutcome[])[],
  metric: Metric,
): BacktestOverfitting {
  const sessions = trials[0]!.length;
  const parts = partsFor(sessions);
  const blocks = trials.map((trial) => blocksOf(trial, parts));
  let splits = 0;
  let overfit = 0;
  let losses = 0;
  for (const isInside of halves(parts)) {
    const inside = blocks.map((trial) => scoreOfBlocks(trial, isInside, true, metric));
    const outside = blocks.map((trial) => scoreOfBlocks(trial, isInside, false, metric));
    const chosen = indexOfBest(inside);
    splits += 1;
    if (logitOfRank(outside, chosen) <= 0) overfit += 1;
    if (joined(blocks[chosen]!, isInside, false).pnl < 0) losses += 1;
  }
  return { parts, splits, probability: overfit / splits, lossFrac: losses / splits };
}

/** What a run of sessions comes to, so that two that follow each other can be joined. */
interface Block {
  sessions: number;
  /** Mean return, and squares of what returns are off it. */
  mean: number;
  squares: number;
  pnl: number;
  /** Highest and lowest sum of P&L on the way, the start included, and the largest fall from a high. */
  high: number;
  low: number;
  fall: number;
}

const NOTHING: Block = { sessions: 0, mean: 0, squares: 0, pnl: 0, high: 0, low: 0, fall: 0 };

function blocksOf(trial: readonly SessionOutcome[], parts: number): Block[] {
  const size = Math.floor(trial.length / parts);
  const larger = trial.length % parts;
  let from = 0;
  return Array.from({ length: parts }, (_, part) => {
    const to = from + size + (part < larger ? 1 : 0);
    const block = { ...NOTHING };
    for (const { pnlMicros, returnFrac } of trial.slice(from, to)) {
      append(block, {
        sessions: 1,
        mean: returnFrac,
        squares: 0,
        pnl: pnlMicros,
        high: Math.max(0, pnlMicros),
        low: Math.min(0, pnlMicros),
        fall: Math.max(0, -pnlMicros),
      });
    }
    from = to;
    return block;
  });
}

/** Chan, Golub and LeVeque's way to join means and squares, which loses no digits. */
function append(a: Block, b: Block): void {
  const sessions = a.sessions + b.sessions;
  const apart = b.mean - a.mean;
  a.squares += b.squares + (apart * apart * a.sessions * b.sessions) / sessions;
  a.mean += (apart * b.sessions) / sessions;
  a.fall = Math.max(a.fall, b.fall, a.high - a.pnl - b.low);
  a.high = Math.max(a.high, a.pnl + b.high);
  a.low = Math.min(a.low, a.pnl + b.low);
  a.pnl += b.pnl;
  a.sessions = sessions;
}

function joined(blocks: readonly Block[], isInside: readonly boolean[], side: boolean): Block {
  const whole = { ...NOTHING };
  for (let part = 0; part < blocks.length; part += 1) {
    if (isInside[part] === side) append(whole, blocks[part]!);
  }
  return whole;
}

/** Drawdowns are falls in money here: sessions of a half do not follow each other, so they have no common equity. */
function scoreOfBlocks(
  blocks: readonly Block[],
  isInside: readonly boolean[],
  side: boolean,
  metric: Metric,
): number {
  const { pnl, mean, squares, sessions, fall } = joined(blocks, isInside, side);
  switch (metric) {
    case 'pnl':
      return pnl;
    case 'sharpe':
      return squares > 0 ? mean / Math.sqrt(squares / (sessions - 1)) : 0;
    case 'drawdown':
      return -fall;
  }
}

/** Every way to take half of the parts: `true` for those that are taken. */
function* halves(parts: number): Generator<readonly boolean[]> {
  for (let bits = 0; bits < 1 << parts; bits += 1) {
    const taken = Array.from({ length: parts }, (_, part) => ((bits >> part) & 1) === 1);
    if (taken.filter(Boolean).length === parts / 2) yield taken;
  }
}

function indexOfBest(scores: readonly number[]): number {
  let best = 0;
  for (let k = 1; k < scores.length; k += 1) if (scores[k]! > scores[best]!) best = k;
  return best;
}

function logitOfRank(scores: readonly number[], at: number): number {
  let below = 0;
  let equal = 0;
  for (const score of scores) {
    if (score < scores[at]!) below += 1;
    else if (score === scores[at]!) equal += 1;
  }
  const share = (below + (equal + 1) / 2) / (scores.length + 1);
  return ln(share / (1 - share));
}
