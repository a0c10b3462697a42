#!/usr/bin/env node
// Starts the compiled program where a build is present and current, and the TypeScript source otherwise.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiled = join(root, 'dist', 'cli', 'main.js');
const source = join(root, 'src', 'cli', 'main.ts');

function newestChange(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const changed = entry.isDirectory() ? newestChange(path) : statSync(path).mtimeMs;
    if (changed > newest) newest = changed;
  }
  return newest;
}

function isBuildCurrent() {
  if (!existsSync(compiled)) return false;
  return !existsSync(source) || statSync(compiled).mtimeMs >= newestChange(join(root, 'src'));
}

let entry = compiled;
if (!isBuildCurrent()) {
  try {
    (await import('tsx/esm/api')).register();
  } catch {
    process.stderr.write('sametape: dependencies are not installed; run "npm ci" in the sametape folder\n');
    process.exit(2);
  }
  entry = source;
}
const { main } = await import(pathToFileURL(entry).href);
process.exitCode = await main(process.argv.slice(2));
