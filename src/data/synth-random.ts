import { ln } from '../math/elementary.ts';

export type Prng = () => number;

export function clamp(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, value));
}

/** Standard normals by Marsaglia's polar method. */
export function gaussians(prng: Prng): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    while (true) {
      const u = 2 * prng() - 1;
      const v = 2 * prng() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * ln(s)) / s);
      spare = v * scale;
      return u * scale;
    }
  };
}
