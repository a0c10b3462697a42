import {
  createDrawdown,
  recoveryNeededFrac,
  resetDrawdown,
  updateDrawdown,
} from '../../../src/pipeline/6-risk/drawdown.ts';
import type { VectorComponent, VectorFacts } from '../types.ts';

interface DrawdownInput {
  readonly max_drawdown_pct: number | null;
  readonly history_size: number;
  readonly values: readonly (number | { readonly reset: number | null })[];
}

export const vectorComponent: VectorComponent = {
  component: 'risk_drawdown',
  run(input: DrawdownInput) {
    const state = createDrawdown(0);
    const limit = (input.max_drawdown_pct ?? 10) / 100;
    let history = 0;
    let peakStep: number | null = null;
    const steps = input.values.map((value, k) => {
      if (typeof value !== 'number') {
        resetDrawdown(state, value.reset ?? 0);
        history = state.peakMicros > 0 ? 1 : 0;
        peakStep = state.peakMicros > 0 ? 0 : null;
        return null;
      }
      const before = state.peakMicros;
      const drawdown = updateDrawdown(state, value);
      if (state.peakMicros > before) peakStep = k;
      history += 1;
      const recovery = recoveryNeededFrac(state, value);
      return {
        peak: state.peakMicros,
        drawdown_pct: drawdown * 100,
        exceeded: drawdown > limit,
        recovery_needed_pct: recovery === undefined ? Number.POSITIVE_INFINITY : recovery * 100,
        peak_step: peakStep,
      };
    });
    return { steps, max_drawdown_in_window: state.maxDrawdownFrac * 100, n_history: history };
  },
  deviates: ({ input }) =>
    (input as DrawdownInput).values.every((value) => typeof value !== 'number' || Number.isFinite(value))
      ? undefined
      : 'equity is an integer of micro-dollars: always finite',
  deviatingFields: (facts: VectorFacts) => {
    const input = facts.input as DrawdownInput;
    if (input.values.length <= input.history_size) return {};
    const reason = 'the deepest drawdown is kept for the whole run, without a history of equity';
    return { max_drawdown_in_window: reason, n_history: reason };
  },
};
