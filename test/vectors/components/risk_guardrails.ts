import type { RiskSettings } from '../../../src/domain/settings.ts';
import { US_PER_MINUTE } from '../../../src/domain/units.ts';
import { assessOrder } from '../../../src/pipeline/6-risk/assess-order.ts';
import { createCheckLog } from '../../../src/pipeline/6-risk/check-log.ts';
import { measureExposure } from '../../../src/pipeline/6-risk/exposure.ts';
import {
  createKillState,
  isKilled,
  type KillState,
  killCause,
  lossStatus,
  markEquity,
  markExposure,
  openSession,
  resetKill,
} from '../../../src/pipeline/6-risk/kill-switch.ts';
import { createOpenOrders, openRiskBook, type RiskBook } from '../../../src/pipeline/6-risk/risk-book.ts';
import { createRiskMemory } from '../../../src/pipeline/6-risk/risk-memory.ts';
import { symbolRules } from '../../../src/pipeline/6-risk/symbol-rules.ts';
import { createMarketState } from '../../../src/pipeline/market-state.ts';
import {
  checkRule,
  finalRule,
  type KillRule,
  killRule,
  type Limits,
  orderRule,
  resetRule,
  sessionRule,
  type Weights,
} from '../rules/guardrails.ts';
import type { Restated, VectorComponent, VectorFacts } from '../types.ts';

type GuardStep =
  | {
      readonly op: 'check';
      readonly minute: number;
      readonly portfolio_value: number;
      readonly weights: Weights;
    }
  | {
      readonly op: 'validate';
      readonly symbol: string;
      readonly target_weight: number;
      readonly weights: Weights;
    }
  | { readonly op: 'reset'; readonly value: number | null };

interface GuardInput {
  readonly max_daily_loss_pct: number | null;
  readonly max_drawdown_pct: number | null;
  readonly max_gross: number | null;
  readonly max_position_pct: number | null;
  readonly initial_capital: number;
  readonly steps: readonly GuardStep[];
}

type ValidateStep = Extract<GuardStep, { readonly op: 'validate' }>;

interface GuardOutput {
  readonly steps: readonly (Readonly<Record<string, unknown>> | null)[];
  readonly final: { readonly n_kill_events: number };
}

/** One share at one dollar is this fraction of equity, so that any weight of the vectors is a whole number of shares. */
const SHARES_PER_EQUITY = 1e9;
const DAY_MINUTES = 1440;

export const vectorComponent: VectorComponent = {
  component: 'risk_guardrails',
  run(input: GuardInput) {
    const settings = settingsOf(input);
    const checks = input.steps.filter((step) => step.op === 'check');
    const symbols = [...new Set(checks.flatMap(({ weights }) => Object.keys(weights)))];
    let state: KillState | undefined;
    let day = -1;
    let equity = 0;
    let trips = 0;
    const steps = input.steps.map((step) => {
      if (step.op === 'validate') return validate(step, settings, state !== undefined && isKilled(state));
      if (step.op === 'reset') {
        if (state !== undefined) resetKill(state, { equityMicros: step.value ?? equity, by: 'operator' });
        return null;
      }
      state ??= createKillState({
        equityMicros: step.portfolio_value,
        symbolCount: symbols.length,
        sectorCount: 0,
        lossVelocityMinutes: 1,
      });
      const today = dayOf(step.minute);
      if (day >= 0 && today > day) openSession(state, equity);
      day = today;
      equity = step.portfolio_value;
      const weights = Float64Array.from(symbols, (symbol) => step.weights[symbol] ?? 0);
      const transitions = [
        ...markEquity(state, equity, settings),
        ...markExposure(state, { symbols, weights, rules: symbolRules(symbols, NO_RULES) }, settings),
      ];
      const countOf = (wanted: string) => transitions.filter(({ type }) => type === wanted).length;
      trips += countOf('KillSwitchTripped');
      return { ...checked(state, equity, step.weights), n_warnings: countOf('RiskLimitWarned') };
    });
    return { steps, final: final(state, equity, trips) };
  },
  restate: restateSteps,
};

const NO_RULES = { restrictedSymbols: [], noBorrowSymbols: [], sectors: [] };

function limitsOf(input: GuardInput): Limits {
  return {
    position: (input.max_position_pct ?? 20) / 100,
    gross: input.max_gross ?? 1,
    dailyLoss: (input.max_daily_loss_pct ?? 2) / 100,
    drawdown: (input.max_drawdown_pct ?? 10) / 100,
  };
}

/** Days since the first, by UTC; the first check is at 14:30. */
function dayOf(minute: number): number {
  return Math.floor((minute + 14.5 * 60) / DAY_MINUTES);
}

function settingsOf(input: GuardInput): RiskSettings & { readonly lotShares: number } {
  const none = Number.MAX_SAFE_INTEGER;
  const { position, gross, dailyLoss, drawdown } = limitsOf(input);
  return {
    priceCollarBps: 10_000,
    maxOrderValueMicros: none,
    maxOrderShares: none,
    maxAdvFraction: 1,
    maxOpenOrdersPerSymbol: none,
    maxOpenOrders: none,
    maxOrdersPerMinute: none,
    cooldownSeconds: 0,
    maxPositionFrac: position,
    maxGrossFrac: gross,
    maxNetFrac: none,
    allowShort: true,
    ...NO_RULES,
    maxDataAgeSeconds: 60,
    maxQuoteAgeSeconds: 60,
    repeatedExecutionMinutes: 1,
    tickE4: 1,
    subDollarTickE4: 1,
    lossVelocityFrac: 1,
    lossVelocityMinutes: 1,
    dailyLossFrac: dailyLoss,
    drawdownFrac: drawdown,
    warnFraction: 0.7,
    killAction: 'reduce_only',
    lotShares: 1,
  };
}

function checked(state: KillState, equity: number, weights: Weights) {
  const { gross, net } = measureExposure(Object.values(weights));
  const loss = lossStatus(state, { equityMicros: equity, tUs: 0 });
  return {
    allowed: !isKilled(state),
    daily_pnl_pct: -loss.dailyLossFrac * 100,
    drawdown_pct: loss.drawdownFrac * 100,
    gross,
    net,
    kill: killCause(state) ?? null,
  };
}

function final(state: KillState | undefined, equity: number, trips: number) {
  if (state === undefined) {
    const nothing = { daily_pnl_pct: 0, drawdown_pct: 0, peak: 0, max_drawdown_in_window: 0 };
    return { ...nothing, kill_active: false, n_kill_events: 0 };
  }
  const loss = lossStatus(state, { equityMicros: equity, tUs: 0 });
  return {
    daily_pnl_pct: -loss.dailyLossFrac * 100,
    drawdown_pct: loss.drawdownFrac * 100,
    peak: loss.peakMicros,
    max_drawdown_in_window: state.drawdown.maxDrawdownFrac * 100,
    kill_active: isKilled(state),
    n_kill_events: trips,
  };
}

const CHECK_NAMES: Readonly<Record<string, string>> = {
  kill_switch: 'kill_switch',
  position_limit: 'position',
  gross_limit: 'portfolio',
};

function validate(
  { symbol, target_weight: target, weights }: ValidateStep,
  settings: RiskSettings & { readonly lotShares: number },
  killed: boolean,
) {
  const names = [...new Set([...Object.keys(weights), symbol])].sort();
  const book = bookOf(names, weights, killed);
  const symbolIx = names.indexOf(symbol);
  const shares = Math.round(target * SHARES_PER_EQUITY) - book.positionShares[symbolIx]!;
  const ok = { passed: true, check: 'ok', value: 0, limit: 0 };
  if (shares === 0) return ok;
  const verdict = assessOrder(
    {
      symbolIx,
      symbol,
      side: shares > 0 ? 'buy' : 'sell',
      type: 'market',
      timeInForce: 'day',
      quantity: Math.abs(shares),
      purpose: 'open',
    },
    {
      book,
      memory: createRiskMemory(names.length),
      settings,
      log: createCheckLog(names.length),
    },
  );
  const failed = verdict.kind === 'refused' ? verdict : verdict.scaledBy[0];
  if (failed === undefined) return ok;
  return { passed: false, check: CHECK_NAMES[failed.check], value: failed.value, limit: failed.limit };
}

function bookOf(symbols: readonly string[], weights: Weights, isKilled: boolean): RiskBook {
  const market = createMarketState(symbols.length);
  for (const column of [market.bidE4, market.askE4, market.midE4]) column.fill(10_000);
  const tUs = US_PER_MINUTE;
  market.dataUs.fill(tUs);
  market.quoteUs.fill(tUs);
  const facts = {
    tUs,
    isSessionOpen: true,
    isKilled,
    isPaused: false,
    isDisconnected: false,
    unreconciled: new Uint8Array(symbols.length),
    isCashUnreconciled: false,
    equityMicros: SHARES_PER_EQUITY * 1e6,
    market,
    positionShares: Float64Array.from(symbols, (name) =>
      Math.round((weights[name] ?? 0) * SHARES_PER_EQUITY),
    ),
    advDollars: new Float64Array(symbols.length),
    rules: symbolRules(symbols, NO_RULES),
    working: [],
  };
  const book = openRiskBook(facts, createOpenOrders(symbols.length, 0), { leverage: 1 });
  book.buyingPowerMicros = Number.MAX_SAFE_INTEGER;
  return book;
}

const REASONS = {
  warnings: 'warnings come at warnFraction of a limit, once a crossing, and for losses too',
  sessions:
    'daily loss counts from the previous close, overnight included; a drawdown stays tripped until reset',
  causes: 'every cause trips by itself, so that a drawdown survives the daily reset of the loss',
  reset: 'a reset starts over only what had tripped: a daily loss does not forget the peak',
  reductions: 'reductions pass the kill switch and the limits',
  others: 'a position over its limit does not stop trades in other symbols',
  numbers: 'every refusal names its value and limit',
};

interface CheckOutput {
  readonly n_warnings: number;
}

/** Each step as the rules have it where they decide otherwise, as the vector has it elsewhere. */
function restateSteps({ input: given, output }: VectorFacts): Restated {
  const input = given as GuardInput;
  const theirs = output as GuardOutput;
  const limits = limitsOf(input);
  const kill = killRule(limits);
  const reasons = new Set<string>();
  let day = -1;
  let reason: string | undefined;
  const steps = input.steps.map((step, k) => {
    const their = theirs.steps[k]!;
    if (step.op === 'reset') {
      resetRule(kill, step.value);
      reason ??= REASONS.reset;
      return their;
    }
    if (step.op === 'validate') {
      const why = reason ?? reasonOfValidate(step, their, limits);
      if (why === undefined) return their;
      reasons.add(why);
      return validateByRule(step, kill);
    }
    const today = dayOf(step.minute);
    if (day >= 0 && today > day) sessionRule(kill);
    day = today;
    if (today > 0) reason = REASONS.sessions;
    const expected = checkRule(kill, step.portfolio_value, step.weights);
    const { n_warnings } = expected;
    if (n_warnings !== (their as unknown as CheckOutput).n_warnings) reasons.add(REASONS.warnings);
    if (reason !== undefined) reasons.add(reason);
    return reason === undefined ? { ...their, n_warnings } : expected;
  });
  const final = finalRule(kill);
  if (final.n_kill_events !== theirs.final.n_kill_events) reasons.add(REASONS.causes);
  const { n_kill_events } = final;
  return {
    output: { steps, final: reason === undefined ? { ...theirs.final, n_kill_events } : final },
    reasons: [...reasons],
  };
}

function reasonOfValidate(
  { symbol, target_weight: target, weights }: ValidateStep,
  their: Readonly<Record<string, unknown>>,
  { position }: Limits,
): string | undefined {
  const current = weights[symbol] ?? 0;
  if (Math.abs(target) <= Math.abs(current) && target * current >= 0) return REASONS.reductions;
  const isOther = ([name, weight]: readonly [string, number]) =>
    name !== symbol && Math.abs(weight) > position;
  if (Object.entries(weights).some(isOther)) return REASONS.others;
  return their.check === 'portfolio' || their.check === 'kill_switch' ? REASONS.numbers : undefined;
}

function validateByRule({ symbol, target_weight: target, weights }: ValidateStep, kill: KillRule) {
  const others = Object.keys(weights).filter((name) => name !== symbol);
  const gross = others.reduce((sum, name) => sum + Math.abs(weights[name]!), 0);
  return orderRule({ current: weights[symbol] ?? 0, target, others: gross }, kill);
}
