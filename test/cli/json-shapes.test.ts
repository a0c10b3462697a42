import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { JSON_SHAPES, type JsonShape, jsonHelp } from '../../src/cli/json-shapes.ts';
import { createProgram, main } from '../../src/cli/main.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';
import { launcher, projectRoot } from './sametape.ts';

type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

/** Where an object is not what its shape says: keys that nothing tells of, and keys that are told of and not there. */
function differences(value: Value, shape: JsonShape): string[] {
  const told = Object.keys(shape).map((path) => path.replace(/\?$/, ''));
  const seen = new Set<string>();
  const strange = new Set<string>();
  const visit = (inner: Value, path: string): void => {
    if (told.includes(path)) {
      seen.add(path);
      return;
    }
    const isOnTheWay =
      path === '' || told.some((one) => one.startsWith(path) && /^[.[]/.test(one.slice(path.length)));
    if (!isOnTheWay || inner === null || typeof inner !== 'object') {
      strange.add(path);
    } else if (Array.isArray(inner)) {
      // a list that may be empty has its rows told of with a question mark
      if (inner.length === 0) seen.add(path);
      for (const row of inner) visit(row, `${path}[]`);
    } else {
      const isOpen = told.includes(path === '' ? '*' : `${path}.*`);
      for (const [key, child] of Object.entries(inner)) {
        visit(child, [...(path === '' ? [] : [path]), isOpen ? '*' : key].join('.'));
      }
    }
  };
  visit(value, '');
  const missing = Object.keys(shape).filter((path) => !path.endsWith('?') && !seen.has(path));
  return [
    ...[...strange].map((path) => `not told of: ${path}`),
    ...missing.map((path) => `not there: ${path}`),
  ];
}

describe('the difference of an object and its shape', () => {
  const shape = { ok: '', 'rows[].a': '', 'rows[].b?': '', 'kinds.*': '' };

  it.each<[Value, string[]]>([
    [{ ok: true, rows: [{ a: 1 }], kinds: { x: 1 } }, []],
    [{ ok: true, rows: [{ a: 1, b: {} }, { a: 2 }], kinds: { x: 1, y: 2 } }, []],
    [{ rows: [{ a: 1 }], kinds: { x: 1 } }, ['not there: ok']],
    [{ ok: true, rows: [{ c: 1 }], kinds: { x: 1 } }, ['not told of: rows[].c', 'not there: rows[].a']],
    [{ ok: true, extra: 1, rows: [{ a: 1 }], kinds: { x: 1 } }, ['not told of: extra']],
  ])('of %j is %j', (value, expected) => {
    expect(differences(value, shape)).toEqual(expected);
  });
});

describe('what --json prints is what "sametape help json" says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sametape-json-'));
  const path = (...parts: string[]): string => join(folder, ...parts);
  const printed = new Map<string, Value>();
  let twin: AlpacaTwin;
  let paper: ChildProcess;

  /** Runs a command line in this process. @returns what it prints to standard output */
  async function printedBy(...args: string[]): Promise<string> {
    let text = '';
    const keep = (part: unknown): true => {
      text += String(part);
      return true;
    };
    const out = vi.spyOn(process.stdout, 'write').mockImplementation(keep);
    try {
      const code = await main(args);
      process.exitCode = undefined;
      if (code > 1) throw new Error(`exit code ${code} of ${args.join(' ')}`);
    } finally {
      out.mockRestore();
    }
    return text;
  }

  async function json(command: string, ...args: string[]): Promise<Value> {
    const text = await printedBy(...args, '--json');
    expect(text.endsWith('}\n') && text.indexOf('\n') === text.length - 1, `${command}: ${text}`).toBe(true);
    const value = JSON.parse(text) as Value;
    printed.set(command, value);
    return value;
  }

  beforeAll(async () => {
    const [market, models, scenario] = [path('market'), path('models'), path('small.yaml')];
    const dates = '2024-01-02..2024-01-03';
    await json('data synth', ...`data synth --out ${market} --symbols 2 --sessions 3 --seed 7`.split(' '));
    await json('data inspect', 'data', 'inspect', market);
    await json(
      'models train',
      ...`models train --dataset ${market} --sessions ${dates} --out ${models}`.split(' '),
      ...'--horizons 5m --families Ridge --no-barrier --no-sequence'.split(' '),
    );
    await json('models inspect', 'models', 'inspect', models);
    writeFileSync(
      scenario,
      `name: small\ndata: { dataset: market, from: 2024-01-04, to: 2024-01-04 }\nmodels: { runRoot: models }\nhorizons: [5m]\narbitration: { entryThresholdBps: 0.1 }\n`,
    );
    const run = (await json('run, paper, live', 'run', scenario, '--out', path('runs'), '--no-cache')) as {
      runDir: string;
    };
    await json('runs', 'runs', path('runs'));
    await json('replay', 'replay', run.runDir);
    await json('diff', 'diff', run.runDir, run.runDir);
    await json('fork', 'fork', run.runDir, '--at', '60', '--set', 'sizing.grossTarget=0.1');
    const paperRun = await printedBy('paper', scenario, '--speed', 'max', '--out', path('played'), '--json');
    await json('shadow', 'shadow', (JSON.parse(paperRun) as { runDir: string }).runDir);
    const vary = ['--vary', 'sizing.grossTarget=0.1', '--split', '2024-01-04', '--out', path('sweeps')];
    await json('sweep', 'sweep', scenario, '--set', 'data.from=2024-01-03', '--no-cache', ...vary);
    await json('explain, a list', 'explain', run.runDir);
    await json('explain, of one decision', 'explain', run.runDir, '--cycle', '60', '--symbol', 'AAA');
    await json('verify', 'verify', run.runDir);
    await json('recover', 'recover', run.runDir);
    await damagedTape(run.runDir);
    await json('report', 'report', run.runDir);
    await json('export', 'export', run.runDir, '--out', path('export'));
    const golden = ['--golden', path('golden')];
    await printedBy('golden', 'update', scenario, '--reason', 'made for this test', ...golden);
    await json('golden check', 'golden', 'check', scenario, ...golden);
    await json('audit look-ahead', 'audit', 'look-ahead', scenario, '--cuts', '1');
    const certificate = ['--out', path('c.json'), '--cuts', '1', '--skip-dry-fire-reason', 'no broker here'];
    await json('promote', 'promote', scenario, ...golden, ...certificate);
    await json('config show', 'config', 'show', scenario);
    await json('config diff', 'config', 'diff', scenario);
    const csv =
      'start,symbol,open,high,low,close,volume\n2024-01-02 09:30,AAA,1,2,1,2,5\n2024-01-02 09:31,AAA,1,2,3,2,5\n';
    writeFileSync(path('bars.csv'), csv);
    await json(
      'data import',
      'data',
      'import',
      path('bars.csv'),
      '--out',
      path('imported'),
      ...'--on-bad drop --time-zone new_york'.split(' '),
    );
    twin = await startAlpacaTwin();
    await json('flatten', 'flatten', ...flattenOptions());
    await spokenTo();
  }, 120_000);

  /** What verify says of a damaged tape, every command says that reads it. */
  async function damagedTape(runDir: string): Promise<void> {
    const damaged = path('damaged');
    cpSync(runDir, damaged, { recursive: true });
    const tape = join(damaged, 'tape', '000001.jsonl');
    truncateSync(tape, statSync(tape).size >> 1);
    const { fault } = JSON.parse(await printedBy('verify', damaged, '--json')) as { fault: { file: string } };
    const inFolder = { ...fault, file: join(damaged, 'tape', fault.file) };
    for (const [expected, ...args] of [
      [fault, 'replay', damaged],
      [fault, 'explain', damaged],
      [fault, 'explain', damaged, '--cycle', '380', '--symbol', 'AAA'],
      [inFolder, 'diff', damaged, runDir],
      [inFolder, 'diff', runDir, damaged],
      [fault, 'report', damaged],
      [fault, 'export', damaged, '--out', path('of-damaged')],
      [fault, 'recover', damaged],
      [fault, 'fork', damaged, '--at', '3'],
    ] as const) {
      const found = await json('any command, of a damaged tape', ...args);
      expect(found, args.join(' ')).toEqual({ ok: false, fault: expected });
    }
  }

  afterAll(async () => {
    paper?.kill('SIGKILL');
    await twin?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function flattenOptions(): string[] {
    const keys = path('keys');
    for (const name of ['keyId', 'secretKey'] as const) {
      writeFileSync(`${keys}.${name}`, twin.keys[name], { mode: 0o600 });
    }
    const set = [
      `broker.alpaca.tradingUrl=${twin.tradingUrl}`,
      `broker.alpaca.streamUrl=${twin.streamUrl}`,
      `broker.credentials.keyId=\${file:${keys}.keyId}`,
      `broker.credentials.secretKey=\${file:${keys}.secretKey}`,
    ].flatMap((text) => ['--set', text]);
    return ['--broker', 'alpaca', '--scenario', path('small.yaml'), '--yes', ...set];
  }

  /** A run on paper in a process of its own, for as long as it is spoken to. */
  async function spokenTo(): Promise<void> {
    paper = spawn(
      process.execPath,
      [launcher, 'paper', path('small.yaml'), '--out', path('paper'), '--speed', '60'],
      {
        cwd: projectRoot,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const runDir = await new Promise<string>((found) => {
      let said = '';
      paper.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const dir = /sametape: run (.+)\n/.exec(said)?.[1];
        if (dir !== undefined) found(dir);
      });
    });
    await json('ctl, other commands', 'ctl', runDir, 'pause');
    await json('ctl, status', 'ctl', runDir, 'status');
  }

  it('for every command that has the option', async () => {
    const named = Object.keys(JSON_SHAPES).flatMap((key) => key.split(', '));
    for (const { name } of COMMANDS) {
      const program = await createProgram([name, '--help']);
      const below = (command: Command, path: string): string[] => [
        ...(command.options.some(({ long }) => long === '--json') ? [path] : []),
        ...command.commands.flatMap((inner) => below(inner, `${path} ${inner.name()}`.trim())),
      ];
      for (const path of below(program, '')) expect(named).toContain(path);
    }
  });

  it('for every object', () => {
    expect([...printed.keys()].sort()).toEqual(Object.keys(JSON_SHAPES).sort());
  });

  it.each(Object.keys(JSON_SHAPES))('%s', (command) => {
    expect(differences(printed.get(command) ?? null, JSON_SHAPES[command]!)).toEqual([]);
  });

  it('on a page of its own, with every key', async () => {
    const page = await printedBy('help', 'json');
    expect(page).toBe(jsonHelp());
    for (const [command, shape] of Object.entries(JSON_SHAPES)) {
      expect(page).toContain(`\n${command}\n`);
      for (const key of Object.keys(shape)) expect(page).toContain(`  ${key} `);
    }
    for (const line of page.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
  });
});
