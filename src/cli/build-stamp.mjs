import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package. */
export const root = fileURLToPath(new URL('../../', import.meta.url));
export const buildFolder = join(root, 'dist');
/** Holds the hash of the sources that the build was made from. */
export const stampFile = join(buildFolder, 'sources.sha256');

/** SHA-256 over path and content of every TypeScript source and the compiler's settings. */
export function sourcesSha256() {
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name));
  const hash = createHash('sha256');
  for (const name of [...names, 'tsconfig.json'].sort()) {
    const content = readFileSync(join(root, name));
    hash.update(`${name} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}
