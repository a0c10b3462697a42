import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import type { RunResult } from '../../src/modes/run-views.ts';
import { type Ended, launcher, projectRoot } from '../cli/sametape.ts';

export { type Ended, projectRoot };

// Each step is a process of its own or several; a slow machine takes its time, and the tests are not about speed.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

export const quickstart = join(projectRoot, 'scenarios/quickstart.yaml');
export const goldenPredictions = join(projectRoot, 'golden/quickstart.predictions.arrow');

/** What `run --json` prints. */
export type RunJson = Omit<RunResult, 'statistics' | 'warnings' | 'cacheUse'>;

export interface Host {
  readonly cwd?: string;
  /** Added to the environment; undefined takes a variable out of it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Node binary; default: the one that runs the tests. */
  readonly node?: string;
}

/** Tests of a file run side by side; their processes do so two at a time. */
const MAX_PROCESSES = 2;
const waiting: (() => void)[] = [];
let processes = 0;

/** Runs one command line as a shell would: a process of its own, pipes for its output. */
export async function sametape(args: readonly string[], host: Host = {}): Promise<Ended> {
  if (processes >= MAX_PROCESSES) await new Promise<void>((go) => waiting.push(go));
  else processes += 1;
  try {
    return await startProcess(args, host);
  } finally {
    const next = waiting.shift();
    if (next === undefined) processes -= 1;
    else next();
  }
}

function startProcess(args: readonly string[], host: Host): Promise<Ended> {
  const { cwd = projectRoot, env = {}, node = process.execPath } = host;
  return new Promise((done) => {
    const child = execFile(
      node,
      [launcher, ...args],
      { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024, timeout: 120_000 },
      (_error, stdout, stderr) => done({ code: child.exitCode, stdout, stderr }),
    );
  });
}

/** Runs a command that must succeed, and gives what it prints. */
export async function succeeds(args: readonly string[], host: Host = {}): Promise<string> {
  const { code, stdout, stderr } = await sametape(args, host);
  expect(code, `sametape ${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

/** Runs a command that must fail with one line on stderr and nothing on stdout, and gives that line. */
export async function failsWith(code: number, args: readonly string[], host: Host = {}): Promise<string> {
  const ended = await sametape(args, host);
  expect(ended, `sametape ${args.join(' ')}`).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toMatch(/^sametape: [^\r\n]+\n$/);
  expect(ended.stderr).not.toMatch(/internal error|\bat .+\.ts:\d+/);
  return ended.stderr.trimEnd();
}

/** A run without the cache, unless it names one: what a test calls live is live. */
export async function run(args: readonly string[], host: Host = {}): Promise<RunJson> {
  const cache = args.includes('--cache') ? [] : ['--no-cache'];
  return JSON.parse(await succeeds(['run', ...args, ...cache, '--json'], host)) as RunJson;
}

/** A folder for the tests of a file, removed after them. */
export function useTempFolder(): (...parts: string[]) => string {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'sametape-e2e-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return (...parts) => join(dir, ...parts);
}

/** Every file below a folder with the SHA-256 of its bytes, in order of name. */
export function folderDigests(dir: string): Record<string, string> {
  const files = readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(files.map((file) => [file.slice(dir.length + 1), sha256(readFileSync(file))]));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface TapeRecordJson {
  readonly seq: number;
  readonly t: number;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The records of a run's tape, read as a script would: one JSON object a line. */
export function tapeOf(runDir: string): TapeRecordJson[] {
  const dir = join(runDir, 'tape');
  return readdirSync(dir)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as TapeRecordJson);
}
