import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderDigests, projectRoot, type RunJson, succeeds, tapeOf, useTempFolder } from './as-user.ts';

const dataset = join(projectRoot, 'datasets/corporate-actions');
const scenario = join(projectRoot, 'scenarios/corporate-actions.yaml');
const golden = join(projectRoot, 'golden/corporate-actions');
const temp = useTempFolder();

/** What the dataset was made with, as its manifest says in other words. */
const SYNTH = [
  ...['--seed', '13', '--symbols', '4', '--sessions', '3', '--signal', '0.35', '--from', '2024-03-04'],
  ...['--splits', 'AAA=3:2@2024-03-05,CCC=1:7@2024-03-06', '--prices', 'CCC=30'],
  ...['--dividends', 'BBB=0.62@2024-03-05,AAA=0.31@2024-03-06,DDD=1.15@2024-03-06'],
];

describe.concurrent('the scenario of corporate actions', () => {
  it('runs on a dataset under 300 kB that its seed gives again, byte for byte', async () => {
    await succeeds(['data', 'synth', '--out', temp('dataset'), ...SYNTH]);
    expect(folderDigests(temp('dataset'))).toEqual(folderDigests(dataset));
    const sizes = readdirSync(dataset, { recursive: true, encoding: 'utf8' }).map(
      (name) => statSync(join(dataset, name)).size,
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(300_000);
  });

  it('holds positions over every action, long and short, and decides as its golden file says', async () => {
    const recorded = ['--predictions', `${golden}.predictions.arrow`];
    const stdout = await succeeds(['run', scenario, ...recorded, '--out', temp('runs'), '--json']);
    const result = JSON.parse(stdout) as RunJson;
    const pinned = JSON.parse(readFileSync(`${golden}.json`, 'utf8')) as { decisionHead: string };
    expect(result.decisionHead).toBe(pinned.decisionHead);
    const records = tapeOf(result.runDir);
    const adjusted = records.flatMap(({ type, payload }) => (type === 'PositionAdjusted' ? [payload] : []));
    expect(adjusted.map(({ symbol, cause }) => `${symbol} ${cause}`)).toEqual([
      'AAA split',
      'BBB dividend',
      'AAA dividend',
      'CCC split',
      'DDD dividend',
    ]);
    expect(new Set(adjusted.map(({ shares }) => Math.sign(shares as number)))).toEqual(new Set([1, -1]));
    // the 1-for-7 split leaves part of a share
    expect(adjusted[3]!.cashMicros).not.toBe(0);
    expect(records.filter(({ type }) => type === 'ErrorRaised')).toEqual([]);
    await succeeds(['replay', result.runDir]);
  });
});
