import { readFileSync, statSync } from 'node:fs';
import { InputError } from '../domain/errors.ts';

/** A scenario of ten thousand symbols fits well within this. */
export const MAX_SCENARIO_BYTES = 256 * 1024;

/**
 * Reads a small UTF-8 text file.
 * @param path where it is; `name` is what messages call it
 * @throws InputError SCENARIO_UNREADABLE when it is missing, no regular file, too large or not UTF-8
 */
export function readScenarioText({ path, name }: { readonly path: string; readonly name: string }): string {
  const bytes = readBounded(path, name);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(`${name}: not UTF-8 text; save the scenario as UTF-8`, cause);
  }
}

function readBounded(path: string, name: string): Uint8Array {
  try {
    // Asked before opening: opening a pipe would wait for a writer.
    const stat = statSync(path);
    if (!stat.isFile()) throw unreadable(`${name}: expected a scenario .yaml file, found a folder or device`);
    if (stat.size > MAX_SCENARIO_BYTES) {
      throw unreadable(`${name}: ${stat.size} bytes; a scenario is at most ${MAX_SCENARIO_BYTES}`);
    }
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    throw unreadable(
      `${name}: ${isMissing ? 'no such file; give the path of a scenario .yaml file' : `cannot be read (${code})`}`,
      cause,
    );
  }
}

function unreadable(message: string, cause?: unknown): InputError {
  return new InputError('SCENARIO_UNREADABLE', message, { cause });
}
