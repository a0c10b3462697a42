/**
 * Average daily dollar volume of every symbol over the sessions that finished so far, counted from its first session
 * with a trade. Plain data, arrays by symbol.
 */
export interface AdvState {
  /** Dollars traded in the session under way. */
  readonly today: Float64Array;
  readonly total: Float64Array;
  readonly sessions: Int32Array;
}

export function createAdv(symbolCount: number): AdvState {
  return {
    today: new Float64Array(symbolCount),
    total: new Float64Array(symbolCount),
    sessions: new Int32Array(symbolCount),
  };
}

/** Adds the trades of one bar: close in dollars times shares. */
export function addTraded(state: AdvState, symbol: number, dollars: number): void {
  state.today[symbol]! += dollars;
}

export function closeAdvSession(state: AdvState): void {
  for (let i = 0; i < state.today.length; i++) {
    if (state.sessions[i] === 0 && state.today[i] === 0) continue;
    state.total[i]! += state.today[i]!;
    state.sessions[i]!++;
    state.today[i] = 0;
  }
}

/** ADV in dollars; 0 while no session with a trade has finished, which means unknown. */
export function advDollars(state: AdvState, symbol: number): number {
  const sessions = state.sessions[symbol]!;
  return sessions === 0 ? 0 : state.total[symbol]! / sessions;
}
