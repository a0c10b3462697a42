/**
 * A synthetic universe of minute bars: one-factor correlated symbols with clustered volatility (GARCH(1,1) by
 * minute), U-shaped volatility, volume and spread, overnight gaps, halts, missing minutes, and a planted forecast.
 *
 * The forecast is learnable from the standard features on 1-minute bars: expected minute returns lean against the
 * last 5 minutes' return (`ret_5d`) and with the last 20 minutes' (`ret_20d`), each over its volatility.
 *
 * Deterministic: seeded generators keyed by (seed, session, symbol), arithmetic that IEEE 754 fixes, exp and ln from
 * src/math. A symbol's path does not depend on which other symbols there are.
 */
import { InputError } from '../domain/errors.ts';
import { IS_HALTED, type MarketTable, type Session } from '../domain/market-table.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import { exp, ln } from '../math/elementary.ts';
import { createPrng } from '../math/prng.ts';
import { createMarketTable } from './market-columns.ts';
import { createSynthBar, drawSize, quote, STEPS, writeBar } from './synth-bar.ts';
import { planSynth, type SynthOptions, type SynthPlan } from './synth-options.ts';
import { clamp, gaussians, type Prng } from './synth-random.ts';

const BAR_SECONDS = 60;
const SESSIONS_PER_YEAR = 252;
const MINUTES_PER_SESSION = 390;
const REVERSAL_MINUTES = 5;
const MOMENTUM_MINUTES = 20;
/** GARCH(1,1) of standardised minute innovations; mean 1, kept within bounds. */
const GARCH = { omega: 0.03, alpha: 0.06, beta: 0.91, min: 0.3, max: 5 } as const;
const OVERNIGHT_SHARE = 0.5;
const HALT_JUMP_DAILY_SIGMAS = 0.7;

/** What stays the same for a symbol in a universe. */
interface Traits {
  readonly symbol: string;
  /** Volatility of a minute's return, decimal, before clustering and time of day. */
  readonly sigma1: number;
  /** Loading on the market factor, |loading| < 1. */
  readonly loading: number;
  readonly spreadFrac: number;
  readonly sharesPerMinute: number;
}

/** What moves, carried from session to session. */
interface Walk {
  /** Log of the mid in 1e-4 dollars. */
  logMid: number;
  variance: number;
  /** Shares traded for each one of the first day: what splits made of it. */
  volumeScale: number;
}

/**
 * Makes the universe session by session: constant memory, and more sessions never change the earlier ones.
 * @throws InputError SYNTH_OPTION, CALENDAR_RANGE, at once
 */
export function synthesize(options: SynthOptions = {}): Iterable<MarketTable> {
  const plan = planSynth(options);
  return generate(plan);
}

function* generate(plan: SynthPlan): Generator<MarketTable> {
  const traits = plan.symbols.map((symbol) => drawTraits(plan, symbol));
  const walks = traits.map(({ symbol }) => firstWalk(plan, symbol));
  const market = { variance: 1 };
  for (const session of plan.sessions) yield makeSession({ plan, session, traits, walks, market });
}

function drawTraits(plan: SynthPlan, symbol: string): Traits {
  const prng = createPrng([plan.seed, 'traits', symbol]);
  const gauss = gaussians(prng);
  const yearly = plan.annualVol * clamp(exp(0.25 * gauss()), [0.6, 1.7]);
  const priceE4 = firstPriceE4(plan, symbol);
  const dollarsPerDay = exp(ln(3e8) + 0.6 * gauss());
  return {
    symbol,
    sigma1: yearly / Math.sqrt(SESSIONS_PER_YEAR * MINUTES_PER_SESSION),
    loading: Math.min(0.95, Math.sqrt(plan.correlation) * (0.7 + 0.6 * prng())),
    spreadFrac: (plan.spreadBps / 1e4) * clamp(exp(0.25 * gauss()), [0.5, 2]),
    sharesPerMinute: dollarsPerDay / (priceE4 / 1e4) / MINUTES_PER_SESSION,
  };
}

function firstPriceE4(plan: SynthPlan, symbol: string): number {
  const given = Object.hasOwn(plan.priceLevels, symbol) ? plan.priceLevels[symbol] : undefined;
  if (given !== undefined) return given * 1e4;
  return exp(ln(40) + ln(10) * createPrng([plan.seed, 'price', symbol])()) * 1e4;
}

function firstWalk(plan: SynthPlan, symbol: string): Walk {
  return { logMid: ln(firstPriceE4(plan, symbol)), variance: 1, volumeScale: 1 };
}

interface SessionInput {
  readonly plan: SynthPlan;
  readonly session: Session;
  readonly traits: readonly Traits[];
  readonly walks: readonly Walk[];
  readonly market: { variance: number };
}

function makeSession({ plan, session, traits, walks, market }: SessionInput): MarketTable {
  const minutes = (session.closeUs - session.openUs) / US_PER_MINUTE;
  const factor = drawFactor({ plan, session, minutes, market });
  const full = createMarketTable({
    session: session.date,
    barSeconds: BAR_SECONDS,
    symbols: plan.symbols,
    rowCount: minutes * traits.length,
  });
  const isThere = new Uint8Array(full.rowCount);
  for (const [s, each] of traits.entries()) {
    runSymbol({ plan, session, minutes, factor, traits: each, walk: walks[s], table: full, isThere, s });
  }
  return withoutMissing(full, isThere);
}

interface Factor {
  readonly gap: number;
  /** Standardised market increments, `STEPS` a minute. */
  readonly steps: Float64Array;
}

function drawFactor(input: {
  plan: SynthPlan;
  session: Session;
  minutes: number;
  market: { variance: number };
}): Factor {
  const { plan, session, minutes, market } = input;
  const gauss = gaussians(createPrng([plan.seed, 'market', session.date]));
  const gap = gauss();
  const steps = new Float64Array(minutes * STEPS);
  for (let m = 0; m < minutes; m++) {
    const sigma = Math.sqrt(market.variance);
    let sum = 0;
    for (let j = 0; j < STEPS; j++) {
      const z = gauss();
      steps[m * STEPS + j] = sigma * z;
      sum += z;
    }
    market.variance = nextVariance(market.variance, (sigma * sum) / Math.sqrt(STEPS));
  }
  return { gap, steps };
}

interface SymbolInput {
  readonly plan: SynthPlan;
  readonly session: Session;
  readonly minutes: number;
  readonly factor: Factor;
  readonly traits: Traits;
  readonly walk: Walk;
  readonly table: MarketTable;
  readonly isThere: Uint8Array;
  /** Index of the symbol. */
  readonly s: number;
}

/** Runs one symbol through one session. Draws come in a fixed order, so that nothing shifts another's path. */
function runSymbol(input: SymbolInput): void {
  const { plan, session, minutes, factor, traits, walk, table, isThere, s } = input;
  const prng = createPrng([plan.seed, 'path', session.date, traits.symbol]);
  const gauss = gaussians(prng);
  const own = Math.sqrt(1 - traits.loading * traits.loading);
  const dailySigma = traits.sigma1 * Math.sqrt(MINUTES_PER_SESSION);
  applyActions(plan, { symbol: traits.symbol, date: session.date }, walk);
  walk.logMid += OVERNIGHT_SHARE * dailySigma * (traits.loading * factor.gap + own * gauss());
  const halt = drawHalt(plan, prng, minutes);
  const mids = new Float64Array(minutes + 1);
  mids[0] = walk.logMid;
  const bar = createSynthBar();
  for (let m = 0; m < minutes; m++) {
    const isHalted = m >= halt.from && m < halt.to;
    const shape = dayShape((m + 0.5) / minutes);
    const sigma = traits.sigma1 * Math.sqrt(walk.variance * shape.variance);
    const drift = (plan.signal * sigma * forecast(mids, m, traits.sigma1)) / STEPS;
    const spread = traits.spreadFrac * shape.spread * (m < 10 ? 1.6 - 0.06 * m : 1);
    if (m === halt.to) walk.logMid += HALT_JUMP_DAILY_SIGMAS * dailySigma * gauss();
    quote(bar, 0, { logMid: walk.logMid, spread, prng });
    let innovation = 0;
    for (let j = 0; j < STEPS; j++) {
      const z = traits.loading * factor.steps[m * STEPS + j] + own * gauss();
      innovation += z / Math.sqrt(STEPS);
      if (!isHalted) walk.logMid += drift + (sigma * z) / Math.sqrt(STEPS);
      quote(bar, j + 1, { logMid: walk.logMid, spread, prng });
    }
    walk.variance = nextVariance(walk.variance, innovation * Math.sqrt(walk.variance));
    mids[m + 1] = walk.logMid;
    const row = m * table.symbols.length + s;
    isThere[row] = prng() < plan.missingRate ? 0 : 1;
    table.endUs[row] = session.openUs + (m + 1) * US_PER_MINUTE;
    table.symbolIx[row] = s;
    const activity = shape.volume * (1 + 0.5 * Math.abs(innovation)) * exp(0.4 * gauss() - 0.08);
    const shares = Math.max(1, Math.round((traits.sharesPerMinute * walk.volumeScale * activity) / 1.4));
    const sizes = [drawSize(prng), drawSize(prng)] as const;
    if (isHalted) table.flags[row] = IS_HALTED;
    else writeBar({ table, row, bar, shares, sizes });
  }
}

/** Price and volume go over to the new terms of the day; a dividend comes before a split. */
function applyActions(
  plan: SynthPlan,
  at: { readonly symbol: string; readonly date: string },
  walk: Walk,
): void {
  for (const kind of ['dividend', 'split'] as const) {
    for (const action of plan.actions) {
      if (action.kind !== kind || action.symbol !== at.symbol || action.exDate !== at.date) continue;
      if (action.kind === 'split') {
        walk.logMid += ln(action.oldShares / action.newShares);
        walk.volumeScale *= action.newShares / action.oldShares;
        continue;
      }
      const exE4 = exp(walk.logMid) - action.cashMicros / 100;
      if (!(exE4 > 0)) {
        throw new InputError(
          'SYNTH_OPTION',
          `synth: dividend of ${at.symbol} on ${at.date}: ${action.cashMicros / 1e6} dollars are more than its price`,
        );
      }
      walk.logMid = ln(exE4);
    }
  }
}

/** Time-of-day multipliers, each with mean about 1: high at both ends, low at midday. */
function dayShape(x: number): {
  readonly variance: number;
  readonly volume: number;
  readonly spread: number;
} {
  const u = (2 * x - 1) * (2 * x - 1);
  return { variance: 0.6 + 1.2 * u, volume: 0.5 + 1.5 * u, spread: 0.85 + 0.45 * u };
}

/** The planted forecast before minute m, in standard deviations, within +-3: reversal of 5 minutes, momentum of 20. */
function forecast(mids: Float64Array, m: number, sigma1: number): number {
  const back = (minutes: number): number =>
    (mids[m] - mids[Math.max(0, m - minutes)]) / (sigma1 * Math.sqrt(minutes));
  return clamp(0.6 * back(MOMENTUM_MINUTES) - 0.8 * back(REVERSAL_MINUTES), [-3, 3]);
}

function drawHalt(
  plan: SynthPlan,
  prng: Prng,
  minutes: number,
): { readonly from: number; readonly to: number } {
  const isHalted = prng() < plan.haltRate;
  const from = 30 + Math.floor(prng() * (minutes - 60));
  const length = 5 + Math.floor(prng() * 11);
  return isHalted ? { from, to: from + length } : { from: -1, to: -1 };
}

function withoutMissing(full: MarketTable, isThere: Uint8Array): MarketTable {
  const rows = Int32Array.from(isThere.keys()).filter((row) => isThere[row] === 1);
  const table = createMarketTable({ ...full, rowCount: rows.length });
  for (const key of Object.keys(table) as (keyof MarketTable)[]) {
    const from = full[key];
    const to = table[key];
    if (!ArrayBuffer.isView(to) || !ArrayBuffer.isView(from)) continue;
    const source = from as Float64Array;
    const target = to as Float64Array;
    for (let k = 0; k < rows.length; k++) target[k] = source[rows[k]];
  }
  return table;
}

function nextVariance(variance: number, innovation: number): number {
  return clamp(GARCH.omega + GARCH.alpha * innovation * innovation + GARCH.beta * variance, [
    GARCH.min,
    GARCH.max,
  ]);
}
