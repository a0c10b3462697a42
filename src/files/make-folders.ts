import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it, one by one: Node's recursive way never returns on some pseudo file systems.
 * @throws the system's error for the first that cannot be made
 */
export function makeFolders(dir: string): void {
  if (isFolder(dir)) return;
  const above = dirname(dir);
  if (above !== dir) makeFolders(above);
  try {
    mkdirSync(dir);
  } catch (error) {
    // another process may have been faster
    if (!isFolder(dir)) throw error;
  }
}

function isFolder(dir: string): boolean {
  return statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true;
}
