// Compiles the sources into dist/ and notes which sources they were: the launcher takes the build for these alone.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildFolder, root, sourcesSha256, stampFile } from './build-stamp.mjs';

function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc');
  } catch {
    return undefined;
  }
}

rmSync(buildFolder, { recursive: true, force: true });
const compiler = findCompiler();
if (compiler === undefined) {
  process.stdout.write(
    'sametape: no TypeScript compiler (installed without dev dependencies); runs from source\n',
  );
} else {
  const stamp = sourcesSha256();
  const options = ['-p', join(root, 'tsconfig.json'), '--noEmit', 'false', '--outDir', buildFolder];
  const { status } = spawnSync(process.execPath, [compiler, ...options], { stdio: 'inherit' });
  if (status === 0) writeFileSync(stampFile, `${stamp}\n`);
  process.exitCode = status ?? 1;
}
