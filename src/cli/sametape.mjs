#!/usr/bin/env node
// Starts the compiled program where there is a build of these very sources, or no source, and the TypeScript source otherwise.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildFolder, root, sourcesSha256, stampFile } from './build-stamp.mjs';

const compiled = join(buildFolder, 'cli', 'main.js');
const source = join(root, 'src', 'cli', 'main.ts');

function isBuildCurrent() {
  if (!existsSync(stampFile)) return false;
  return !existsSync(source) || readFileSync(stampFile, 'utf8').trim() === sourcesSha256();
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
