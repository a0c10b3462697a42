import { describe, expect, it } from 'vitest';
import { createPrng } from '../../src/math/prng.ts';

describe('keyed generator', () => {
  it('gives the same sequence for the same parts, whatever is drawn elsewhere', () => {
    const a = createPrng([7, 12, 'AAPL']);
    const b = createPrng([7, 12, 'AAPL']);
    const first = [a(), a(), a()];
    createPrng([1])();
    expect([b(), b(), b()]).toEqual(first);
    expect(first[0]).toBe(createPrng([7, 12, 'AAPL'])());
  });

  it('has these draws on every machine', () => {
    const draw = createPrng([1, 'x']);
    expect([draw(), draw()]).toMatchInlineSnapshot(`
      [
        0.9039642565024529,
        0.8832696595868529,
      ]
    `);
  });

  it('tells apart parts that would concatenate to the same text', () => {
    const draws = [['a', 'bc'], ['ab', 'c'], ['abc'], [1], ['1'], [1, 2], [12]].map((parts) =>
      createPrng(parts)(),
    );
    expect(new Set(draws).size).toBe(draws.length);
  });

  it('is roughly uniform and leaves Math.random alone', () => {
    const before = Math.random;
    const draw = createPrng([3]);
    let sum = 0;
    for (let i = 0; i < 10_000; i++) sum += draw();
    expect(Math.abs(sum / 10_000 - 0.5)).toBeLessThan(0.015);
    expect(Math.random).toBe(before);
  });
});
