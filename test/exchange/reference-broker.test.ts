import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { vectorComponent } from '../vectors/components/backtest_broker.ts';
import { decode, vectorsFolder } from '../vectors/harness.ts';
import type { VectorCase } from '../vectors/types.ts';

interface Step {
  readonly status?: string;
  readonly cash?: number;
}

interface Output {
  readonly steps: readonly (Step | null)[];
  readonly final: { readonly cash: number; readonly portfolio_value: number; readonly total_fees: number };
}

interface Op {
  readonly op: string;
  readonly qty?: number;
}

const file = join(vectorsFolder(), 'backtest_broker.json');
const missing = existsSync(file) ? undefined : `${file} does not exist`;
if (missing !== undefined) console.log(`skipped: ${missing}`);
const cases = missing === undefined ? (decode(JSON.parse(readFileSync(file, 'utf8'))) as VectorCase[]) : [];

/** Slack of the vectors' own doubles, dollars. */
const NOISE = 1e-6;

describe.skipIf(missing !== undefined)('integer money against the vectors in floating point', () => {
  it.each(cases.filter((c) => vectorComponent.deviates?.(c) === undefined))(
    '$name: cash differs by rounding only, and always against the trader',
    (vectorCase) => {
      const { ops } = vectorCase.input as { readonly ops: readonly Op[] };
      const expected = vectorCase.output as Output;
      const actual = vectorComponent.run(vectorCase.input) as Output;
      let most = NOISE;
      expected.steps.forEach((step, k) => {
        if (ops[k].op === 'reset') most = NOISE;
        if (step?.status === 'filled') most += ops[k].qty! * 1e-4 * 1.01 + 1e-6;
        const cash = actual.steps[k]?.cash;
        if (step?.cash === undefined || cash === undefined) return;
        expect(step.cash - cash).toBeGreaterThanOrEqual(-NOISE);
        expect(step.cash - cash).toBeLessThanOrEqual(most);
      });
      for (const field of ['cash', 'portfolio_value'] as const) {
        expect(expected.final[field] - actual.final[field]).toBeGreaterThanOrEqual(-NOISE);
        expect(expected.final[field] - actual.final[field]).toBeLessThanOrEqual(most);
      }
      expect(Math.abs(actual.final.total_fees - expected.final.total_fees)).toBeLessThanOrEqual(most);
    },
  );
});
