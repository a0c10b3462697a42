/* Loss limits and limits of size of PIPELINE 6 in plain arithmetic, apart from `src`, for expected outputs. */

export type Weights = Readonly<Record<string, number>>;

export interface Limits {
  readonly dailyLoss: number;
  readonly drawdown: number;
  readonly gross: number;
  readonly position: number;
}

/** Warnings come at 70 % of a limit. */
const WARN = 0.7;

const grossOf = (weights: readonly number[]) => weights.reduce((sum, weight) => sum + Math.abs(weight), 0);

/** A kill switch over checks of equity and weights, sessions and an operator's resets. */
export interface KillRule {
  readonly limits: Limits;
  readonly tripped: Set<string>;
  /** Limits that stand at their warning line or beyond it. */
  warned: Set<string>;
  base: number | undefined;
  peak: number;
  deepest: number;
  equity: number;
  trips: number;
}

export function killRule(limits: Limits): KillRule {
  return {
    limits,
    tripped: new Set(),
    warned: new Set(),
    base: undefined,
    peak: 0,
    deepest: 0,
    equity: 0,
    trips: 0,
  };
}

/** The daily loss counts from the last equity of the session before; a drawdown stays tripped. */
export function sessionRule(kill: KillRule): void {
  kill.base = kill.equity;
  kill.tripped.delete('daily_loss');
  kill.warned.delete('daily_loss');
}

/** Starts over what had tripped, from the given equity. */
export function resetRule(kill: KillRule, equity: number | null): void {
  const from = equity ?? kill.equity;
  if (kill.tripped.has('daily_loss')) kill.base = from;
  if (kill.tripped.has('drawdown')) [kill.peak, kill.deepest] = [Math.max(0, from), 0];
  kill.tripped.clear();
  kill.warned.delete('daily_loss');
  kill.warned.delete('drawdown');
}

export function checkRule(kill: KillRule, equity: number, weights: Weights) {
  const { limits, tripped } = kill;
  kill.equity = equity;
  kill.base ??= equity;
  kill.peak = Math.max(kill.peak, equity);
  const { loss, drawdown } = lossesOf(kill);
  kill.deepest = Math.max(kill.deepest, drawdown);
  const before = tripped.size;
  if (loss > limits.dailyLoss) tripped.add('daily_loss');
  if (drawdown > limits.drawdown) tripped.add('drawdown');
  kill.trips += tripped.size - before;
  const values = Object.values(weights);
  return {
    allowed: tripped.size === 0,
    daily_pnl_pct: -loss * 100,
    drawdown_pct: drawdown * 100,
    gross: grossOf(values),
    net: values.reduce((sum, weight) => sum + weight, 0),
    kill: ['daily_loss', 'drawdown'].find((cause) => tripped.has(cause)) ?? null,
    n_warnings: warningsOf(kill, weights),
  };
}

export function finalRule(kill: KillRule) {
  const { loss, drawdown } = lossesOf(kill);
  return {
    daily_pnl_pct: -loss * 100,
    drawdown_pct: drawdown * 100,
    peak: kill.peak,
    max_drawdown_in_window: kill.deepest * 100,
    kill_active: kill.tripped.size > 0,
    n_kill_events: kill.trips,
  };
}

function lossesOf({ base = 0, peak, equity }: KillRule) {
  const fall = (from: number) => (from > 0 ? (from - equity) / from : 0);
  return { loss: fall(base), drawdown: fall(peak) };
}

/** One for each limit that has come to its warning line since the last check; beyond the limit of a loss, it trips. */
function warningsOf(kill: KillRule, weights: Weights): number {
  const { dailyLoss, drawdown, gross, position } = kill.limits;
  const losses = lossesOf(kill);
  const lines = [
    { name: 'daily_loss', value: losses.loss, limit: dailyLoss, trips: true },
    { name: 'drawdown', value: losses.drawdown, limit: drawdown, trips: true },
    { name: 'gross', value: grossOf(Object.values(weights)), limit: gross, trips: false },
    ...Object.entries(weights).map(([name, weight]) => ({
      name: `position ${name}`,
      value: Math.abs(weight),
      limit: position,
      trips: false,
    })),
  ];
  const near = lines.filter(({ value, limit }) => value >= WARN * limit);
  const warnings = near.filter(
    ({ name, value, limit, trips }) => !kill.warned.has(name) && !(trips && value > limit),
  );
  kill.warned = new Set(near.map(({ name }) => name));
  return warnings.length;
}

/**
 * The first check that refuses a change to a target weight, else the first that cuts it: a position is cut to its limit
 * before gross is measured, and what has no room left is refused. Reductions pass.
 */
export function orderRule(
  { current, target, others }: { readonly current: number; readonly target: number; readonly others: number },
  { limits, tripped }: KillRule,
) {
  const ok = { passed: true, check: 'ok', value: 0, limit: 0 };
  if (target === current || (Math.abs(target) < Math.abs(current) && target * current >= 0)) return ok;
  if (tripped.size > 0) return { passed: false, check: 'kill_switch', value: 1, limit: 0 };
  const held = Math.abs(current);
  // what is held on the side of the order: below 0 when the order changes sides
  const reach = target * current >= 0 ? held : -held;
  const failed = [];
  let wanted = Math.abs(target);
  if (wanted > limits.position) {
    const isRefused = reach >= limits.position;
    failed.push({ check: 'position', value: wanted, limit: limits.position, isRefused });
    if (!isRefused) wanted = limits.position;
  }
  const gross = others + Math.max(held, wanted);
  if (wanted > held && gross > limits.gross) {
    const isRefused = reach >= limits.gross - others;
    failed.push({ check: 'portfolio', value: gross, limit: limits.gross, isRefused });
  }
  const first = failed.find(({ isRefused }) => isRefused) ?? failed[0];
  return first === undefined
    ? ok
    : { passed: false, check: first.check, value: first.value, limit: first.limit };
}
