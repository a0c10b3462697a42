import { readFileSync, statSync } from 'node:fs';

/** Why a file was not read, so that whoever asked can say what was expected in its place. */
export type Unreadable =
  | { readonly kind: 'missing'; readonly cause: unknown }
  | { readonly kind: 'not_a_file'; readonly found: 'folder' | 'pipe or device' }
  | { readonly kind: 'too_large'; readonly bytes: number; readonly maxBytes: number }
  | { readonly kind: 'failed'; readonly code: string; readonly cause: unknown };

/** Reads a whole file that should be a small one; never waits for a pipe, never fills the memory. */
export function readBounded(
  path: string,
  { maxBytes }: { readonly maxBytes: number },
): { readonly kind: 'read'; readonly bytes: Buffer } | Unreadable {
  const problem = problemOfFile(path, { maxBytes });
  if (problem !== undefined) return problem;
  try {
    return { kind: 'read', bytes: readFileSync(path) };
  } catch (cause) {
    return failed(cause);
  }
}

/** Looks before anything is opened: opening a pipe would wait for a writer. @returns undefined for a regular file */
export function problemOfFile(
  path: string,
  { maxBytes = Number.MAX_SAFE_INTEGER }: { readonly maxBytes?: number } = {},
): Unreadable | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) {
      return { kind: 'not_a_file', found: stat.isDirectory() ? 'folder' : 'pipe or device' };
    }
    return stat.size > maxBytes ? { kind: 'too_large', bytes: stat.size, maxBytes } : undefined;
  } catch (cause) {
    return failed(cause);
  }
}

/** The problem in words that go behind the name of the file. */
export function describeUnreadable(problem: Unreadable): string {
  switch (problem.kind) {
    case 'missing':
      return 'no such file';
    case 'not_a_file':
      return `is a ${problem.found}, expected a file`;
    case 'too_large':
      return `${problem.bytes} bytes, expected at most ${problem.maxBytes}`;
    case 'failed':
      return `cannot be read (${problem.code})`;
  }
}

function failed(cause: unknown): Unreadable {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? { kind: 'missing', cause }
    : { kind: 'failed', code, cause };
}
