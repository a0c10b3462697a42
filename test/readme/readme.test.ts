import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shellBlocks, withoutCiSteps } from './readme-blocks.ts';

// Every block of README.md fenced as `sh` is run, in the order of the page, in one copy of the project, and must exit
// with 0. A later block may use what an earlier one left. Blocks for reading only are fenced as `console` or `text`.
const root = fileURLToPath(new URL('../../', import.meta.url));
const NOT_COPIED = new Set(['node_modules', '.git', 'build', 'coverage', 'runs', '.sametape']);
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = shellBlocks(readme);
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'sametape-readme-'));
  for (const name of readdirSync(root)) {
    if (!NOT_COPIED.has(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => {
  rmSync(copy, { recursive: true, force: true });
});

function run(script: string): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((done) => {
    const child = execFile(
      'sh',
      ['-euc', script],
      { cwd: copy, maxBuffer: 64 * 1024 * 1024 },
      (_error, out, err) => done({ code: child.exitCode, output: out + err }),
    );
  });
}

describe('README.md', () => {
  it('leads with the two commands that do everything on a fresh clone', () => {
    expect(blocks[0]?.script).toContain('npm ci');
    expect(
      blocks
        .slice(0, 2)
        .map((block) => block.script)
        .join('\n'),
    ).toMatch(/^npm test$/m);
    expect(readme.split('\n').findIndex((line) => line.includes('npm ci'))).toBeLessThan(30);
  });

  it.each(blocks.map((block) => [block.line, block.script] as const))(
    'line %i runs: %s',
    async (_line, script) => {
      const { code, output } = await run(withoutCiSteps(script));
      expect(code, output).toBe(0);
    },
    180_000,
  );
});
