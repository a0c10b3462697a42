import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { liveClock } from '../../src/cli/live-clock.ts';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { launcher, sametape } from '../cli/sametape.ts';
import { projectRoot, scratch } from '../live/live-day.ts';
import { manualClock, until } from '../twins/clocks.ts';

const outDir = scratch('scaled-paper');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const SET = [
  'data.source=simulated',
  'data.warmupSessions=0',
  'models={runRoot: null}',
  'data.symbols=[AAA]',
  'risk.maxDataGapMinutes=0',
];
const file = join(projectRoot, 'scenarios/quickstart.yaml');
const paper = (speed: number): string[] => [
  ...['paper', file, '--out', outDir, '--speed', String(speed), '--json'],
  ...SET.flatMap((text) => ['--set', text]),
];

/** Kills a run once it has said that its session opened and has gone on for a moment. */
async function killedInSession(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const runDir = () => /sametape: run (.+)\n/.exec(said)?.[1];
  await until('the session', () => said.includes('opened'), 60_000);
  await until('some bars', () => barsOn(runDir()!).length > 20, 30_000);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  return runDir()!;
}

function barsOn(runDir: string): readonly number[] {
  const lines = readTape(runFolderAt(runDir).tapeDir, { torn: 'report', storedHead: 'leave' });
  return [...lines].flatMap(({ record: { type, payload } }) =>
    type === 'MarketSlice' ? (payload as { readonly endUs: number }).endUs : [],
  );
}

it('a scaled run on a made-up market is taken up where it stood, or refused in a line', async () => {
  const runDir = await killedInSession(paper(2_000));
  const early = barsOn(runDir);

  const onTheWall = await sametape(paper(1));
  expect(onTheWall.code).toBe(2);
  expect(onTheWall.stderr).toMatch(/stands at .+ in New York, which is to come.+--speed over 1/);
  expect(onTheWall.stderr.trim().split('\n').length).toBe(1);

  const scenario = loadScenario({
    file,
    overrides: [...SET, 'broker.source=alpaca'].map((text) => parseSetOption(text, projectRoot)),
  });
  expect(() => liveClock({ scenario, speed: 60, leftDir: runDir, wall: manualClock(0) })).toThrow(
    /is unfinished, and alpaca cannot say what became of its orders/,
  );

  const rest = await sametape(paper(6_000));
  expect(rest.stderr).toContain(`going on with ${runDir}`);
  expect(rest.code).toBe(0);
  expect(JSON.parse(rest.stdout)).toMatchObject({ runDir });
  const bars = barsOn(runDir);
  expect(bars.slice(0, early.length)).toEqual(early);
  // each minute once, but for the few that the market left out
  expect(bars.every((endUs, k) => k === 0 || endUs > bars[k - 1]!)).toBe(true);
  const minutes = (bars.at(-1)! - bars[0]!) / 60_000_000 + 1;
  expect(minutes).toBeGreaterThan(200);
  expect(bars.length).toBeGreaterThan(0.97 * minutes);
  expect((await sametape(['replay', runDir])).code).toBe(0);
}, 180_000);
