import { CommanderError } from 'commander';
import { InvariantError, SametapeError } from '../domain/errors.ts';

/** What the process ends with; documented in `sametape --help`. */
export const EXIT = { ok: 0, checkFailed: 1, badInput: 2, internal: 3, interrupted: 130 } as const;

/** Failures of the operating system that the user can do something about, in words. */
const SYSTEM: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'already exists',
  EISDIR: 'is a folder',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or folder',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};

export interface Failure {
  readonly exitCode: number;
  /** One line for stderr; empty where the message is out already. */
  readonly message: string;
}

/** Says in one line what went wrong and what to do, and which exit code that is. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CommanderError) {
    return { exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.badInput, message: '' };
  }
  if (error instanceof SametapeError && !(error instanceof InvariantError)) {
    return { exitCode: error.exitCode, message: oneLine(error.message) };
  }
  const system = systemMessage(error);
  if (system !== undefined) return { exitCode: EXIT.badInput, message: system };
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    exitCode: EXIT.internal,
    message: `internal error: ${oneLine(what)} - this is a bug in sametape; please report the command and "sametape --version" (SAMETAPE_DEBUG=1 adds the stack)`,
  };
}

/** A failure of the operating system in words, by its code where we have none. */
export function systemText({ code }: NodeJS.ErrnoException): string {
  return SYSTEM[code ?? ''] ?? code ?? 'unknown reason';
}

function systemMessage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const text = code === undefined || syscall === undefined ? undefined : SYSTEM[code];
  if (text === undefined) return undefined;
  return oneLine(`${path === undefined ? '' : `${path}: `}${text} (${syscall})`);
}

const ESCAPE = String.fromCharCode(27);
const COLOUR_CODES = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');

/** Line breaks become spaces and colours go: an error is one line, whatever it quotes. */
export function oneLine(text: string): string {
  return text
    .replace(COLOUR_CODES, '')
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .trim();
}
