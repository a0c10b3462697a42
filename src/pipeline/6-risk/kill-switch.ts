import type { RiskSettings } from '../../domain/settings.ts';
import type { MoneyMicros, TimeUs } from '../../domain/units.ts';
import type { DerivedEvent, KillCause, WarnedLimit } from '../../events/derived.ts';
import {
  createDrawdown,
  type DrawdownState,
  drawdownFrac,
  resetDrawdown,
  updateDrawdown,
} from './drawdown.ts';
import { measureExposure } from './exposure.ts';
import {
  clearLossWindow,
  createLossWindow,
  type LossWindow,
  lossInWindow,
  markLoss,
} from './loss-velocity.ts';
import type { SymbolRules } from './symbol-rules.ts';

/** Events the kill switch gives rise to; empty nearly always. */
export type RiskTransition = Extract<
  DerivedEvent,
  { readonly type: 'RiskLimitWarned' | 'KillSwitchTripped' | 'KillSwitchReset' }
>;

/** Causes in the order they are reported. */
export const KILL_CAUSES: readonly KillCause[] = [
  'daily_loss',
  'drawdown',
  'loss_velocity',
  'repeated_execution',
  'operator',
  'order_state',
  'strict_error',
];

/**
 * Kill switch and risk warnings. Plain data. Any tripped cause stops new exposure; what happens to working orders and
 * positions (`reduce_only` or `flatten`) is the engine's to carry out.
 */
export interface KillState {
  /** Closing equity of the previous session: what the daily loss is measured from, overnight included. */
  baseMicros: MoneyMicros;
  readonly drawdown: DrawdownState;
  readonly lossWindow: LossWindow;
  readonly tripped: Record<KillCause, boolean>;
  /** Above the warning line now; a warning is given when this turns true. */
  readonly warned: {
    dailyLoss: boolean;
    drawdown: boolean;
    lossVelocity: boolean;
    exposure: boolean;
    net: boolean;
    readonly position: Uint8Array;
    readonly sector: Uint8Array;
  };
  /** Scratch: gross weight by sector. */
  readonly sectorWeight: Float64Array;
}

type LossSettings = Pick<RiskSettings, 'dailyLossFrac' | 'drawdownFrac' | 'warnFraction'>;

const NOTHING: readonly RiskTransition[] = [];

export function createKillState({
  equityMicros,
  symbolCount,
  sectorCount,
  lossVelocityMinutes,
}: {
  readonly equityMicros: MoneyMicros;
  readonly symbolCount: number;
  readonly sectorCount: number;
  readonly lossVelocityMinutes: number;
}): KillState {
  return {
    baseMicros: equityMicros,
    drawdown: createDrawdown(equityMicros),
    lossWindow: createLossWindow(lossVelocityMinutes),
    tripped: {
      daily_loss: false,
      drawdown: false,
      loss_velocity: false,
      repeated_execution: false,
      operator: false,
      order_state: false,
      strict_error: false,
    },
    warned: {
      dailyLoss: false,
      drawdown: false,
      lossVelocity: false,
      exposure: false,
      net: false,
      position: new Uint8Array(symbolCount),
      sector: new Uint8Array(sectorCount),
    },
    sectorWeight: new Float64Array(sectorCount),
  };
}

export function isKilled({ tripped }: KillState): boolean {
  return KILL_CAUSES.some((cause) => tripped[cause]);
}

/** The first tripped cause, if any. */
export function killCause({ tripped }: KillState): KillCause | undefined {
  return KILL_CAUSES.find((cause) => tripped[cause]);
}

/** Loss since the previous session's close, fraction of it; negative for a gain. */
export function dailyLossFrac(
  { baseMicros }: Pick<KillState, 'baseMicros'>,
  equityMicros: MoneyMicros,
): number {
  return baseMicros > 0 ? (baseMicros - equityMicros) / baseMicros : 0;
}

/** A new session: the daily loss starts over from the previous close and its trip clears. A drawdown stays tripped. */
export function openSession(state: KillState, previousCloseMicros: MoneyMicros): readonly RiskTransition[] {
  state.baseMicros = previousCloseMicros;
  state.warned.dailyLoss = false;
  return clear(state, ['daily_loss'], 'session');
}

/** Takes in a mark of equity: trips beyond a limit, warns on reaching `warnFraction` of it, once a crossing. */
export function markEquity(
  state: KillState,
  equityMicros: MoneyMicros,
  settings: LossSettings,
): readonly RiskTransition[] {
  const loss = dailyLossFrac(state, equityMicros);
  const drawdown = updateDrawdown(state.drawdown, equityMicros);
  const dailyWarned = loss >= settings.warnFraction * settings.dailyLossFrac;
  const drawdownWarned = drawdown >= settings.warnFraction * settings.drawdownFrac;
  let transitions = NOTHING;
  if (loss > settings.dailyLossFrac) {
    transitions = trip(state, 'daily_loss', { value: loss, limit: settings.dailyLossFrac });
  } else if (dailyWarned && !state.warned.dailyLoss) {
    const threshold = settings.warnFraction * settings.dailyLossFrac;
    transitions = [{ type: 'RiskLimitWarned', limit: 'daily_loss', value: loss, threshold }];
  }
  if (drawdown > settings.drawdownFrac) {
    const tripped = trip(state, 'drawdown', { value: drawdown, limit: settings.drawdownFrac });
    if (tripped.length > 0) transitions = [...transitions, ...tripped];
  } else if (drawdownWarned && !state.warned.drawdown) {
    const threshold = settings.warnFraction * settings.drawdownFrac;
    transitions = [
      ...transitions,
      { type: 'RiskLimitWarned', limit: 'drawdown', value: drawdown, threshold },
    ];
  }
  state.warned.dailyLoss = dailyWarned;
  state.warned.drawdown = drawdownWarned;
  return transitions;
}

/**
 * Takes in a mark of equity for the loss velocity, the fall from the highest mark of the last minutes: trips beyond the
 * limit and stays tripped until an operator resets it, because what loses this fast is broken rather than unlucky.
 */
export function markVelocity(
  state: KillState,
  mark: { readonly equityMicros: MoneyMicros; readonly tUs: TimeUs },
  settings: Pick<RiskSettings, 'lossVelocityFrac' | 'warnFraction'>,
): readonly RiskTransition[] {
  const limit = settings.lossVelocityFrac;
  if (limit === undefined) return NOTHING;
  const value = markLoss(state.lossWindow, mark);
  const threshold = settings.warnFraction * limit;
  const wasWarned = state.warned.lossVelocity;
  state.warned.lossVelocity = value >= threshold;
  if (value > limit) return trip(state, 'loss_velocity', { value, limit });
  if (value < threshold || wasWarned) return NOTHING;
  return [{ type: 'RiskLimitWarned', limit: 'loss_velocity', value, threshold }];
}

/**
 * Takes in how many orders of one symbol and side have executed in the throttle's window, the newest included. At the
 * limit trading stops until a person resets it.
 */
export function markRepeats(
  state: KillState,
  { repeats, symbol }: { readonly repeats: number; readonly symbol: string },
  settings: Pick<RiskSettings, 'maxRepeatedExecutions' | 'warnFraction'>,
): readonly RiskTransition[] {
  const limit = settings.maxRepeatedExecutions;
  if (limit === undefined) return NOTHING;
  if (repeats >= limit) return trip(state, 'repeated_execution', { value: repeats, limit });
  const threshold = settings.warnFraction * limit;
  if (repeats < threshold || repeats - 1 >= threshold) return NOTHING;
  return [{ type: 'RiskLimitWarned', limit: 'repeated_execution', value: repeats, threshold, symbol }];
}

type ExposureSettings = Pick<
  RiskSettings,
  'maxPositionFrac' | 'maxGrossFrac' | 'maxNetFrac' | 'maxSectorFrac' | 'warnFraction'
>;

/** Weights held, working orders done, and what the sectors of their symbols are. */
export interface HeldWeights {
  readonly symbols: readonly string[];
  readonly weights: Float64Array;
  readonly rules: Pick<SymbolRules, 'sectorIx' | 'sectors'>;
}

/** Warns of a position, a sector, gross or net exposure that reaches `warnFraction` of its limit, once a crossing. */
export function markExposure(
  state: KillState,
  held: HeldWeights,
  settings: ExposureSettings,
): readonly RiskTransition[] {
  const out: RiskTransition[] = [];
  const { warned } = state;
  const { symbols, weights } = held;
  const positionLine = settings.warnFraction * settings.maxPositionFrac;
  for (let i = 0; i < symbols.length; i++) {
    const value = Math.abs(weights[i]);
    const isOver = value >= positionLine;
    if (isOver && warned.position[i] === 0) {
      out.push(warning('position', { value, threshold: positionLine, symbol: symbols[i] }));
    }
    warned.position[i] = isOver ? 1 : 0;
  }
  const { gross, net } = measureExposure(weights);
  const grossLine = settings.warnFraction * settings.maxGrossFrac;
  if (gross >= grossLine && !warned.exposure) {
    out.push(warning('exposure', { value: gross, threshold: grossLine }));
  }
  warned.exposure = gross >= grossLine;
  const netLine = settings.warnFraction * settings.maxNetFrac;
  const absNet = Math.abs(net);
  if (absNet >= netLine && !warned.net) out.push(warning('net', { value: absNet, threshold: netLine }));
  warned.net = absNet >= netLine;
  if (settings.maxSectorFrac !== undefined) {
    markSectors(state, held, { threshold: settings.warnFraction * settings.maxSectorFrac, out });
  }
  return out.length === 0 ? NOTHING : out;
}

function markSectors(
  { sectorWeight, warned }: KillState,
  { weights, rules }: HeldWeights,
  { threshold, out }: { readonly threshold: number; readonly out: RiskTransition[] },
): void {
  sectorWeight.fill(0);
  for (let i = 0; i < weights.length; i++) {
    const sector = rules.sectorIx[i];
    if (sector >= 0) sectorWeight[sector] += Math.abs(weights[i]);
  }
  for (let s = 0; s < sectorWeight.length; s++) {
    const value = sectorWeight[s];
    if (value >= threshold && warned.sector[s] === 0) {
      out.push(warning('sector', { value, threshold, sector: rules.sectors[s] }));
    }
    warned.sector[s] = value >= threshold ? 1 : 0;
  }
}

function warning(
  limit: WarnedLimit,
  facts: {
    readonly value: number;
    readonly threshold: number;
    readonly symbol?: string;
    readonly sector?: string;
  },
): RiskTransition {
  return { type: 'RiskLimitWarned', limit, ...facts };
}

/** Trips one cause; nothing when it is tripped already. Also for the operator, a broken order state, a strict error. */
export function trip(
  state: KillState,
  cause: KillCause,
  { value, limit }: { readonly value: number; readonly limit: number },
): readonly RiskTransition[] {
  if (state.tripped[cause]) return NOTHING;
  state.tripped[cause] = true;
  return [{ type: 'KillSwitchTripped', cause, value, limit }];
}

/**
 * An operator's reset: clears every cause and measures the losses that had tripped from current equity on; without
 * that, the next mark would trip them again.
 */
export function resetKill(
  state: KillState,
  { equityMicros, by }: { readonly equityMicros: MoneyMicros; readonly by: string },
): readonly RiskTransition[] {
  if (state.tripped.daily_loss) state.baseMicros = equityMicros;
  if (state.tripped.drawdown) resetDrawdown(state.drawdown, equityMicros);
  if (state.tripped.loss_velocity) clearLossWindow(state.lossWindow);
  state.warned.dailyLoss = false;
  state.warned.drawdown = false;
  state.warned.lossVelocity = false;
  return clear(state, KILL_CAUSES, by);
}

function clear(state: KillState, causes: readonly KillCause[], by: string): readonly RiskTransition[] {
  const cleared = causes.filter((cause) => state.tripped[cause]);
  for (const cause of cleared) state.tripped[cause] = false;
  return cleared.length === 0
    ? NOTHING
    : cleared.map((cause) => ({ type: 'KillSwitchReset', cause, by }) as const);
}

/** Losses as they stand, fractions, for traces and reports. */
export interface LossStatus {
  readonly dailyLossFrac: number;
  readonly drawdownFrac: number;
  readonly lossVelocityFrac: number;
  readonly peakMicros: MoneyMicros;
}

export function lossStatus(
  state: KillState,
  mark: { readonly equityMicros: MoneyMicros; readonly tUs: TimeUs },
): LossStatus {
  const { equityMicros } = mark;
  return {
    dailyLossFrac: dailyLossFrac(state, equityMicros),
    drawdownFrac: drawdownFrac(state.drawdown, equityMicros),
    lossVelocityFrac: lossInWindow(state.lossWindow, mark),
    peakMicros: state.drawdown.peakMicros,
  };
}
