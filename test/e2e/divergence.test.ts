import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { duckdb } from '../data/support.ts';
import {
  failsWith,
  projectRoot,
  quickstart,
  type RunJson,
  run,
  sametape,
  succeeds,
  tapeOf,
  useTempFolder,
} from './as-user.ts';

const SESSION_FILE = 'data/2024-01-10.parquet';
const ONE_DAY = ['--set', 'data.to=2024-01-10'];
const temp = useTempFolder();
let result: RunJson;

beforeAll(async () => {
  result = await run([quickstart, ...ONE_DAY, '--out', temp('runs')]);
});

/** A copy of the quickstart dataset in which another tool has changed one cell. */
async function changedDataset(
  name: string,
  cell: { symbol: string; endUs: number; column: string },
): Promise<string> {
  const dir = temp(name);
  const { symbol, endUs, column } = cell;
  cpSync(join(projectRoot, 'datasets/quickstart'), dir, { recursive: true });
  const file = join(dir, SESSION_FILE);
  const changed = `case when symbol = '${symbol}' and end_us = ${endUs} then ${column} + 1 else ${column} end`;
  await duckdb(
    `create table t as select * from read_parquet('${file}')`,
    `copy (select * replace (${changed} as ${column}) from t) to '${file}' (format parquet)`,
  );
  return dir;
}

function dueOf(cycle: number): number {
  const due = tapeOf(result.runDir).find(
    ({ type, payload }) => type === 'CycleDue' && payload.cycle === cycle,
  );
  if (due === undefined) throw new Error(`no cycle ${cycle}`);
  return due.t;
}

describe.concurrent('a dataset with one price changed by one hundredth of a cent', () => {
  const cases = [
    { column: 'close_e4', stage: 'features', type: 'InferenceRequested', what: 'featuresDigest' },
    { column: 'ask_close_e4', stage: 'prediction', type: 'CycleCompleted', what: 'digests.prediction' },
  ];

  beforeAll(async () => {
    for (const { column } of cases)
      await changedDataset(column, { symbol: 'CCC', endUs: dueOf(200), column });
  });

  it.each(cases)('makes replay name the first cycle and stage that see it: $column', async (each) => {
    const { column, stage, type, what } = each;
    const line = await failsWith(1, ['replay', result.runDir, '--dataset', temp(column)]);
    expect(line).toContain(`${SESSION_FILE} is not the one the run was made from`);
    const record = tapeOf(result.runDir).find(({ type: t, payload }) => t === type && payload.cycle === 200);
    const place = `first difference at seq ${record?.seq}, cycle 200, stage ${stage}`;
    expect(line).toMatch(new RegExp(`${place}: expected ${what} "(\\w+)", found ${what} "(?!\\1)\\w+"$`));
  });

  it('makes replay --json say the same for a script', async () => {
    const args = ['replay', result.runDir, '--dataset', temp('close_e4'), '--json'];
    const { stdout, code } = await sametape(args);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      divergence: { cycle: 200, stage: 'features', tUs: dueOf(200) },
      datasetChanges: [{ file: SESSION_FILE }],
    });
  });

  it('makes run refuse it', async () => {
    const dir = temp('close_e4');
    const args = [quickstart, ...ONE_DAY, '--set', `data.dataset=${dir}`, '--out', temp('refused')];
    const line = await failsWith(2, ['run', ...args]);
    expect(line).toContain(`dataset ${dir}: ${SESSION_FILE} changed since it was imported`);
  });
});

describe.concurrent('a tape with one byte flipped', () => {
  /** Offset of every line, and of the end. */
  function lineStarts(bytes: Buffer): number[] {
    const starts = [0];
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
    return starts;
  }

  it('fails verify at the line that holds the byte, wherever it is', async () => {
    const dir = temp('flipped');
    cpSync(result.runDir, dir, { recursive: true });
    const file = join(dir, 'tape/000001.jsonl');
    const sound = readFileSync(file);
    const starts = lineStarts(sound);
    // In the first record, at a newline, in a chain hash, in the middle of the longest payloads, in the last record.
    const places = [500, starts[40] - 1, starts[900] + 20, Math.floor(sound.length / 2), sound.length - 9];
    for (const at of places) {
      const bytes = Buffer.from(sound);
      bytes[at] ^= 1;
      writeFileSync(file, bytes);
      const line = starts.findLastIndex((start) => start <= at);
      const fault = await failsWith(1, ['verify', dir]);
      expect(fault, `byte ${at}`).toContain(
        `000001.jsonl line ${line + 1}, seq ${line}, byte ${starts[line]}: `,
      );
    }
  });

  it('fails replay too, before anything is compared', async () => {
    const dir = temp('flipped-replay');
    cpSync(result.runDir, dir, { recursive: true });
    const file = join(dir, 'tape/000001.jsonl');
    const bytes = readFileSync(file);
    const at = Math.floor(bytes.length / 3);
    bytes[at] ^= 1;
    writeFileSync(file, bytes);
    expect(await failsWith(1, ['replay', dir])).toMatch(/000001\.jsonl line \d+, seq \d+, byte \d+: /);
  });
});

describe.concurrent('a tape cut in the middle of its last record', () => {
  it('is reported by verify, and recover drops only that record', async () => {
    const dir = temp('cut');
    cpSync(result.runDir, dir, { recursive: true });
    const file = join(dir, 'tape/000001.jsonl');
    truncateSync(file, statSync(file).size - 20);
    const last = tapeOf(result.runDir).length - 1;
    const torn = await failsWith(1, ['verify', dir]);
    expect(torn).toMatch(
      new RegExp(`000001\\.jsonl line ${last + 1}, seq ${last}, byte \\d+: torn: \\d+ bytes`),
    );
    expect(await succeeds(['recover', dir])).toMatch(
      new RegExp(`^ok: ${last} whole records; \\d+ torn bytes saved`),
    );
    const [recovered, ...others] = tapeOf(dir).slice(last);
    expect([recovered.type, others]).toEqual(['TapeRecovered', []]);
    expect(tapeOf(dir).slice(0, last)).toEqual(tapeOf(result.runDir).slice(0, last));
    expect(await succeeds(['verify', dir])).toContain(`ok: ${last + 1} records`);
  });
});
