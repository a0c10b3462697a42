import type { RiskSettings } from '../../domain/settings.ts';
import type { MoneyMicros } from '../../domain/units.ts';
import type { DerivedEvent, KillCause } from '../../events/derived.ts';
import {
  createDrawdown,
  type DrawdownState,
  drawdownFrac,
  resetDrawdown,
  updateDrawdown,
} from './drawdown.ts';
import { measureExposure } from './exposure.ts';

/** Events the kill switch gives rise to; empty nearly always. */
export type RiskTransition = Extract<
  DerivedEvent,
  { readonly type: 'RiskLimitWarned' | 'KillSwitchTripped' | 'KillSwitchReset' }
>;

/** Causes in the order they are reported. */
export const KILL_CAUSES: readonly KillCause[] = [
  'daily_loss',
  'drawdown',
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
  readonly tripped: Record<KillCause, boolean>;
  /** Above the warning line now; a warning is given when this turns true. */
  readonly warned: {
    dailyLoss: boolean;
    drawdown: boolean;
    exposure: boolean;
    readonly position: Uint8Array;
  };
}

type LossSettings = Pick<RiskSettings, 'dailyLossFrac' | 'drawdownFrac' | 'warnFraction'>;

const NOTHING: readonly RiskTransition[] = [];

export function createKillState({
  equityMicros,
  symbolCount,
}: {
  readonly equityMicros: MoneyMicros;
  readonly symbolCount: number;
}): KillState {
  return {
    baseMicros: equityMicros,
    drawdown: createDrawdown(equityMicros),
    tripped: { daily_loss: false, drawdown: false, operator: false, order_state: false, strict_error: false },
    warned: {
      dailyLoss: false,
      drawdown: false,
      exposure: false,
      position: new Uint8Array(symbolCount),
    },
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

/** Takes in the weights held: warns of a position or a gross exposure that reaches `warnFraction` of its limit. */
export function markExposure(
  state: KillState,
  { symbols, weights }: { readonly symbols: readonly string[]; readonly weights: Float64Array },
  settings: Pick<RiskSettings, 'maxPositionFrac' | 'maxGrossFrac' | 'warnFraction'>,
): readonly RiskTransition[] {
  let transitions: RiskTransition[] | undefined;
  const positionLine = settings.warnFraction * settings.maxPositionFrac;
  for (let i = 0; i < symbols.length; i++) {
    const value = Math.abs(weights[i]);
    const warned = value >= positionLine ? 1 : 0;
    if (warned === 1 && state.warned.position[i] === 0) {
      transitions ??= [];
      transitions.push({
        type: 'RiskLimitWarned',
        limit: 'position',
        value,
        threshold: positionLine,
        symbol: symbols[i],
      });
    }
    state.warned.position[i] = warned;
  }
  const { gross } = measureExposure(weights);
  const grossLine = settings.warnFraction * settings.maxGrossFrac;
  const warned = gross >= grossLine;
  if (warned && !state.warned.exposure) {
    transitions ??= [];
    transitions.push({ type: 'RiskLimitWarned', limit: 'exposure', value: gross, threshold: grossLine });
  }
  state.warned.exposure = warned;
  return transitions ?? NOTHING;
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
 * An operator's reset: clears every cause and measures daily loss and drawdown from current equity on; without that,
 * the next mark would trip them again.
 */
export function resetKill(
  state: KillState,
  { equityMicros, by }: { readonly equityMicros: MoneyMicros; readonly by: string },
): readonly RiskTransition[] {
  if (state.tripped.daily_loss) state.baseMicros = equityMicros;
  if (state.tripped.drawdown) resetDrawdown(state.drawdown, equityMicros);
  state.warned.dailyLoss = false;
  state.warned.drawdown = false;
  return clear(state, KILL_CAUSES, by);
}

function clear(state: KillState, causes: readonly KillCause[], by: string): readonly RiskTransition[] {
  const cleared = causes.filter((cause) => state.tripped[cause]);
  for (const cause of cleared) state.tripped[cause] = false;
  return cleared.length === 0
    ? NOTHING
    : cleared.map((cause) => ({ type: 'KillSwitchReset', cause, by }) as const);
}

/** Current losses against their limits, for traces and reports. */
export function lossStatus(
  state: KillState,
  equityMicros: MoneyMicros,
): { readonly dailyLossFrac: number; readonly drawdownFrac: number; readonly peakMicros: MoneyMicros } {
  return {
    dailyLossFrac: dailyLossFrac(state, equityMicros),
    drawdownFrac: drawdownFrac(state.drawdown, equityMicros),
    peakMicros: state.drawdown.peakMicros,
  };
}
