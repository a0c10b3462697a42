import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const MAX_SECRET_BYTES = 4096;

/** A secret, or why its file is not trusted with one: words that go behind its name, and quote nothing of it. */
export type SecretFile =
  | { readonly kind: 'read'; readonly value: string }
  | { readonly kind: 'refused'; readonly problem: string };

/**
 * Reads a file that holds one secret on one line. It must be a regular file (no symbolic link) of the user who asks,
 * which nobody else may read or write. What is looked at is what is read: the file is opened once, without waiting.
 */
export function readSecretFile(path: string): SecretFile {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return refused(describeOpen((error as NodeJS.ErrnoException).code));
  }
  try {
    const stat = fstatSync(fd);
    const uid = process.getuid?.();
    if (!stat.isFile()) return refused('is not a regular file; write the secret into one');
    if (uid !== undefined && stat.uid !== uid) {
      return refused(`belongs to user ${stat.uid}, expected yours (${uid}); copy it with mode 600`);
    }
    if ((stat.mode & 0o177) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(3, '0');
      return refused(
        `has mode ${mode}, expected 600; run "chmod 600" on it, and change the secret if others could read it`,
      );
    }
    if (stat.size > MAX_SECRET_BYTES) {
      return refused(
        `holds ${stat.size} bytes, expected at most ${MAX_SECRET_BYTES}: one secret on one line`,
      );
    }
    return parse(readAll(fd));
  } catch (error) {
    return refused(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  } finally {
    closeSync(fd);
  }
}

function describeOpen(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist; write the secret into it, with mode 600';
    case 'ELOOP':
      return 'is a symbolic link; name the file itself';
    case 'EACCES':
      return 'may not be read; expected a file of your own with mode 600';
    default:
      return `cannot be opened (${code ?? 'unknown error'})`;
  }
}

/** One byte more than is allowed at most: a file may grow while it is read. */
function readAll(fd: number): Buffer {
  const buffer = Buffer.alloc(MAX_SECRET_BYTES + 1);
  let length = 0;
  for (;;) {
    const got = readSync(fd, buffer, length, buffer.length - length, null);
    length += got;
    if (got === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}

function parse(bytes: Buffer): SecretFile {
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (bytes.length > MAX_SECRET_BYTES) return refused(`holds more than ${MAX_SECRET_BYTES} bytes`);
  if (text === '') return refused('is empty; write the secret into it');
  if (!isUtf8(bytes) || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) {
    return refused('holds more than one line of text, expected one secret on one line');
  }
  return { kind: 'read', value: text };
}

function refused(problem: string): SecretFile {
  return { kind: 'refused', problem };
}
