import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import { createFileTape, resumeFileTape } from '../../src/tape/file-tape.ts';
import { recoverTape } from '../../src/tape/recover.ts';
import { lockTape } from '../../src/tape/tape-lock.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { entryOf } from './entries.ts';
import { record, scratch } from './tapes.ts';

const folders = scratch();
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  folders.remove();
});

const writerProgram = fileURLToPath(new URL('writer-process.ts', import.meta.url));

/** Another process that writes the tape until it is killed, and says the last sequence number it made durable. */
async function startWriter(dir: string): Promise<{ child: ChildProcess; lastSeq: () => number }> {
  const child = spawn(process.execPath, ['--import', 'tsx', writerProgram, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let last = -1;
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  lines.on('line', (line) => {
    last = Number(line);
  });
  await once(lines, 'line');
  return { child, lastSeq: () => last };
}

const locksIn = (dir: string): string[] => readdirSync(dir).filter((name) => name.endsWith('.lock'));

describe('one writer a tape', () => {
  it('a second one in the same process is refused, until the first has closed', () => {
    const dir = folders.path();
    const tape = createFileTape({ dir, durable: false });
    for (const again of [
      () => createFileTape({ dir, durable: false }),
      () => resumeFileTape({ dir, durable: false }),
    ]) {
      expect(again).toThrow(InputError);
      expect(again).toThrow(/^[^\n]*one writer at a time[^\n]*this process writes it already$/);
    }
    tape.append(entryOf(record(0, 'RunStarted')));
    tape.close();
    expect(locksIn(dir)).toEqual([]);
    resumeFileTape({ dir, durable: false }).tape.close();
    expect(locksIn(dir)).toEqual([]);
  });

  it('another process is refused while it lives; killed at any moment, it loses nothing it made durable', async () => {
    const dir = folders.path();
    const { child, lastSeq } = await startWriter(dir);
    expect(() => createFileTape({ dir, durable: false })).toThrow(
      new RegExp(`process ${child.pid} writes it`),
    );
    expect(() => recoverTape(dir)).toThrow(InputError);
    expect(locksIn(dir)).toHaveLength(1);
    while (lastSeq() < 200) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await once(child, 'close');

    const { tape, recovery } = resumeFileTape({ dir, durable: false });
    expect(recovery.records).toBeGreaterThan(lastSeq());
    tape.append(entryOf(record(tape.nextSeq, 'RunStopped')));
    tape.close();
    expect(verifyTape(dir)).toMatchObject({ fault: null, isClosed: true });
    expect(locksIn(dir)).toEqual([]);
  });

  it('a lock of a process that is gone, or of an earlier one with the same id, is taken over', () => {
    const dir = folders.path();
    createFileTape({ dir, durable: false }).close();
    const own = lockTape(dir);
    const [name] = locksIn(dir);
    own.release();
    const [, host, pid] = /^writer\.(.+)\.(\d+)\.\w+\.lock$/.exec(name) ?? [];
    writeFileSync(join(dir, `writer.${host}.4194999.77.lock`), '');
    if (process.platform === 'linux') writeFileSync(join(dir, `writer.${host}.${pid}.1.lock`), '');
    lockTape(dir).release();
    expect(locksIn(dir)).toEqual([]);
  });

  it('a lock held on another host is never taken over', () => {
    const dir = folders.path();
    createFileTape({ dir, durable: false }).close();
    writeFileSync(join(dir, 'writer.elsewhere.1.1.lock'), '');
    expect(() => lockTape(dir)).toThrow(/process 1 on host elsewhere .*remove the file if that is gone/);
    expect(locksIn(dir)).toEqual(['writer.elsewhere.1.1.lock']);
  });

  it('files that only look like locks do not count, and a lock needs a folder', () => {
    const dir = folders.path();
    createFileTape({ dir, durable: false }).close();
    writeFileSync(join(dir, 'package.lock'), '');
    lockTape(dir).release();
    expect(locksIn(dir)).toEqual(['package.lock']);
    expect(() => lockTape(folders.path())).toThrow(/cannot be created \(ENOENT\)/);
  });
});
