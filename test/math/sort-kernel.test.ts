import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRankKernels } from '../../src/math/rank-kernels.ts';
import { SORT_COUNTS_BYTES } from '../../src/math/sort-kernel.ts';

const float = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ min: Math.fround(-0.01), max: Math.fround(0.01), noNaN: true }),
  fc.constantFrom(0, 1, -1, 2 ** -149, -(2 ** -149), 3.4028234663852886e38),
);

it('puts entries into rising order of their floats, equal ones as they came', () => {
  const capacity = 300;
  const [entriesAt, scratchAt] = [1 << 16, 1 << 17];
  const countsAt = scratchAt + 8 * capacity;
  const { sort, memory } = createRankKernels(countsAt + SORT_COUNTS_BYTES);
  const words = new Int32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  fc.assert(
    fc.property(fc.array(float, { minLength: 1, maxLength: capacity }), (drawn) => {
      const values = drawn.map((value) => value + 0);
      for (const [k, value] of values.entries()) {
        words[entriesAt / 4 + 2 * k] = 7 * k;
        floats[entriesAt / 4 + 2 * k + 1] = value;
      }
      sort(entriesAt, entriesAt + 8 * values.length, countsAt, scratchAt);
      const sorted = values.map((_, k) => [words[entriesAt / 4 + 2 * k], floats[entriesAt / 4 + 2 * k + 1]]);
      expect(sorted).toEqual(values.map((value, k) => [7 * k, value] as const).sort(([, a], [, b]) => a - b));
    }),
  );
});
