import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { InputError } from '../../src/domain/errors.ts';
import type { BanditState } from '../../src/learning/bandit-state.ts';
import { runBacktest } from '../../src/modes/backtest.ts';
import type { RunResult } from '../../src/modes/run-views.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { projectRoot } from '../cli/sametape.ts';
import { useTempDir } from '../data/support.ts';

const temp = useTempDir();

/** One day of the quickstart, a decision every five minutes. */
const SET = [
  'data.to=2024-01-10',
  'cycle.minutes=5',
  'prediction.standardizeMinSamples=20',
  'learning.algorithm=exp3ix',
  'learning.rampStartRewards=2',
  'learning.rampRewards=0',
];

async function run(...set: readonly string[]): Promise<RunResult> {
  const scenario = loadScenario({
    file: join(projectRoot, 'scenarios/quickstart.yaml'),
    overrides: [...SET, ...set].map((text) => parseSetOption(text, temp.path())),
  });
  return runBacktest({ scenario, outDir: temp.path('runs'), progress: silentProgress });
}

function stateOf({ runDir }: RunResult): BanditState {
  return JSON.parse(readFileSync(join(runDir, 'state/bandit_state.json'), 'utf8')) as BanditState;
}

async function refusal(...set: readonly string[]): Promise<InputError> {
  const error: unknown = await run(...set).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

describe('a warm start', () => {
  let first: RunResult;
  let second: RunResult;

  beforeAll(async () => {
    first = await run();
    writeFileSync(temp.path('start.json'), readFileSync(join(first.runDir, 'state/bandit_state.json')));
    second = await run('learning.warmStart=start.json');
  });

  it('goes on from what the earlier run had learned, and is another run', () => {
    expect(stateOf(first).rounds).toBeGreaterThan(3);
    expect(stateOf(second).rounds).toBeGreaterThan(stateOf(first).rounds);
    expect(second.runId).not.toBe(first.runId);
    expect(second.decisionHead).not.toBe(first.decisionHead);
  });

  it('names the content of its file in the run, not its path', async () => {
    const text = readFileSync(temp.path('start.json'), 'utf8');
    writeFileSync(temp.path('copy.json'), text);
    expect((await run('learning.warmStart=copy.json')).runId).toBe(second.runId);
    const other = { ...(JSON.parse(text) as BanditState), learnerLoss: 0.25 };
    writeFileSync(temp.path('other.json'), JSON.stringify(other));
    expect((await run('learning.warmStart=other.json')).runId).not.toBe(second.runId);
  });

  it('replays without the file: all of it is on the tape', async () => {
    rmSync(temp.path('start.json'));
    const { divergence } = await replayRun({
      runDir: second.runDir,
      datasetDir: undefined,
      progress: silentProgress,
    });
    expect(divergence).toBeUndefined();
  });

  it('is refused where the file cannot be read, is not JSON, or is no bandit state', async () => {
    expect(await refusal('learning.warmStart=gone.json')).toMatchObject({ code: 'WARM_START_UNREADABLE' });
    writeFileSync(temp.path('text.json'), 'not json');
    expect(await refusal('learning.warmStart=text.json')).toMatchObject({ code: 'BANDIT_STATE_INVALID' });
    writeFileSync(temp.path('list.json'), '[]');
    expect(await refusal('learning.warmStart=list.json')).toMatchObject({ code: 'BANDIT_STATE_INVALID' });
  });

  it('is refused where another algorithm learned it, or a horizon of it has no models here', async () => {
    writeFileSync(temp.path('mine.json'), JSON.stringify(stateOf(first)));
    const error = await refusal('learning.algorithm=hedge', 'learning.warmStart=mine.json');
    expect(error).toMatchObject({ code: 'WARM_START_ALGORITHM' });
    expect(error.message).toContain('learned by exp3ix');
    const stray = await refusal('horizons=[5m]', 'learning.warmStart=mine.json');
    expect(stray).toMatchObject({ code: 'WARM_START_HORIZON' });
    expect(stray.message).toContain('knows horizon 15m');
  });

  it('is refused where nothing would read it', async () => {
    const error = await refusal('learning.algorithm=off', 'learning.warmStart=mine.json');
    expect(error.message).toContain('learning.algorithm is off');
  });
});

describe('the views of a run', () => {
  it('list closed trades always, and what was learned only where something was', async () => {
    const { runDir } = await run('learning.algorithm=off');
    expect(existsSync(join(runDir, 'state/bandit_state.json'))).toBe(false);
    const trades = JSON.parse(readFileSync(join(runDir, 'state/trades.json'), 'utf8')) as Record<
      string,
      unknown
    >[];
    expect(trades.length).toBeGreaterThan(3);
    for (const trade of trades) {
      expect(['5m', '15m']).toContain(trade.horizon);
      expect(trade.netMicros).toBe((trade.grossMicros as number) - (trade.feesMicros as number));
    }
  });
});
