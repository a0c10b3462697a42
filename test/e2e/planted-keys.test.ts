import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, launcher, sametape } from '../cli/sametape.ts';
import { type AlpacaTwin, startAlpacaTwin } from '../twins/alpaca/twin.ts';

// Keys are planted in the environment and in a file; then everything that reads a scenario with them is run, also where
// it fails, and every byte that left a process or lies in a folder is searched for them in the encodings in use.
const KEYS = { keyId: 'PLANTED+ID/7f3a=x', secretKey: 'PLANTED&SECRET"9c1e\\y' };
const WRONG = { keyId: 'WRONGKEY+ID/55=', secretKey: 'WRONGKEY&SECRET"77' };
const folder = mkdtempSync(join(tmpdir(), 'sametape-planted-'));
const runs = join(folder, 'runs');
/** The state folder is one of its own: every twin has the same account. */
const PLANTED = {
  PLANTED_ID: KEYS.keyId,
  PLANTED_KEY: KEYS.secretKey,
  XDG_STATE_HOME: join(folder, 'state'),
} as const;
const golden = join(folder, 'golden');
const certificate = join(folder, 'certificate.json');
const scenario = join(folder, 'scenario.yaml');
const seen: { readonly what: string; readonly text: string }[] = [];
let twin: AlpacaTwin;

function reference(kind: string): string {
  return `"$${`{${kind}}`}"`;
}

function scenarioText(
  credentials: string,
  { tradingUrl, streamUrl }: { tradingUrl: string; streamUrl: string },
): string {
  return `extends: ${process.cwd()}/scenarios/quickstart.yaml
name: planted
data: { dataset: ${process.cwd()}/datasets/quickstart, symbols: [AAA], to: 2024-01-10 }
models: { runRoot: null }
broker:
  source: alpaca
  credentials: ${credentials}
  alpaca: { tradingUrl: "${tradingUrl}", streamUrl: "${streamUrl}", retryFirstMs: 5, retryMaxMs: 20, readyTimeoutMs: 500 }
`;
}

async function command(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const ended = await sametape(args, {
    env: { ...PLANTED, SAMETAPE_DEBUG: '1', ...env },
  });
  seen.push({ what: args.join(' '), text: ended.stdout + ended.stderr });
  return ended;
}

/** A live run in a process of its own, up to where it listens. */
async function startEngine(
  args: readonly string[],
): Promise<{ runDir: string; interrupt: () => Promise<string> }> {
  const env = { ...process.env, ...PLANTED };
  const child = spawn(process.execPath, [launcher, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ended = new Promise<void>((done) => child.on('close', () => done()));
  const runDir = await new Promise<string>((found, failed) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const dir = /^sametape: run (.*)$/m.exec(said)?.[1];
        if (dir !== undefined) found(dir);
      });
    }
    void ended.then(() => failed(new Error(`it ended: ${said}`)));
  });
  const interrupt = async (): Promise<string> => {
    child.kill('SIGINT');
    await ended;
    seen.push({ what: args.join(' '), text: said });
    return said;
  };
  return { runDir, interrupt };
}

beforeAll(async () => {
  twin = await startAlpacaTwin({ keys: KEYS });
  twin.book.setQuote('AAA', { bidE4: 1_000_000, askE4: 1_000_500, bidSize: 1000, askSize: 1000 });
  const file = join(folder, 'secret-key');
  writeFileSync(file, `${KEYS.secretKey}\n`, { mode: 0o600 });
  const credentials = `{ keyId: ${reference('env:PLANTED_ID')}, secretKey: ${reference(`file:${file}`)} }`;
  writeFileSync(scenario, scenarioText(credentials, twin));
});

afterAll(async () => {
  await twin.close();
  rmSync(folder, { recursive: true });
});

describe('planted keys', () => {
  it('reach the broker', async () => {
    const place = ['--golden', golden];
    const made = await command(['golden', 'update', scenario, '--reason', 'planted keys', ...place]);
    expect(made).toMatchObject({ code: 0 });
    const promoted = await command(['promote', scenario, ...place, '--cuts', '1', '--out', certificate]);
    expect(promoted.stderr).toBe('');
    expect(promoted.stdout).toContain('dry fire    alpaca: 1 AAA accepted after');
    expect(twin.seen.some(({ method }) => method === 'POST')).toBe(true);
  });

  it('are used by what shows, runs and flattens', async () => {
    const all = await Promise.all([
      command(['config', 'show', scenario]),
      command(['config', 'validate', scenario, '--secrets']),
      command(['run', scenario, '--out', runs, '--no-cache', '--json']),
    ]);
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    const flat = ['flatten', '--broker', 'alpaca', '--scenario', scenario, '--runs', join(folder, 'none')];
    expect(await command([...flat, '--yes'])).toMatchObject({ code: 0 });
  });

  it('are used by a live run, which asks, obeys its operator, and stays killed when it is started again', async () => {
    const live = ['live', scenario, '--certificate', certificate, '--golden', golden, '--out', runs];
    const market = ['--set', 'data.source=simulated', '--set', 'data.warmupSessions=0', '--allow-dumps'];
    const other = await command([...live, ...market, '--set', 'sizing.band=0.5', '--yes']);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/settings\.sizing\.band is 0\.5, certified was 0\.0/);
    const asked = await command([...live, ...market]);
    expect(asked.stderr).toMatch(/account +PA3TWIN00001 at alpaca \(no money: paper\)/);
    expect(asked.stderr).toContain('nobody can be asked');

    const first = await startEngine([...live, ...market, '--yes']);
    expect(JSON.parse((await command(['ctl', first.runDir, 'status', '--json'])).stdout)).toMatchObject({
      ok: true,
    });
    const killed = await command(['ctl', first.runDir, 'kill', '--why', 'a rehearsal', '--json']);
    expect(JSON.parse(killed.stdout)).toMatchObject({ ok: true, recorded: {} });
    const flat = ['flatten', '--broker', 'alpaca', '--scenario', scenario, '--runs', runs, '--yes'];
    expect((await command(flat)).stderr).toContain('its engine (process');
    expect(await first.interrupt()).toContain('left unfinished');

    const second = await startEngine([...live, ...market, '--yes']);
    expect(second.runDir).toBe(first.runDir);
    expect((await command(['ctl', second.runDir, 'status'])).stdout).toMatch(
      /^entries +KILLED \(operator\)/m,
    );
    expect((await command(['ctl', second.runDir, 'reset', '--why', 'over'])).code).toBe(0);
    await second.interrupt();
    const tape = filesBelow(join(first.runDir, 'tape')).map(textOf).join('');
    expect(tape).toMatch(/"command":"kill","who":"\S+ \(uid \d+, as the client says\)","why":"a rehearsal"/);
    expect(tape).toContain('"command":"reset"');
  });

  it('are where things fail', async () => {
    const flat = (file: string) => [
      'flatten',
      '--broker',
      'alpaca',
      '--scenario',
      file,
      '--runs',
      join(folder, 'none'),
    ];
    const failing = async (
      what: string,
      credentials: string,
      addresses = twin as { tradingUrl: string; streamUrl: string },
    ) => {
      const file = join(folder, `${what}.yaml`);
      writeFileSync(file, scenarioText(credentials, addresses));
      const env = { WRONG_ID: WRONG.keyId, WRONG_KEY: WRONG.secretKey };
      const ended = await command([...flat(file), '--yes'], env);
      expect(ended.code, what).toBe(2);
    };
    const right = `{ keyId: ${reference('env:PLANTED_ID')}, secretKey: ${reference('env:PLANTED_KEY')} }`;
    const open = join(folder, 'open-key');
    writeFileSync(open, KEYS.secretKey, { mode: 0o644 });
    await Promise.all([
      failing(
        'wrong-keys',
        `{ keyId: ${reference('env:WRONG_ID')}, secretKey: ${reference('env:WRONG_KEY')} }`,
      ),
      failing('nobody-there', right, {
        tradingUrl: 'http://127.0.0.1:9',
        streamUrl: 'ws://127.0.0.1:9/stream',
      }),
      failing('foreign-host', right, {
        tradingUrl: 'https://evil.example',
        streamUrl: 'wss://evil.example/s',
      }),
      failing('plain-http', right, {
        tradingUrl: 'http://paper-api.alpaca.markets',
        streamUrl: twin.streamUrl,
      }),
      failing(
        'open-file',
        `{ keyId: ${reference('env:PLANTED_ID')}, secretKey: ${reference(`file:${open}`)} }`,
      ),
      failing('written-out', `{ keyId: ${KEYS.keyId}, secretKey: ${KEYS.keyId} }`),
    ]);
    rmSync(open);
    rmSync(join(folder, 'written-out.yaml'));
  });

  it('are in nothing that was said or left behind', () => {
    rmSync(join(folder, 'secret-key'));
    const left = filesBelow(folder).map((path) => ({ what: path, text: textOf(path) }));
    expect(left.some(({ what }) => what.includes('/tape/'))).toBe(true);
    expect(left.some(({ what }) => what.endsWith('host.json'))).toBe(true);
    expect(left.some(({ what }) => what === certificate)).toBe(true);
    expect(seen.length).toBeGreaterThan(15);
    const forms = [...Object.values(KEYS), ...Object.values(WRONG)].flatMap(formsOf);
    const found = [...seen, ...left].filter(({ text }) => forms.some((form) => text.includes(form)));
    expect(found.map(({ what }) => what)).toEqual([]);
  });

  it('would be found: the search sees them in every form', () => {
    for (const form of formsOf(KEYS.secretKey)) {
      writeFileSync(join(folder, 'found'), `x${form}y`);
      expect(textOf(join(folder, 'found'))).toContain(form);
    }
  });
});

/** A key as it is, and as JSON, URLs and headers write it; parts long enough to matter are found by the first. */
function formsOf(key: string): string[] {
  const base64 = Buffer.from(key).toString('base64').replace(/=+$/, '');
  return [
    key,
    JSON.stringify(key).slice(1, -1),
    encodeURIComponent(key),
    base64,
    Buffer.from(key).toString('hex'),
  ];
}

function filesBelow(dir: string): string[] {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return names.map((name) => join(dir, name)).filter((path) => statSync(path).isFile());
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
}
