import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { compareCodeUnits } from '../domain/compare.ts';
import { makeFolders } from '../files/make-folders.ts';

const ENTRY = /^[0-9a-f]{64}\.arrow$/;
const PARTIAL = /^[0-9a-f]{64}\.arrow\.\d+\.partial$/;
/** What a killed process left is not still being written after this long. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Files of predictions by content address, bounded by bytes: the file that was not used for longest goes first. */
export interface CacheFolder {
  readonly dir: string;
  readonly maxBytes: number;
}

export function entryPath({ dir }: CacheFolder, key: string): string {
  return join(dir, `${key}.arrow`);
}

/** Whether a file lies there; what cannot be looked at, and a folder or a pipe of that name, is no entry. */
export function hasEntry(folder: CacheFolder, key: string): boolean {
  try {
    return statSync(entryPath(folder, key), { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

/** A path that no other process writes. Makes the folder where there is none. */
export function partialEntryPath(folder: CacheFolder, key: string): string {
  makeFolders(folder.dir);
  return `${entryPath(folder, key)}.${process.pid}.partial`;
}

/** Marks an entry as used now. One that another process just took away was not needed. */
export function touchEntry(folder: CacheFolder, key: string, now: Date): void {
  try {
    utimesSync(entryPath(folder, key), now, now);
  } catch {
    // gone, or a folder that is read only: then nothing is evicted either
  }
}

export function dropEntry(folder: CacheFolder, key: string): void {
  rmSync(entryPath(folder, key), { force: true });
}

/** Takes entries away, longest unused first, until the folder holds no more than it may. @returns how many */
export function evictEntries({ dir, maxBytes }: CacheFolder, now: Date): number {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) return 0;
  const entries: { readonly path: string; readonly bytes: number; readonly usedMs: number }[] = [];
  for (const name of readdirSync(dir).sort(compareCodeUnits)) {
    const path = join(dir, name);
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined || !info.isFile()) continue;
    if (PARTIAL.test(name) && now.getTime() - info.mtimeMs > STALE_MS) rmSync(path, { force: true });
    if (ENTRY.test(name)) entries.push({ path, bytes: info.size, usedMs: info.mtimeMs });
  }
  entries.sort((a, b) => a.usedMs - b.usedMs);
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  let evicted = 0;
  for (const { path, bytes } of entries) {
    if (total <= maxBytes) break;
    rmSync(path, { force: true });
    total -= bytes;
    evicted += 1;
  }
  return evicted;
}
