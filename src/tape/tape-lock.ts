import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../domain/errors.ts';

/**
 * One writer a tape. Everything about a writer is in the name of its lock file, so a lock is never half written, and
 * no two writers share a name: each creates its own and then looks for others. Of two that start at the same moment
 * at least one sees the other and withdraws; neither can remove a live one's file by mistake.
 */
export interface TapeLock {
  release(): void;
}

interface LockHolder {
  readonly host: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot, where the system tells; tells a reused pid from its first owner. */
  readonly startTicks: string;
}

const UNKNOWN_START = 'x';

/** @throws InputError TAPE_LOCKED when a live process, this one included, writes the tape */
export function lockTape(dir: string): TapeLock {
  return lockFolder(dir, {
    note: '',
    refusal: (name, why) =>
      new InputError('TAPE_LOCKED', `tape ${dir}: one writer at a time (${name}): ${why}`),
  });
}

export interface FolderLock {
  /** For whoever finds it locked; what is in a name is there at once, and this a moment later. */
  readonly note: string;
  readonly refusal: (name: string, why: string) => InputError;
}

/** Locks a folder that is there, whatever is in it besides. */
export function lockFolder(dir: string, lock: FolderLock): TapeLock {
  const self: LockHolder = {
    host: ownHost(),
    pid: process.pid,
    startTicks: processStat(process.pid)?.startTicks ?? UNKNOWN_START,
  };
  const name = `writer.${self.host}.${self.pid}.${self.startTicks}.lock`;
  const path = join(dir, name);
  create(path, name, lock);
  try {
    for (const other of readdirSync(dir)) if (other !== name) removeOrRefuse(dir, other, { self, ...lock });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return { release: () => rmSync(path, { force: true }) };
}

/** Who writes a tape now, found without taking the lock; undefined where nobody does. */
export function tapeWriterOf(dir: string): { readonly host: string; readonly pid: number } | undefined {
  for (const name of existsSync(dir) ? readdirSync(dir) : []) {
    const holder = holderOf(name);
    // of another host it cannot be told, so it counts
    if (holder !== undefined && (holder.host !== ownHost() || isAlive(holder))) return holder;
  }
  return undefined;
}

function ownHost(): string {
  return hostname().replace(/[^A-Za-z0-9-]/g, '-') || 'localhost';
}

function holderOf(name: string): LockHolder | undefined {
  const match = /^writer\.([A-Za-z0-9-]+)\.(\d+)\.(\d+|x)\.lock$/.exec(name);
  return match === null ? undefined : { host: match[1], pid: Number(match[2]), startTicks: match[3] };
}

function create(path: string, name: string, { note, refusal }: FolderLock): void {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, note);
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      const { code } = error as NodeJS.ErrnoException;
      throw new InputError(
        'TAPE_UNWRITABLE',
        `${path}: cannot be created (${code}); expected a writable folder`,
        {
          cause: error,
        },
      );
    }
    throw refusal(name, 'this process writes it already');
  }
}

function removeOrRefuse(
  dir: string,
  name: string,
  { self, refusal }: FolderLock & { readonly self: LockHolder },
): void {
  const holder = holderOf(name);
  if (holder === undefined) return;
  if (holder.host !== self.host) {
    throw refusal(
      name,
      `process ${holder.pid} on host ${holder.host} holds it; remove the file if that is gone`,
    );
  }
  if (isAlive(holder)) throw refusal(name, `process ${holder.pid} writes it; wait for it or stop it`);
  rmSync(join(dir, name), { force: true });
}

function isAlive({ pid, startTicks }: LockHolder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const stat = processStat(pid);
  if (stat === null) return true;
  const hasExited = stat.state === 'Z' || stat.state === 'X';
  return !hasExited && (startTicks === UNKNOWN_START || stat.startTicks === startTicks);
}

/** From Linux's process table; null elsewhere. */
function processStat(pid: number): { readonly state: string; readonly startTicks: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // the second field is the program's name in parentheses and may hold anything; fields are counted after it
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], startTicks: fields[19] };
  } catch {
    return null;
  }
}
