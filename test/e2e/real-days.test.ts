import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  folderDigests,
  projectRoot,
  type RunJson,
  run,
  succeeds,
  type TapeRecordJson,
  tapeOf,
  useTempFolder,
} from './as-user.ts';

const lean = fileURLToPath(new URL('../../../shared/market/lean', import.meta.url));
const scenario = join(projectRoot, 'scenarios/real-2013-10.yaml');
const isHere = existsSync(lean);
if (!isHere)
  console.log(`skipped: ${lean} does not exist; it holds the market data of scenarios/real-2013-10.yaml`);
const temp = useTempFolder();
/** Every minute inside a session of 390. */
const CYCLES_A_DAY = 389;

/** A cycle's whole outcome as text: decisions, stage digests and equity, when and where on the tape. */
function outcomes(tape: readonly TapeRecordJson[]): string[] {
  return tape
    .filter(({ type }) => type === 'CycleCompleted')
    .map(({ seq, t, payload }) => JSON.stringify({ seq, t, payload }));
}

describe.skipIf(!isHere)('three real days of October 2013', { concurrent: true }, () => {
  let dataset: string[];
  let whole: RunJson;
  let tape: readonly TapeRecordJson[];

  beforeAll(async () => {
    const symbols = ['--symbols', 'SPY,IBM,BAC,AIG'];
    await succeeds(['data', 'import', lean, '--out', temp('dataset'), ...symbols, '--from', '2013-10-04']);
    dataset = ['--set', `data.dataset=${temp('dataset')}`];
    whole = await run([scenario, ...dataset, '--out', temp('runs')]);
    tape = tapeOf(whole.runDir);
  });

  it('train to the committed models, byte for byte, on the Friday before', async () => {
    const options = ['--sessions', '2013-10-04', '--horizons', '5m,15m', '--seed', '2013'];
    await succeeds(['models', 'train', '--dataset', temp('dataset'), '--out', temp('models'), ...options]);
    const committed = join(projectRoot, 'datasets/real-2013-10-models');
    expect(folderDigests(temp('models'))).toEqual(folderDigests(committed));
  });

  it('decide as the golden file says', async () => {
    const stdout = await succeeds(['golden', 'check', scenario, ...dataset]);
    expect(stdout).toContain(
      `ok      real-2013-10: decision head ${whole.decisionHead}; live inference gives`,
    );
  });

  it('replay to the same bits, over all three sessions', async () => {
    const replay = JSON.parse(await succeeds(['replay', whole.runDir, '--json']));
    const { chainHead, decisionHead, cycles } = whole;
    expect(replay).toMatchObject({ ok: true, chainHead, decisionHead, cycles, records: tape.length });
    const opened = tape.filter(({ type }) => type === 'SessionOpened').map(({ payload }) => payload.session);
    expect(opened.map((session) => (session as { date: string }).date)).toEqual([
      ...['2013-10-07', '2013-10-08', '2013-10-09'],
    ]);
    expect(whole.fills).toBeGreaterThan(0);
  });

  it('decide the first day the same when the later days are not there to be seen', async () => {
    const cut = await run([scenario, ...dataset, '--set', 'data.to=2013-10-07', '--out', temp('cut')]);
    const firstDay = outcomes(tapeOf(cut.runDir));
    expect(firstDay).toHaveLength(CYCLES_A_DAY);
    expect(firstDay.some((text) => text.includes('"kind":"TRADE"'))).toBe(true);
    const firstDifferent = outcomes(tape).findIndex((text, k) => text !== firstDay[k]);
    expect(firstDifferent).toBe(CYCLES_A_DAY);
  });
});
