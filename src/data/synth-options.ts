import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import type { AnnouncedAction } from './actions.ts';
import { nextSession, sessionOn } from './calendar.ts';

/** A synthetic universe. Every number has a default; equal options give equal bytes on any machine. */
export interface SynthOptions {
  readonly seed?: number;
  /** Tickers, any order; or how many made-up ones. Default 8. */
  readonly symbols?: readonly string[] | number;
  /** First session, `YYYY-MM-DD`; the next one if there is none that day. Default 2024-01-02. */
  readonly from?: string;
  /** How many sessions. Default 8. */
  readonly sessions?: number;
  /**
   * Planted predictability: about the correlation of the best forecast from past returns with the next five minutes'
   * mid return. 0 is a martingale. Default 0.2.
   */
  readonly signal?: number;
  /** Volatility of an average symbol, per year, decimal. Default 0.2, about 14 bps in five minutes. */
  readonly annualVol?: number;
  /** Share of a symbol's variance that is the market's, 0 to 0.9. Default 0.3. */
  readonly correlation?: number;
  /** Quoted spread of an average symbol at midday, bps of mid (one cent at least). Default 1.5. */
  readonly spreadBps?: number;
  /** Opening price of each symbol in dollars, by symbol; others are drawn between 40 and 400. */
  readonly priceLevels?: Readonly<Record<string, number>>;
  /** Chance that a symbol is halted for 5 to 15 minutes in a session. Default 0.02. */
  readonly haltRate?: number;
  /** Splits and dividends: prices and volumes jump at the open of the ex-date. Default none. */
  readonly actions?: readonly AnnouncedAction[];
  /** Chance that a minute of a symbol has no row. Default 0.002. */
  readonly missingRate?: number;
}

/** Options with their defaults, checked. */
export interface SynthPlan {
  readonly seed: number;
  readonly symbols: readonly string[];
  readonly sessions: readonly Session[];
  readonly signal: number;
  readonly annualVol: number;
  readonly correlation: number;
  readonly spreadBps: number;
  readonly priceLevels: Readonly<Record<string, number>>;
  readonly haltRate: number;
  readonly missingRate: number;
  readonly actions: readonly AnnouncedAction[];
}

const MAX_SYMBOLS = 5_000;
const TICKER = /^[A-Za-z0-9][A-Za-z0-9.-]{0,15}$/;

/** @throws InputError SYNTH_OPTION, CALENDAR_RANGE */
export function planSynth(options: SynthOptions): SynthPlan {
  const number = (name: keyof SynthOptions, fallback: number, range: readonly [number, number]): number => {
    const value = options[name] ?? fallback;
    if (typeof value === 'number' && value >= range[0] && value <= range[1]) return value;
    throw new InputError(
      'SYNTH_OPTION',
      `synth: ${name} ${String(value)}: expected ${range[0]} to ${range[1]}`,
    );
  };
  const seed = number('seed', 1, [0, Number.MAX_SAFE_INTEGER]);
  const count = number('sessions', 8, [1, 10_000]);
  if (!Number.isInteger(seed) || !Number.isInteger(count)) {
    throw new InputError('SYNTH_OPTION', 'synth: seed and sessions must be whole numbers');
  }
  const symbols = planSymbols(options.symbols ?? 8);
  for (const [symbol, price] of Object.entries(options.priceLevels ?? {})) {
    if (!symbols.includes(symbol) || !(price >= 1 && price <= 100_000)) {
      throw new InputError(
        'SYNTH_OPTION',
        `synth: price level ${symbol}=${price}: expected a symbol of the universe and 1 to 100000 dollars`,
      );
    }
  }
  const sessions = planSessions(options.from ?? '2024-01-02', count);
  return {
    seed,
    symbols,
    sessions,
    actions: planActions(options.actions ?? [], { symbols, sessions }),
    signal: number('signal', 0.2, [0, 0.8]),
    annualVol: number('annualVol', 0.2, [0.01, 3]),
    correlation: number('correlation', 0.3, [0, 0.9]),
    spreadBps: number('spreadBps', 1.5, [0.1, 200]),
    priceLevels: options.priceLevels ?? {},
    haltRate: number('haltRate', 0.02, [0, 1]),
    missingRate: number('missingRate', 0.002, [0, 0.9]),
  };
}

/** An action on a day without a session would be in the prices of no day. */
function planActions(
  actions: readonly AnnouncedAction[],
  { symbols, sessions }: Pick<SynthPlan, 'symbols' | 'sessions'>,
): readonly AnnouncedAction[] {
  for (const { kind, symbol, exDate } of actions) {
    const isKnown = symbols.includes(symbol) && sessions.some(({ date }, k) => k > 0 && date === exDate);
    if (isKnown) continue;
    throw new InputError(
      'SYNTH_OPTION',
      `synth: ${kind} of ${symbol} on ${exDate}: expected a symbol of the universe and a session after the first, ${sessions[0].date} to ${sessions.at(-1)?.date}`,
    );
  }
  return actions;
}

function planSymbols(symbols: readonly string[] | number): string[] {
  if (typeof symbols === 'number') {
    if (Number.isInteger(symbols) && symbols >= 1 && symbols <= MAX_SYMBOLS) return madeUpSymbols(symbols);
    throw new InputError('SYNTH_OPTION', `synth: ${symbols} symbols: expected 1 to ${MAX_SYMBOLS}`);
  }
  const sorted = [...symbols].sort(compareCodeUnits);
  const bad = sorted.find((symbol, i) => !TICKER.test(symbol) || symbol === sorted[i - 1]);
  if (bad !== undefined || sorted.length === 0 || sorted.length > MAX_SYMBOLS) {
    throw new InputError(
      'SYNTH_OPTION',
      `synth: symbols: expected 1 to ${MAX_SYMBOLS} different tickers, got ${JSON.stringify(bad ?? '')}`,
    );
  }
  return sorted;
}

/** AAA, BBB … ZZZ, then AAA1, BBB1 … */
function madeUpSymbols(count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => {
    const letter = String.fromCharCode(65 + (i % 26));
    const round = Math.floor(i / 26);
    return letter.repeat(3) + (round === 0 ? '' : String(round));
  });
  return names.sort(compareCodeUnits);
}

function planSessions(from: string, count: number): Session[] {
  const sessions = [sessionOn(from) ?? nextSession(from)];
  while (sessions.length < count) sessions.push(nextSession(sessions[sessions.length - 1].date));
  return sessions;
}
