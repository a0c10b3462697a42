import { InputError } from '../domain/errors.ts';
import { describeUnreadable, readBounded } from '../files/read-bounded.ts';

/** A scenario of ten thousand symbols fits well within this. */
export const MAX_SCENARIO_BYTES = 256 * 1024;

/**
 * Reads a small UTF-8 text file.
 * @param path where it is; `name` is what messages call it
 * @throws InputError SCENARIO_UNREADABLE when it is missing, no regular file, too large or not UTF-8
 */
export function readScenarioText({ path, name }: { readonly path: string; readonly name: string }): string {
  const bytes = readBytes(path, name);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(`${name}: not UTF-8 text; save the scenario as UTF-8`, cause);
  }
}

function readBytes(path: string, name: string): Uint8Array {
  const result = readBounded(path, { maxBytes: MAX_SCENARIO_BYTES });
  switch (result.kind) {
    case 'read':
      return result.bytes;
    case 'not_a_file':
      throw unreadable(`${name}: expected a scenario .yaml file, found a folder or device`);
    case 'too_large':
      throw unreadable(`${name}: ${result.bytes} bytes; a scenario is at most ${result.maxBytes}`);
    case 'missing':
      throw unreadable(`${name}: no such file; give the path of a scenario .yaml file`, result.cause);
    case 'failed':
      throw unreadable(`${name}: ${describeUnreadable(result)}`, result.cause);
  }
}

function unreadable(message: string, cause?: unknown): InputError {
  return new InputError('SCENARIO_UNREADABLE', message, { cause });
}
