/*
 * The bandit of PIPELINE, Learning, in plain arithmetic, apart from `src`, for expected outputs. The vectors give returns
 * in bps and no volatility: sigma is 10 bps for all of them.
 */

const SIGMA_BPS = 10;

export interface BanditRule {
  /** Sum of estimated losses by arm. */
  losses: number[];
  /** What the learner lost itself: where an arm that joins late starts. */
  ownLoss: number;
  rounds: number;
}

export function banditRule(armCount: number): BanditRule {
  return { losses: new Array<number>(armCount).fill(0), ownLoss: 0, rounds: 0 };
}

/** `eta_t = 2 gamma_t = sqrt(ln K / (K t))`, t = the next round. */
export function etaRule({ losses, rounds }: BanditRule): number {
  return Math.sqrt(Math.log(losses.length) / (losses.length * (rounds + 1)));
}

/** `p` in proportion to `exp(-eta * L)`. */
export function probabilitiesRule(bandit: BanditRule): number[] {
  const least = Math.min(...bandit.losses);
  const weights = bandit.losses.map((loss) => Math.exp(-etaRule(bandit) * (loss - least)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The arm was pulled with its own probability: `l_hat = (l - baseline) / (p + gamma)`, `l = (1 - x) / 2`. */
export function observeRule(bandit: BanditRule, arm: number, pull: { bps: number; baseline: number }): void {
  const p = probabilitiesRule(bandit)[arm]!;
  const reward = Math.min(1, Math.max(-1, pull.bps / (3 * SIGMA_BPS)));
  const loss = ((1 - reward) / 2 - pull.baseline) / (p + etaRule(bandit) / 2);
  bandit.losses[arm]! += loss;
  bandit.ownLoss += p * loss;
  bandit.rounds += 1;
}

export function addArmRule(bandit: BanditRule): void {
  bandit.losses.push(bandit.ownLoss);
}
