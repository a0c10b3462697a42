import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { INPUT_TYPES } from '../../src/events/inputs.ts';
import { runBacktest } from '../../src/modes/backtest.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { recoverRun } from '../../src/research/recover-run.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { resumeRun } from '../../src/research/resume-run.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { sametape } from '../cli/sametape.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
let work: string;
let runDir: string;
let tapeText: Buffer;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'sametape-recover-'));
  const scenario = loadScenario({ file: join(root, 'scenarios/quickstart.yaml') });
  const recorded = join(root, 'golden/quickstart.predictions.arrow');
  ({ runDir } = await runBacktest({
    scenario: { ...scenario, resolvedPaths: { ...scenario.resolvedPaths, predictionsFile: recorded } },
    outDir: work,
    progress: silentProgress,
  }));
  tapeText = readFileSync(join(runDir, 'tape/000001.jsonl'));
}, 120_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

/** The run as a crash left it: the tape ends after `bytes` bytes, and no head was stored. */
function crashedCopy(name: string, bytes: number): string {
  const dir = join(work, name);
  cpSync(runDir, dir, { recursive: true });
  rmSync(join(dir, 'tape/head.json'));
  writeFileSync(join(dir, 'tape/000001.jsonl'), tapeText.subarray(0, bytes));
  return dir;
}

function linesOf(text: Buffer): string[] {
  return text.toString('utf8').split('\n').slice(0, -1);
}

function typeOf(line: string): string {
  return (JSON.parse(line) as { type: string }).type;
}

const options = (dir: string) => ({ runDir: dir, datasetDir: undefined, progress: silentProgress });

describe('recovering a crashed run', () => {
  it('drops only the torn record and computes again what followed the last input', async () => {
    const original = linesOf(tapeText);
    const firstRecord = original[0]!.length + 1;
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: firstRecord, max: tapeText.length - 2 }), async (bytes) => {
        round += 1;
        const dir = crashedCopy(`crash-${round}`, bytes);
        const whole = linesOf(tapeText.subarray(0, bytes)).length;
        const recovered = await recoverRun(options(dir));
        expect(recovered.records).toBe(whole);
        const lines = linesOf(readFileSync(join(dir, 'tape/000001.jsonl')));
        const at = lines.findIndex((line) => typeOf(line) === 'TapeRecovered');
        const kept = lines.slice(0, at);
        // up to the next input of the original run, and not one record more: that input was never seen
        expect(kept).toEqual(original.slice(0, kept.length));
        expect(kept.length).toBe(whole + recovered.appended);
        // a cycle that waited for its predictions is given up
        expect(['', 'CycleSkipped']).toContain(
          lines
            .slice(at + 1)
            .map(typeOf)
            .join(),
        );
        const next = original[kept.length]!;
        expect(INPUT_TYPES.has(typeOf(next))).toBe(true);
        expect(verifyTape(join(dir, 'tape')).fault).toBeNull();
        expect((await replayRun(options(dir))).divergence).toBeUndefined();
        rmSync(dir, { recursive: true });
      }),
      { numRuns: 4 },
    );
  }, 240_000);

  it('is what the replay of such a run names, as its tape only ends too early', async () => {
    const lines = linesOf(tapeText);
    const last = lines.findIndex((line) => typeOf(line) === 'CycleDue');
    const dir = crashedCopy('open', Buffer.byteLength(`${lines.slice(0, last + 1).join('\n')}\n`));
    const { code, stderr } = await sametape(['replay', dir]);
    expect(stderr).toBe(
      `sametape: the tape ends at seq ${last} and is not closed, the same bits up to there; see "sametape recover" or "sametape run --resume"\n`,
    );
    expect(code).toBe(1);
  });

  it('leaves a run that ended in order as it is', async () => {
    const dir = join(work, 'ended');
    cpSync(runDir, dir, { recursive: true });
    const recovered = await recoverRun(options(dir));
    expect(recovered).toMatchObject({ isClosed: true, appended: 0, tornBytes: 0 });
    expect(readFileSync(join(dir, 'tape/000001.jsonl')).equals(tapeText)).toBe(true);
  });

  it('refuses a tape that other code wrote', async () => {
    const dir = crashedCopy('other-code', tapeText.length - 10);
    const file = join(dir, 'tape/000001.jsonl');
    const text = readFileSync(file, 'utf8').replace(/"codeSha256":"[0-9a-f]/, '"codeSha256":"z');
    writeFileSync(file, text);
    await expect(recoverRun(options(dir))).rejects.toMatchObject({ code: 'TAPE_CHAIN_BROKEN' });
  });
});

describe('resuming a crashed backtest', () => {
  const recorded = join(root, 'golden/quickstart.predictions.arrow');

  /** The run again, over what a crash left of it in `outDir`; counts the cycles that the models were asked for. */
  async function resumed(outDir: string) {
    const scenario = loadScenario({ file: join(root, 'scenarios/quickstart.yaml') });
    let asked = 0;
    const result = await runBacktest({
      scenario: { ...scenario, resolvedPaths: { ...scenario.resolvedPaths, predictionsFile: recorded } },
      outDir,
      progress: silentProgress,
      resume: (tapeDir, inference) => {
        const counting = inference && {
          layout: inference.layout,
          close: () => inference.close(),
          infer: (request: Parameters<typeof inference.infer>[0]) => {
            asked += 1;
            return inference.infer(request);
          },
        };
        return resumeRun(tapeDir, counting);
      },
    });
    return { result, asked };
  }

  function crashed(name: string, bytes: number): { readonly outDir: string; readonly partial: string } {
    const outDir = join(work, name);
    const partial = join(outDir, `${basename(runDir)}.partial`);
    mkdirSync(outDir);
    renameSync(crashedCopy(`${name}-copy`, bytes), partial);
    return { outDir, partial };
  }

  it('ends with the bytes of an uninterrupted run, asking the models only for what the tape lacks', async () => {
    const original = linesOf(tapeText);
    const cut = Math.floor(tapeText.length * 0.6);
    const { outDir } = crashed('resume', cut);
    const { result, asked } = await resumed(outDir);
    expect(readFileSync(join(result.runDir, 'tape/000001.jsonl')).equals(tapeText)).toBe(true);
    const before = JSON.parse(readFileSync(join(runDir, 'summary.json'), 'utf8'));
    const after = JSON.parse(readFileSync(join(result.runDir, 'summary.json'), 'utf8'));
    expect(after).toEqual(before);
    const answered = linesOf(tapeText.subarray(0, cut)).filter((line) => typeOf(line) === 'PredictionsMade');
    const all = original.filter((line) => typeOf(line) === 'PredictionsMade');
    expect(asked).toBe(all.length - answered.length);
    expect(verifyTape(join(result.runDir, 'tape')).fault).toBeNull();
  }, 120_000);

  it('starts anew where the crash came before the first whole record', async () => {
    const { outDir } = crashed('resume-empty', 20);
    const { result } = await resumed(outDir);
    expect(readFileSync(join(result.runDir, 'tape/000001.jsonl')).equals(tapeText)).toBe(true);
  }, 120_000);

  it('keeps the tape and says where, when what was recorded is not what the run gives', async () => {
    const { outDir, partial } = crashed('resume-other', Math.floor(tapeText.length * 0.3));
    await recoverRun({ ...options(partial) });
    await expect(resumed(outDir)).rejects.toMatchObject({ code: 'RESUME_RECOVERED' });
    expect(existsSync(join(partial, 'tape/000001.jsonl'))).toBe(true);
  }, 120_000);

  it('takes up what a killed process left', async () => {
    const outDir = join(work, 'killed');
    const args = ['run', join(root, 'scenarios/quickstart.yaml'), '--out', outDir, '--predictions', recorded];
    const child = spawn(process.execPath, [join(root, 'src/cli/sametape.mjs'), ...args], { stdio: 'ignore' });
    const tape = join(outDir, `${basename(runDir)}.partial`, 'tape/000001.jsonl');
    const ended = new Promise((done) => child.once('exit', done));
    while (child.exitCode === null && !(existsSync(tape) && statSync(tape).size > 400_000)) {
      await new Promise((done) => setTimeout(done, 5));
    }
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(tape), 'the run ended before it was killed').toBe(true);
    const finished = await sametape([...args, '--resume', '--json']);
    expect(finished.code, finished.stderr).toBe(0);
    const { chainHead, runDir: finishedDir } = JSON.parse(finished.stdout);
    expect(chainHead).toBe(JSON.parse(readFileSync(join(runDir, 'summary.json'), 'utf8')).chainHead);
    expect(readFileSync(join(finishedDir, 'tape/000001.jsonl')).equals(tapeText)).toBe(true);
  }, 120_000);
});
