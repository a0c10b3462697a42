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
  openSession,
  resetKill,
} from '../../../src/pipeline/6-risk/kill-switch.ts';
import { createOpenOrders, openRiskBook, type RiskBook } from '../../../src/pipeline/6-risk/risk-book.ts';
import { createRiskMemory } from '../../../src/pipeline/6-risk/risk-memory.ts';
import { symbolRules } from '../../../src/pipeline/6-risk/symbol-rules.ts';
import { createMarketState } from '../../../src/pipeline/market-state.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';

type Weights = Readonly<Record<string, number>>;

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

interface GuardOutput {
  readonly steps: readonly (Readonly<Record<string, unknown>> | null)[];
}

/** One share at one dollar is this fraction of equity, so that any weight of the vectors is a whole number of shares. */
const SHARES_PER_EQUITY = 1e9;
const DAY_MINUTES = 1440;

export const vectorComponent: VectorComponent = {
  component: 'risk_guardrails',
  run(input: GuardInput) {
    const settings = settingsOf(input);
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
        symbolCount: 0,
        sectorCount: 0,
        lossVelocityMinutes: 1,
      });
      const today = Math.floor((step.minute + 14.5 * 60) / DAY_MINUTES);
      if (day >= 0 && today > day) openSession(state, equity);
      day = today;
      equity = step.portfolio_value;
      const transitions = markEquity(state, equity, settings);
      trips += transitions.filter(({ type }) => type === 'KillSwitchTripped').length;
      return checked(state, equity, step.weights);
    });
    return { steps, final: final(state, equity, trips) };
  },
  deviatingFields,
};

const NO_RULES = { restrictedSymbols: [], noBorrowSymbols: [], sectors: [] };

function settingsOf(input: GuardInput): RiskSettings & { readonly lotShares: number } {
  const none = Number.MAX_SAFE_INTEGER;
  return {
    priceCollarBps: 10_000,
    maxOrderValueMicros: none,
    maxOrderShares: none,
    maxAdvFraction: 1,
    maxOpenOrdersPerSymbol: none,
    maxOpenOrders: none,
    maxOrdersPerMinute: none,
    cooldownSeconds: 0,
    maxPositionFrac: (input.max_position_pct ?? 20) / 100,
    maxGrossFrac: input.max_gross ?? 1,
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
    dailyLossFrac: (input.max_daily_loss_pct ?? 2) / 100,
    drawdownFrac: (input.max_drawdown_pct ?? 10) / 100,
    warnFraction: 0.9,
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
  { symbol, target_weight: target, weights }: Extract<GuardStep, { readonly op: 'validate' }>,
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

function deviatingFields(facts: VectorFacts): Record<string, string> {
  const input = facts.input as GuardInput;
  const output = facts.output as GuardOutput;
  const fields: Record<string, string> = {
    'steps.*.n_warnings': REASONS.warnings,
    'final.n_kill_events': REASONS.causes,
  };
  let isLaterDay = false;
  let isReset = false;
  input.steps.forEach((step, k) => {
    if (step.op === 'check') isLaterDay ||= step.minute + 14.5 * 60 >= DAY_MINUTES;
    if (step.op === 'reset') isReset = true;
    const reason = isLaterDay ? REASONS.sessions : isReset ? REASONS.reset : undefined;
    const changed =
      step.op === 'validate' ? ['passed', 'check', 'value', 'limit'] : ['allowed', 'kill', 'daily_pnl_pct'];
    if (reason !== undefined) for (const field of changed) fields[`steps.${k}.${field}`] = reason;
    if (isReset) fields[`steps.${k}.drawdown_pct`] = REASONS.reset;
    if (step.op === 'validate') Object.assign(fields, validateFields(step, k, { input, output }));
  });
  if (isLaterDay)
    for (const field of ['daily_pnl_pct', 'kill_active']) fields[`final.${field}`] = REASONS.sessions;
  if (isReset) {
    for (const field of ['peak', 'drawdown_pct', 'max_drawdown_in_window'])
      fields[`final.${field}`] = REASONS.reset;
  }
  return fields;
}

function validateFields(
  { symbol, target_weight: target, weights }: Extract<GuardStep, { readonly op: 'validate' }>,
  k: number,
  { input, output }: { readonly input: GuardInput; readonly output: GuardOutput },
): Record<string, string> {
  const { maxPositionFrac } = settingsOf(input);
  const current = weights[symbol] ?? 0;
  const isReduction = Math.abs(target) <= Math.abs(current) && target * current >= 0;
  const isOther = Object.keys(weights).some(
    (name) => name !== symbol && Math.abs(weights[name]!) > maxPositionFrac,
  );
  const reason = isReduction ? REASONS.reductions : isOther ? REASONS.others : undefined;
  const fields: Record<string, string> = {};
  if (reason !== undefined) {
    for (const field of ['passed', 'check', 'value', 'limit']) fields[`steps.${k}.${field}`] = reason;
  } else if (output.steps[k]?.check === 'portfolio' || output.steps[k]?.check === 'kill_switch') {
    fields[`steps.${k}.value`] = REASONS.numbers;
    fields[`steps.${k}.limit`] = REASONS.numbers;
  }
  return fields;
}
