import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { askEngine } from '../../src/sources/operator-client.ts';
import type { CtlAnswer, CtlVerb, Tightening } from '../../src/sources/operator-protocol.ts';
import { ctlPaths, MAX_CLIENTS, MAX_LINE_BYTES, parseRequest } from '../../src/sources/operator-protocol.ts';
import {
  type OperatorRequest,
  type OperatorSocket,
  openOperatorSocket,
} from '../../src/sources/operator-socket.ts';
import { lockTape } from '../../src/tape/tape-lock.ts';
import { sametape } from '../cli/sametape.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newRun(name = 'run'): string {
  const root = mkdtempSync(join(tmpdir(), 'sametape-ctl-test-'));
  cleanups.push(() => rmSync(root, { recursive: true, force: true }));
  const runDir = join(root, name);
  mkdirSync(join(runDir, 'tape'), { recursive: true });
  return runDir;
}

interface EngineSide {
  readonly socket: OperatorSocket;
  readonly got: OperatorRequest[];
}

/** An engine that puts whatever it is told on a tape of its own, unless it is told to keep still. */
async function engine(runDir: string, { isStill = false } = {}): Promise<EngineSide> {
  const socket = await openOperatorSocket({ runDir, status: () => ({ isStarting: true }) });
  const got: OperatorRequest[] = [];
  socket.commands$.subscribe((request) => {
    got.push(request);
    if (!isStill && request.claim())
      request.acknowledge({ seq: 100 + got.length, tUs: 1_700_000_000_000_000 });
  });
  cleanups.push(() => socket.close());
  return { socket, got };
}

const ask = (
  runDir: string,
  verb: CtlVerb,
  options: { why?: string; tightening?: Tightening; timeoutMs?: number; isAlive?: boolean } = {},
) =>
  askEngine({
    runDir,
    verb,
    why: options.why ?? '',
    ...(options.tightening === undefined ? {} : { tightening: options.tightening }),
    timeoutMs: options.timeoutMs ?? 5000,
    isEngineAlive: () => options.isAlive ?? true,
  });

/** Says something of the test's own to the socket. */
function say(path: string, text: string): Promise<CtlAnswer> {
  return new Promise((done, failed) => {
    let heard = '';
    const client = connect(path, () => client.write(text));
    client.setEncoding('utf8');
    client.on('data', (chunk: string) => {
      heard += chunk;
    });
    client.on('end', () => done(JSON.parse(heard) as CtlAnswer));
    client.on('error', failed);
  });
}

describe('a command over the socket', () => {
  it('is an input with who and why, answered when it is on the tape', async () => {
    const runDir = newRun();
    const { got } = await engine(runDir);
    const answer = await ask(runDir, 'pause', { why: 'lunch' });
    expect(answer).toEqual({ ok: true, recorded: { seq: 101, tUs: 1_700_000_000_000_000 } });
    expect(got[0]!.input).toMatchObject({ type: 'OperatorCommanded', command: 'pause', why: 'lunch' });
    expect(got[0]!.input.who).toMatch(/^\S+ \(uid \d+, as the client says\)$/);
  });

  it('is not answered before', async () => {
    const runDir = newRun();
    const { got } = await engine(runDir, { isStill: true });
    let isAnswered = false;
    const asked = ask(runDir, 'resume').finally(() => {
      isAnswered = true;
    });
    await until(() => got.length === 1);
    expect(isAnswered).toBe(false);
    got[0]!.acknowledge({ seq: 5, tUs: 6 });
    expect(await asked).toEqual({ ok: true, recorded: { seq: 5, tUs: 6 } });
  });

  it('tells the status without a command', async () => {
    const runDir = newRun();
    const { got } = await engine(runDir);
    expect(await ask(runDir, 'status')).toEqual({ ok: true, status: { isStarting: true } });
    expect(got).toEqual([]);
  });

  it('to tighten a limit is a change of the config with who and why', async () => {
    const runDir = newRun();
    const { got } = await engine(runDir);
    const tightening = { limit: 'maxGross', value: 0.25 } as const;
    expect(await ask(runDir, 'tighten', { why: 'earnings', tightening })).toMatchObject({ ok: true });
    const { who, ...input } = got[0]!.input;
    expect(input).toEqual({ type: 'ConfigChanged', ...tightening, why: 'earnings' });
    expect(who).toMatch(/uid/);
    const line = (more: object) =>
      parseRequest(
        JSON.stringify({ id: '12345678', verb: 'tighten', user: 'ann', uid: 1, why: 'drill', ...more }),
      );
    expect(line({})).toMatch(/^limit: expected one of maxOrderValueDollars/);
    expect(line({ tightening: { limit: 'allowShort', value: 0 } })).toMatch(/^limit/);
    for (const value of [0, -1, '1', null]) {
      expect(line({ tightening: { ...tightening, value } })).toBe('value: expected a number above 0');
    }
    expect(line({ tightening, why: ' ' })).toMatch(/^why: expected a reason/);
  });

  it('that the engine refuses, or stops before, is answered so', async () => {
    const runDir = newRun();
    const { got, socket } = await engine(runDir, { isStill: true });
    const refused = ask(runDir, 'pause');
    const left = ask(runDir, 'resume');
    await until(() => got.length === 2);
    got
      .find(({ input }) => input.type === 'OperatorCommanded' && input.command === 'pause')!
      .refuse('the run is over');
    expect(await refused).toEqual({ ok: false, code: 'CTL_REFUSED', message: 'the run is over' });
    await socket.close();
    expect(await left).toMatchObject({ ok: false, code: 'CTL_STOPPED' });
    await expect(ask(runDir, 'pause', { isAlive: false })).rejects.toMatchObject({ code: 'CTL_NO_ENGINE' });
  });
});

describe('a kill', () => {
  it('is had at once between two events, and is one command however it came', async () => {
    const runDir = newRun();
    const { socket, got } = await engine(runDir, { isStill: true });
    const asked = ask(runDir, 'kill', { why: 'odd fills' });
    await until(() => got.length > 0);
    const urgent = socket.takeUrgent();
    expect(urgent?.input).toMatchObject({ command: 'kill', why: 'odd fills' });
    expect(urgent!.claim()).toBe(true);
    expect(socket.takeUrgent()).toBeUndefined();
    expect(got).toHaveLength(1);
    expect(got[0]!.claim()).toBe(false);
    expect(existsSync(ctlPaths(runDir).killFile)).toBe(true);
    urgent!.acknowledge({ seq: 9, tUs: 10 });
    expect(await asked).toMatchObject({ ok: true, recorded: { seq: 9 } });
    expect(existsSync(ctlPaths(runDir).killFile)).toBe(false);
  });

  it('is found by an engine that is too busy to hear its socket', async () => {
    const runDir = newRun();
    const { socket } = await engine(runDir, { isStill: true });
    const command = sametape(['ctl', runDir, 'kill', '--why', 'stop it', '--json']);
    let urgent: OperatorRequest | undefined;
    // no await: nothing of this process but this loop runs, as in a long computation
    for (const endMs = Date.now() + 30_000; urgent === undefined && Date.now() < endMs; )
      urgent = socket.takeUrgent();
    expect(urgent?.input).toMatchObject({ command: 'kill', why: 'stop it' });
    urgent!.claim();
    urgent!.acknowledge({ seq: 3, tUs: 4 });
    const { code, stdout } = await command;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ ok: true, recorded: { seq: 3, tUs: 4 } });
  });

  it('that was never recorded is found by the next engine', async () => {
    const runDir = newRun();
    const first = await engine(runDir, { isStill: true });
    const asked = ask(runDir, 'kill', { why: 'smoke' });
    await until(() => first.got.length === 1);
    await first.socket.close();
    expect(await asked).toMatchObject({ ok: false, code: 'CTL_STOPPED' });
    const second = await engine(runDir, { isStill: true });
    expect(second.socket.takeUrgent()?.input).toMatchObject({ command: 'kill', why: 'smoke' });
  });

  it('to an engine that does not answer in time stays for it, and the message says so', async () => {
    const runDir = newRun();
    await engine(runDir, { isStill: true });
    await expect(ask(runDir, 'kill', { why: 'smoke', timeoutMs: 30 })).rejects.toMatchObject({
      code: 'CTL_TIMEOUT',
      message: expect.stringContaining('the kill is left for the engine'),
    });
    expect(existsSync(ctlPaths(runDir).killFile)).toBe(true);
  });

  it('where no engine runs leaves nothing behind', async () => {
    const runDir = newRun();
    const { socket } = await engine(runDir);
    await socket.close();
    await expect(ask(runDir, 'kill', { why: 'x', isAlive: false })).rejects.toMatchObject({
      code: 'CTL_NO_ENGINE',
    });
    expect(existsSync(ctlPaths(runDir).killFile)).toBe(false);
  });

  it('left in a file that cannot be read is a kill still', async () => {
    const runDir = newRun();
    const { socket } = await engine(runDir, { isStill: true });
    writeFileSync(ctlPaths(runDir).killFile, '{"verb":"resume"');
    expect(socket.takeUrgent()?.input).toMatchObject({
      command: 'kill',
      who: expect.stringContaining('unknown'),
    });
  });
});

describe('the socket', () => {
  it("is its owner's alone", async () => {
    const runDir = newRun();
    await engine(runDir);
    const { dir, socket } = ctlPaths(runDir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  it('is not opened, nor spoken to, in a folder that others may enter', async () => {
    const runDir = newRun();
    const { socket } = await engine(runDir);
    const { dir } = ctlPaths(runDir);
    chmodSync(dir, 0o755);
    await expect(ask(runDir, 'status')).rejects.toMatchObject({ code: 'CTL_FOLDER_UNSAFE' });
    await socket.close();
    await expect(openOperatorSocket({ runDir, status: () => null })).rejects.toMatchObject({
      code: 'CTL_FOLDER_UNSAFE',
      message: expect.stringContaining('its mode is 755'),
    });
  });

  it('of a dead process is replaced, of a live one is not', async () => {
    const runDir = newRun();
    const { dir, socket } = ctlPaths(runDir);
    mkdirSync(dir, { mode: 0o700 });
    // a file where nothing listens: what a killed process leaves
    await leaveDeadSocket(socket);
    expect(existsSync(socket)).toBe(true);
    await expect(ask(runDir, 'status', { isAlive: false })).rejects.toMatchObject({ code: 'CTL_NO_ENGINE' });
    await engine(runDir);
    expect(await ask(runDir, 'status')).toMatchObject({ ok: true });
    await expect(openOperatorSocket({ runDir, status: () => null })).rejects.toMatchObject({
      code: 'CTL_IN_USE',
    });
    expect(await ask(runDir, 'status')).toMatchObject({ ok: true });
  });

  it('lies elsewhere where the path of the run is too long for an address', async () => {
    const runDir = newRun('r'.repeat(200));
    const { socket } = await engine(runDir);
    const { addressFile, isShort } = ctlPaths(runDir);
    expect(isShort).toBe(false);
    const place = readFileSync(addressFile, 'utf8').trim();
    expect(statSync(join(place, '..')).mode & 0o777).toBe(0o700);
    expect(await ask(runDir, 'pause')).toMatchObject({ ok: true });
    await socket.close();
    expect(existsSync(join(place, '..'))).toBe(false);
    await expect(ask(runDir, 'pause', { isAlive: false })).rejects.toMatchObject({ code: 'CTL_NO_ENGINE' });
  });

  it('refuses lines without end, lines that are no request, and more clients than it serves', async () => {
    const runDir = newRun();
    const { got } = await engine(runDir, { isStill: true });
    const { socket: path } = ctlPaths(runDir);
    expect(await say(path, 'x'.repeat(MAX_LINE_BYTES + 1))).toMatchObject({ ok: false, code: 'CTL_INVALID' });
    expect(await say(path, '{"verb":\n')).toMatchObject({ ok: false, message: 'expected one line of JSON' });
    const waiting = Array.from({ length: MAX_CLIENTS }, () => ask(runDir, 'pause'));
    await until(() => got.length === MAX_CLIENTS);
    expect(await ask(runDir, 'status')).toMatchObject({ ok: false, code: 'CTL_BUSY' });
    for (const request of got) request.acknowledge({ seq: 1, tUs: 1 });
    for (const answer of await Promise.all(waiting)) expect(answer.ok).toBe(true);
    await until(async () => (await ask(runDir, 'status')).ok);
  });
});

describe('a request', () => {
  const sound = { id: '0b0f0e9a-0000-4000-8000-000000000000', verb: 'kill', user: 'ann', uid: 1, why: 'x' };

  it('is read as it was written', () => {
    expect(parseRequest(JSON.stringify(sound))).toEqual(sound);
  });

  it.each([
    [{ id: '../x' }, 'id: expected a UUID'],
    [{ verb: 'stop' }, 'verb: expected one of '],
    [{ verb: '__proto__' }, 'verb: expected one of '],
    [{ user: '' }, 'user: expected 1 to 64'],
    [{ user: 'a\u001b[2J' }, 'user: expected 1 to 64'],
    [{ uid: 1.5 }, 'uid: expected a user id'],
    [{ why: '' }, 'why: expected a reason, which kill must have'],
    [{ why: ' ' }, 'why: expected a reason'],
    [{ why: 'two\nlines' }, 'why: expected one line'],
    [{ why: 'half \ud800' }, 'why: expected one line'],
    [{ why: 'x'.repeat(501) }, 'why: 501 characters'],
    [{ why: 7 }, 'why: expected text'],
  ])('with %j is refused', (change, problem) => {
    expect(parseRequest(JSON.stringify({ ...sound, ...change }))).toContain(problem);
  });
});

describe('sametape ctl', () => {
  it('says what it did, and what is wrong', async () => {
    const runDir = newRun();
    const { got } = await engine(runDir);
    const paused = await sametape(['ctl', runDir, 'pause', '--why', 'lunch']);
    expect(paused).toMatchObject({
      code: 0,
      stdout: 'ok: pause is record 101 of the tape, 2023-11-14 17:13:20 New York\n',
    });
    expect((await sametape(['ctl', runDir, 'status'])).stdout).toBe('starting\n');
    expect((await sametape(['ctl', runDir, 'kill'])).stderr).toContain('--why: expected a reason');
    expect((await sametape(['ctl', runDir, 'halt'])).stderr).toContain(
      'unknown command "halt"; expected status, ',
    );
    expect(got).toHaveLength(1);
    const said = async (...args: string[]) =>
      (await sametape(['ctl', runDir, ...args, '--why', 'drill'])).stderr;
    expect(await said('tighten', 'maxLoss', '1')).toContain('found "maxLoss"');
    expect(await said('tighten', 'risk.maxGross', 'half')).toContain('a number above 0, found "half"');
    expect(await said('pause', 'maxGross')).toContain('pause takes nothing after it, found "maxGross"');
    const tightened = await sametape(['ctl', runDir, 'tighten', 'risk.maxGross', '0.5', '--why', 'drill']);
    expect(tightened.stdout).toContain('ok: tighten is record 102 of the tape');
  });

  it('knows a run without an engine, and a folder that is no run', async () => {
    const runDir = newRun();
    const none = await sametape(['ctl', runDir, 'kill', '--why', 'x']);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('no engine runs here; "sametape flatten"');
    const lock = lockTape(join(runDir, 'tape'));
    const deaf = await sametape(['ctl', runDir, 'status']);
    expect(deaf.stderr).toContain('its engine does not listen for commands');
    lock.release();
    expect((await sametape(['ctl', tmpdir(), 'status'])).stderr).toContain('not a run folder');
  });
});

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 10_000; !(await isSo()); ) {
    if (Date.now() > endMs) throw new Error('it did not come to pass in 10 s');
    await new Promise((done) => setTimeout(done, 2));
  }
}

/** A bound socket outlives its process as a file; closing in order would remove it, so its name is put back. */
async function leaveDeadSocket(path: string): Promise<void> {
  const { linkSync } = await import('node:fs');
  const server = createServer();
  await new Promise<void>((done) => server.listen(`${path}.0`, done));
  linkSync(`${path}.0`, path);
  await new Promise<void>((done) => server.close(() => done()));
}
