import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { type Ended, launcher, node, projectRoot, sametape } from './sametape.ts';

const ESCAPE = String.fromCharCode(27);
const quickstart = join(projectRoot, 'scenarios/quickstart.yaml');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sametape-cli-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs one command line in this process: quicker than a process each, for what does not depend on one. */
async function here(args: readonly string[]): Promise<Ended> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const code = await main(args);
    const textOf = (spy: typeof out) => spy.mock.calls.map(([text]) => String(text)).join('');
    return { code, stdout: textOf(out), stderr: textOf(err) };
  } finally {
    process.exitCode = undefined;
    out.mockRestore();
    err.mockRestore();
  }
}

describe('exit codes and messages', () => {
  it.each([
    ['--version', /^\d+\.\d+\.\d+\n$/],
    ['--help', /Examples:[\s\S]*Exit codes:/],
    ['help run', /--set <key=value>/],
    [`config validate ${quickstart}`, /^ok {2}.*quickstart\.yaml/],
  ])('0 and nothing on stderr: %s', async (line, expected) => {
    const { code, stdout, stderr } = await here(line.split(' '));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(expected);
  });

  it.each([
    ['rn', "sametape: unknown command 'rn' (Did you mean run?)\n"],
    ['run --jsn x', "sametape: unknown option '--jsn' (Did you mean --json?)\n"],
    ['--nothing', "sametape: unknown option '--nothing'\n"],
    ['run', "sametape: missing required argument 'scenario'\n"],
    [
      'help rn',
      expect.stringMatching(/^sametape: help: unknown command "rn"; expected one of run, paper, [^\n]+\n$/),
    ],
    [
      `promote ${quickstart}`,
      'sametape: broker.source: simulated has no account for the dry fire; expected one of alpaca, ibkr, or --skip-dry-fire-reason with why it is left out\n',
    ],
    [
      `promote ${quickstart} --set broker.source=alpaca`,
      expect.stringMatching(
        /^sametape: broker\.credentials\.keyId: .*such as [^\n]+: \$\{env:BROKER_KEY_ID\}\n$/,
      ),
    ],
    [
      'data inspect gone',
      'sametape: dataset gone: no manifest.json there; name a folder made by "sametape data import" or "data synth"\n',
    ],
    [
      `paper ${quickstart} --sessions 2`,
      expect.stringMatching(
        /^sametape: --sessions: is for markets that go on; of a dataset, data\.from [^\n]+\n$/,
      ),
    ],
    ['run a b', "sametape: too many arguments for 'run'. Expected 1 argument but got 2.\n"],
    ['config shw', "sametape: unknown command 'shw' (Did you mean show?)\n"],
    ['run gone.yaml', 'sametape: gone.yaml: no such file; give the path of a scenario .yaml file\n'],
    [
      `run ${quickstart} --set seed`,
      'sametape: --set seed: expected key=value, such as --set sizing.grossTarget=0.4\n',
    ],
    [
      `run ${quickstart} --set sizing.bamd=1`,
      'sametape: --set sizing.bamd=...: unknown key "bamd" in sizing; did you mean "band"?\n',
    ],
  ])('2, one line on stderr and nothing on stdout: %s', async (line, expected) => {
    expect(await here(line.split(' '))).toEqual({ code: 2, stdout: '', stderr: expected });
  });

  it('2 with the help on stderr where a command is missing', async () => {
    const none = await here([]);
    const config = await here(['config']);
    expect([none.code, config.code, none.stdout, config.stdout]).toEqual([2, 2, '', '']);
    expect(none.stderr).toContain('Examples:');
    expect(config.stderr).toContain('validate [options] <scenario>');
  });

  it('hostile scenarios give 2 and one line, and leave nothing behind', async () => {
    const file = join(folder, 'hostile.yaml');
    const out = join(folder, 'out');
    writeFileSync(file, '['.repeat(200_000));
    const { code, stdout, stderr } = await sametape(['run', file, '--out', out]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringContaining('hostile.yaml:1:17: nested more than 16'),
    ]);
    expect(existsSync(out)).toBe(false);
  });

  it('lists every problem of a scenario, one a line', async () => {
    const { code, stderr } = await sametape([
      ...['config', 'validate', quickstart],
      ...['--set', 'seed=x', '--set', 'risk.dailyLos=1'],
    ]);
    expect(code).toBe(2);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'sametape: --set seed=x: seed: expected a whole number from 0 to 4294967295, found "x"',
      'sametape: --set risk.dailyLos=...: unknown key "dailyLos" in risk; did you mean "dailyLoss"?',
    ]);
  });
});

describe('output', () => {
  it('is one JSON object with --json', async () => {
    const { code, stdout } = await sametape(['config', 'show', quickstart, '--json']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'quickstart', engine: { seed: 1 } });
  });

  it('has no colours in a pipe, whatever the environment asks for', async () => {
    const env = { FORCE_COLOR: '1', COLORTERM: 'truecolor', TERM: 'xterm-256color' };
    const ends = await Promise.all([
      sametape(['--help'], { env }),
      sametape(['config', 'validate', quickstart], { env }),
      sametape(['run', 'gone.yaml'], { env }),
    ]);
    for (const { stdout, stderr } of ends) expect(stdout + stderr).not.toContain(ESCAPE);
  });

  it('does not depend on the working directory, TZ or LANG', async () => {
    const args = ['config', 'show', quickstart, '--json'];
    const [one, other] = await Promise.all([
      sametape(args),
      sametape(args, {
        cwd: folder,
        env: { TZ: 'Asia/Kolkata', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
      }),
    ]);
    expect(other).toEqual(one);
  });

  it.skipIf(!existsSync('/dev/full'))(
    'says in one line that it cannot be written, as on a full disk',
    async () => {
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [launcher, 'config', 'schema'], {
        stdio: ['ignore', full, 'pipe'],
      });
      let stderr = '';
      child.stderr?.on('data', (chunk) => {
        stderr += chunk;
      });
      const code = await new Promise((done) => child.on('close', done));
      closeSync(full);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: 'sametape: the output cannot be written (no space left on the disk)\n',
      });
    },
  );

  it('survives a reader that closes the pipe at once', async () => {
    const child = spawn(process.execPath, [launcher, 'config', 'schema'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const code = await new Promise((done) => child.on('close', done));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('start-up', () => {
  it('loads none of the heavy packages for help', async () => {
    const script = `
      import { register } from 'tsx/esm/api';
      register();
      const { main } = await import(${JSON.stringify(new URL('../../src/cli/main.ts', import.meta.url).href)});
      process.stdout.write = () => true;
      await main(['--help']);
      const { createRequire } = await import('node:module');
      const loaded = Object.keys(createRequire(import.meta.url).cache);
      process.stderr.write(loaded.filter((path) => /onnxruntime|apache-arrow|hyparquet|zod|rxjs|@stdlib/.test(path)).join());
    `;
    const { code, stderr } = await node(['--input-type=module', '-e', script]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
