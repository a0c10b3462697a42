import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quickstart, run, succeeds, tapeOf, useTempFolder } from './as-user.ts';

const temp = useTempFolder();
const ONE_DAY = ['--set', 'data.to=2024-01-10'];

/** What the run folder says about the cache. */
function cacheUse(runDir: string): Record<string, unknown> {
  const host = JSON.parse(readFileSync(join(runDir, 'host.json'), 'utf8')) as Record<string, unknown>;
  return host.predictionCache as Record<string, unknown>;
}

describe('runs in fresh processes', () => {
  it('come to the same heads without a cache, filling it, from it, over more sessions, and over a damaged one', async () => {
    const cache = ['--cache', temp('cache')];
    const live = await run([quickstart, ...ONE_DAY, '--out', temp('live')]);
    const filling = await run([quickstart, ...ONE_DAY, ...cache, '--out', temp('filling')]);
    expect(cacheUse(filling.runDir)).toMatchObject({ hits: 0, misses: 1, notes: [] });
    const cached = await run([quickstart, ...ONE_DAY, ...cache, '--out', temp('cached')]);
    expect(cacheUse(cached.runDir)).toMatchObject({ hits: 1, misses: 0, notes: [] });
    for (const { chainHead, decisionHead } of [filling, cached]) {
      expect({ chainHead, decisionHead }).toEqual({
        chainHead: live.chainHead,
        decisionHead: live.decisionHead,
      });
    }
    expect(tapeOf(cached.runDir).some(({ type }) => type === 'PredictionsMade')).toBe(true);

    // the first session of a longer run is the same session
    const text = await succeeds(['run', quickstart, ...cache, '--out', temp('longer')]);
    expect(text).toMatch(/predictions +1 session from the cache, 1 computed/);

    for (const name of readdirSync(temp('cache'))) {
      const bytes = readFileSync(temp('cache', name));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(temp('cache', name), bytes);
    }
    const mended = await run([quickstart, ...ONE_DAY, ...cache, '--out', temp('mended')]);
    expect(mended.chainHead).toBe(live.chainHead);
    expect(cacheUse(mended.runDir)).toMatchObject({
      hits: 0,
      misses: 1,
      notes: [expect.stringContaining('computed again')],
    });
  });
});
