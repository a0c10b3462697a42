import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { registerVerifyCommand } from '../../src/cli/verify.ts';
import { CheckFailedError, InputError, type SametapeError } from '../../src/domain/errors.ts';
import { createRunFolder } from '../../src/tape/run-folder.ts';
import { scratch, shortRun, writeTape } from './tapes.ts';

const folders = scratch();
afterAll(folders.remove);
afterEach(() => vi.restoreAllMocks());

function runFolder(records = shortRun(), segmentBytes = 1 << 20): string {
  const dir = folders.path();
  const { tapeDir } = createRunFolder(dir, { existing: 'refuse' });
  writeTape(tapeDir, records, segmentBytes);
  return dir;
}

/** Runs `sametape verify …` and returns what it printed and threw. */
function verify(...args: string[]): { printed: string; error: SametapeError | null } {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const program = new Command().exitOverride();
  registerVerifyCommand(program);
  let error: SametapeError | null = null;
  try {
    program.parse(['verify', ...args], { from: 'user' });
  } catch (thrown) {
    error = thrown as SametapeError;
  }
  const printed = write.mock.calls.map(([text]) => String(text)).join('');
  write.mockRestore();
  return { printed, error };
}

describe('sametape verify', () => {
  it('prints one line for a sound run', () => {
    const { printed, error } = verify(runFolder());
    expect(error).toBeNull();
    expect(printed).toMatch(/^ok: 7 records in 1 segment, chain head [0-9a-f]{64}, closed\n$/);
    expect(verify(runFolder(shortRun(), 300)).printed).toMatch(/in \d segments,/);
  });

  it('says when a run is not closed', () => {
    expect(verify(runFolder(shortRun().slice(0, 3))).printed).toMatch(
      /not closed: .*in progress or crashed\n$/,
    );
  });

  it('fails with exit code 1 and the place of the damage, in one line', () => {
    const dir = runFolder();
    const path = join(dir, 'tape', '000001.jsonl');
    const bytes = readFileSync(path);
    const line3 = bytes.indexOf(10, bytes.indexOf(10) + 1) + 1;
    bytes[line3 + 100] ^= 1;
    writeFileSync(path, bytes);
    const { printed, error } = verify(dir);
    expect(printed).toBe('');
    expect(error).toBeInstanceOf(CheckFailedError);
    expect(error).toMatchObject({ code: 'TAPE_CHAIN_BROKEN', exitCode: 1 });
    expect(error?.message).toMatch(
      new RegExp(
        `^000001\\.jsonl line 3, seq 2, byte ${line3}: chain broken.*; expected [0-9a-f]{64}, found [0-9a-f]{64}$`,
      ),
    );
  });

  it('fails on a torn tape', () => {
    const dir = runFolder(shortRun().slice(0, 4));
    const path = join(dir, 'tape', '000001.jsonl');
    truncateSync(path, readFileSync(path).length - 3);
    expect(verify(dir).error).toMatchObject({ code: 'TAPE_TORN', exitCode: 1 });
  });

  it('--json prints one object, for a damaged tape as well', () => {
    const dir = runFolder();
    const sound = verify(dir, '--json');
    expect(sound.error).toBeNull();
    expect(JSON.parse(sound.printed)).toMatchObject({
      ok: true,
      runDir: dir,
      records: 7,
      segments: 1,
      closed: true,
      fault: null,
    });
    writeFileSync(join(dir, 'tape', 'head.json'), '{}');
    const damaged = verify(dir, '--json');
    expect(damaged.error).toMatchObject({ code: 'TAPE_HEAD_MISMATCH' });
    expect(JSON.parse(damaged.printed)).toMatchObject({
      ok: false,
      fault: { code: 'TAPE_HEAD_MISMATCH', file: 'head.json' },
    });
  });

  it('answers a folder that is no run as wrong input', () => {
    const { error } = verify(folders.path());
    expect(error).toBeInstanceOf(InputError);
    expect(error?.exitCode).toBe(2);
  });
});
