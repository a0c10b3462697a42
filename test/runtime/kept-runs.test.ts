import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOptions } from '../../src/config/overrides.ts';
import type { InputError } from '../../src/domain/errors.ts';
import { type BacktestOptions, runBacktest } from '../../src/modes/backtest.ts';
import type { RunResult } from '../../src/modes/run-views.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { projectRoot } from '../cli/sametape.ts';
import { temporaryFolder } from '../models/fixtures.ts';

const base = await temporaryFolder();
const SET = ['data.to=2024-01-10', 'data.symbols=[AAA, BBB, CCC]', 'cycle.minutes=30', 'strict=true'];
const scenario = loadScenario({
  file: join(projectRoot, 'scenarios/quickstart.yaml'),
  overrides: parseSetOptions(SET, base),
});

const run = (outDir: string, more: Partial<BacktestOptions> = {}): Promise<RunResult> =>
  runBacktest({ scenario, outDir, progress: silentProgress, ...more });

/** The same run, but its models fail from a cycle on, as they would where the host runs out of memory. */
async function runThatStops(
  outDir: string,
  { runDir }: { readonly runDir: string },
  at = 3,
): Promise<string> {
  mkdirSync(join(`${runDir}.partial`, 'tape'), { recursive: true });
  const resume: BacktestOptions['resume'] = (dir, inference) => ({
    tape: createFileTape({ dir, durable: false }),
    inference: failing(inference!, at),
  });
  const error: unknown = await run(outDir, { resume }).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'STRICT_STOPPED' });
  return (error as InputError).message;
}

function failing(models: InferencePort, at: number): InferencePort {
  return {
    layout: models.layout,
    infer: (request) => {
      if (request.cycle >= at) throw new Error('out of memory');
      return models.infer(request);
    },
    close: () => models.close(),
  };
}

const headOf = (runDir: string): string => readFileSync(join(runDir, 'tape/head.json'), 'utf8');

describe('a strict run that stops', () => {
  it('leaves an earlier good run alone, and its own tape beside it; a good run then is the same again', async () => {
    const out = join(base, 'good-first');
    const good = await run(out);
    const head = headOf(good.runDir);
    const stoppedDir = `${good.runDir}.stopped`;
    for (const at of [3, 4]) {
      const message = await runThatStops(out, good, at);
      expect(message).toContain(
        `its tape is in ${stoppedDir}, and the earlier run is untouched in ${good.runDir}`,
      );
      expect(headOf(good.runDir)).toBe(head);
      expect(existsSync(join(good.runDir, 'summary.json'))).toBe(true);
      expect(verifyTape(join(stoppedDir, 'tape'))).toMatchObject({ fault: null, isClosed: true });
    }
    expect((await run(out)).chainHead).toBe(good.chainHead);
  });

  it('lies where the run would, until one completes', async () => {
    const out = join(base, 'stopped-first');
    const { runDir, chainHead } = await run(join(base, 'elsewhere'));
    const place = { runDir: runDir.replace('elsewhere', 'stopped-first') };
    const message = await runThatStops(out, place);
    expect(message).toMatch(/its tape is in [^,]*stopped-first\/quickstart-[0-9a-f]{12}$/);
    await runThatStops(out, place);
    expect(existsSync(`${place.runDir}.stopped`)).toBe(false);
    expect(await run(out)).toMatchObject({ ...place, chainHead });
    expect(existsSync(join(place.runDir, 'summary.json'))).toBe(true);
  });
});
