import {
  createDrawdown,
  recoveryNeededFrac,
  resetDrawdown,
  updateDrawdown,
} from '../../../src/pipeline/6-risk/drawdown.ts';
import type { VectorComponent } from '../types.ts';

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
  restate: ({ input, output }) => {
    const { values, history_size } = input as DrawdownInput;
    const theirs = output as { readonly steps: readonly ({ readonly drawdown_pct: number } | null)[] };
    if (values.length <= history_size) return undefined;
    const resetAt = theirs.steps.lastIndexOf(null);
    const depths = theirs.steps.slice(resetAt + 1).map((step) => step!.drawdown_pct);
    return {
      output: { ...theirs, max_drawdown_in_window: Math.max(0, ...depths) },
      reasons: ['the deepest drawdown is kept for the whole run, without a history of equity'],
    };
  },
  deviatingFields: ({ input }) => {
    const { values, history_size } = input as DrawdownInput;
    return values.length <= history_size ? {} : { n_history: 'no history of equity is kept' };
  },
};
