import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { lockFolder, type TapeLock } from './tape-lock.ts';

export interface AccountLockOptions {
  /** Where programs of this user keep their state. */
  readonly stateDir: string;
  /** SHA-256 of broker and account: names the lock, and tells nobody which account it is. */
  readonly accountSha256: string;
  /** Who is to be stopped, for another that finds it locked. */
  readonly runDir: string;
}

/** As the XDG base directory specification has it. */
export function userStateDir(environment: Readonly<Record<string, string | undefined>>): string {
  const { XDG_STATE_HOME: named } = environment;
  return join(
    named !== undefined && isAbsolute(named) ? named : join(homedir(), '.local', 'state'),
    'sametape',
  );
}

/**
 * One run an account, of this user on this machine, whatever its scenario and wherever its folder: two would take each
 * other's orders for strange ones and size by each other's cash.
 * @throws InputError ACCOUNT_LOCKED
 */
export function lockAccount({ stateDir, accountSha256, runDir }: AccountLockOptions): TapeLock {
  const dir = join(stateDir, 'accounts', accountSha256.slice(0, 32));
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new InputError(
      'ACCOUNT_UNLOCKABLE',
      `${dir}: cannot be created (${(error as NodeJS.ErrnoException).code}); it keeps other runs off this account: set XDG_STATE_HOME to a folder that can be written`,
      { cause: error },
    );
  }
  return lockFolder(dir, {
    note: runDir,
    refusal: (name, why) =>
      new InputError(
        'ACCOUNT_LOCKED',
        `this account is traded by ${runOf(join(dir, name))}: one run an account at a time (${join(dir, name)}): ${why}`,
      ),
  });
}

function runOf(file: string): string {
  try {
    return readFileSync(file, 'utf8') || 'a run that is just beginning';
  } catch {
    return 'another run';
  }
}
