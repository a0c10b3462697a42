import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { LiveOptions } from '../../src/modes/live-options.ts';
import { lockAccount, userStateDir } from '../../src/tape/account-lock.ts';
import { liveDay, playDay, scratch } from './live-day.ts';

const root = scratch('account-lock');
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ACCOUNT = 'a'.repeat(64);
const HOST = hostname().replace(/[^A-Za-z0-9-]/g, '-');

/** What a process leaves that trades the account in a run of its own. */
function tradedBy(stateDir: string, pid: number): string {
  const dir = join(stateDir, 'accounts', ACCOUNT.slice(0, 32));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, `writer.${HOST}.${pid}.x.lock`), '/elsewhere/runs/other-0123456789ab');
  return dir;
}

it('refuses an account that another process trades in another folder, and names its run', () => {
  const stateDir = join(root, 'other');
  const dir = tradedBy(stateDir, process.ppid);
  const lock = (accountSha256: string) => lockAccount({ stateDir, accountSha256, runDir: '/runs/mine' });
  expect(() => lock(ACCOUNT)).toThrow(
    /^this account is traded by \/elsewhere\/runs\/other-0123456789ab: [^\n]*process \d+ writes it[^\n]*$/,
  );
  expect(readdirSync(dir)).toHaveLength(1);
  lock('b'.repeat(64)).release();
});

it('takes an account over from a process that is gone, and leaves nothing behind', () => {
  const stateDir = join(root, 'gone');
  // beyond the highest number a process can have
  const dir = tradedBy(stateDir, 4_999_999);
  lockAccount({ stateDir, accountSha256: ACCOUNT, runDir: '/runs/mine' }).release();
  expect(readdirSync(dir)).toEqual([]);
});

it('says what to do where the lock cannot be made', () => {
  writeFileSync(join(root, 'file'), '');
  const options = { stateDir: join(root, 'file'), accountSha256: ACCOUNT, runDir: '/runs/mine' };
  expect(() => lockAccount(options)).toThrow(/cannot be created \(ENOTDIR\).*set XDG_STATE_HOME/);
});

it("is kept where the user's programs keep their state", () => {
  expect(userStateDir({ XDG_STATE_HOME: '/var/me' })).toBe('/var/me/sametape');
  for (const unset of [{}, { XDG_STATE_HOME: '' }, { XDG_STATE_HOME: 'here' }]) {
    expect(userStateDir(unset)).toMatch(/^\/.*\/\.local\/state\/sametape$/);
  }
});

it('a run holds its account from before anybody is asked until it has ended', async () => {
  const stateDir = join(root, 'run');
  const dirs: string[] = [];
  const run = async (name: string, accountId: string, confirm: NonNullable<LiveOptions['confirm']>) => {
    const stop = new AbortController();
    const day = await liveDay(join(root, name), { signal: stop.signal });
    return playDay({
      clock: day.clock,
      options: {
        ...day.options,
        openBroker: async (spec) => ({
          ...(await day.options.openBroker(spec)),
          getAccountId: async () => accountId,
        }),
        lockAccount: (account) => {
          dirs.push(account.runDir);
          return lockAccount({ ...account, stateDir });
        },
        confirm,
        attach: ({ derived$ }) => derived$.subscribe(() => stop.abort()),
      },
    });
  };
  let others = 0;
  await run('one', 'DU1', async () => {
    others += 1;
    const asked = async () => {
      others += 1;
    };
    await expect(run('two', 'DU1', asked)).rejects.toMatchObject({ code: 'ACCOUNT_LOCKED' });
    await run('three', 'DU2', asked);
  });
  expect(others).toBe(2);
  expect(dirs).toHaveLength(3);
  for (const dir of readdirSync(join(stateDir, 'accounts')))
    expect(readdirSync(join(stateDir, 'accounts', dir))).toEqual([]);
});
