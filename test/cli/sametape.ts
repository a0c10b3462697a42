import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));
export const launcher = fileURLToPath(new URL('../../src/cli/sametape.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs one command line in a process of its own, with pipes for its output. */
export function sametape(
  args: readonly string[],
  { cwd = projectRoot, env = {} }: Surroundings = {},
): Promise<Ended> {
  return node([launcher, ...args], { cwd, env });
}

export function node(
  args: readonly string[],
  { cwd = projectRoot, env = {} }: Surroundings = {},
): Promise<Ended> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [...args],
      { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => done({ code: child.exitCode, stdout, stderr }),
    );
  });
}
