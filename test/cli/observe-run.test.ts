import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { until } from '../twins/clocks.ts';
import { startWebhookTwin, type WebhookTwin } from '../twins/webhook.ts';
import { projectRoot } from './sametape.ts';

const TOKEN = 'token-planted-0815';

const SCENARIO = `extends: ${projectRoot}scenarios/quickstart.yaml
name: watched
data: { to: 2024-01-10, symbols: [AAA, BBB, CCC] }
arbitration: { entryThresholdBps: 0.1 }
horizons: [5m, 15m]
learning: { algorithm: hedge }
incidents:
  - { kind: connection_lost, session: 2024-01-10, minute: 100, source: broker }
  - { kind: connection_restored, session: 2024-01-10, minute: 110, source: broker }
  - { kind: operator, session: 2024-01-10, minute: 300, command: kill, why: rehearsal }
`;

interface Summary {
  readonly [key: string]: unknown;
  readonly runDir: string;
  readonly decisions: Readonly<Record<string, number>>;
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe('a run that is watched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sametape-observe-'));
  const scenario = join(folder, 'watched.yaml');
  let twin: WebhookTwin;
  let plain: Summary;

  /** Runs a command line in this process; `during` may look while it goes on. */
  async function sametape(
    args: readonly string[],
    during?: (err: () => string) => Promise<void>,
  ): Promise<Said> {
    const texts = { out: '', err: '' };
    const keep = (into: 'out' | 'err') => (part: unknown) => {
      texts[into] += String(part);
      return true;
    };
    const spies = [
      vi.spyOn(process.stdout, 'write').mockImplementation(keep('out')),
      vi.spyOn(process.stderr, 'write').mockImplementation(keep('err')),
    ];
    try {
      const [code] = await Promise.all([main([...args]), during?.(() => texts.err)]);
      process.exitCode = undefined;
      return { code, ...texts };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  }

  async function summaryOf(...args: readonly string[]): Promise<Summary> {
    const { out, err } = await sametape([...args, '--json']);
    expect(out, err).toMatch(/^\{/);
    return JSON.parse(out) as Summary;
  }

  const withAlerts = ['--set', 'alerts.enabled=true'];
  const alertsOf = ({ runDir }: Summary): string =>
    readFileSync(join(runDir, 'state', 'alerts.jsonl'), 'utf8');

  beforeAll(async () => {
    writeFileSync(scenario, SCENARIO);
    twin = await startWebhookTwin();
    process.env.TEST_ALERT_URL = twin.url;
    process.env.TEST_ALERT_TOKEN = TOKEN;
    plain = await summaryOf('run', scenario, '--out', join(folder, 'plain'), '--no-cache');
  }, 60_000);

  afterAll(async () => {
    await twin.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes the same tape in a backtest, and the same alerts each time', async () => {
    const [a, b] = [
      await summaryOf('run', scenario, '--out', join(folder, 'a'), '--no-cache', ...withAlerts),
      await summaryOf('run', scenario, '--out', join(folder, 'b'), '--no-cache', ...withAlerts),
    ];
    expect(a.chainHead).toBe(plain.chainHead);
    expect(a.runId).toBe(plain.runId);
    expect(alertsOf(a)).toBe(alertsOf(b));
    const told = alertsOf(a)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ rule }) => rule !== 'dataStale' && rule !== 'riskLimitWarned');
    expect(told.map(({ kind, rule }) => `${kind} ${rule}`)).toEqual([
      'started connectionLost',
      'ended connectionLost',
      'started killSwitchTripped',
      'open killSwitchTripped',
    ]);
    expect(readdirSync(join(plain.runDir, 'state'))).not.toContain('alerts.jsonl');
  });

  it('decides the same on paper, whatever scrapes it and hears of it', async () => {
    let [page, health, state] = ['', '', ''];
    twin.behave('reset', 'take');
    const { out, err, code } = await sametape(
      [
        ...['paper', scenario, '--out', join(folder, 'paper'), '--speed', 'max', '--json', ...withAlerts],
        ...[
          '--metrics-port',
          '0',
          '--set',
          `alerts.webhook={ url: ${named('TEST_ALERT_URL')}, token: ${named('TEST_ALERT_TOKEN')} }`,
        ],
      ],
      async (said) => {
        await until('the server', () => said().includes('/metrics'), 20_000);
        const base = /http:\/\/127\.0\.0\.1:\d+/.exec(said())?.[0] ?? '';
        expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405);
        expect((await fetch(`${base}/elsewhere`)).status).toBe(404);
        await expectSealedPage(await fetch(base));
        expect(await statusFrom(base, 'pages.example')).toBe(421);
        try {
          for (;;) {
            page = await (await fetch(`${base}/metrics`)).text();
            state = await (await fetch(`${base}/state.json`)).text();
            health = await (await fetch(`${base}/healthz`)).text();
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        } catch {
          // it is gone with the run
        }
      },
    );
    expect(code, err).toBe(0);
    const paper = JSON.parse(out) as Summary;
    expect(paper.decisionHead).toBe(plain.decisionHead);
    expect(health).toBe('killed: operator\n');
    expect(JSON.parse(state)).toMatchObject({
      run: { scenario: 'watched', mode: 'paper' },
      view: { fills: paper.fills },
      health: { isOk: false, reasons: ['killed: operator'] },
    });
    expectCountsOf(paper, page);
    expect(page).toMatch(/^sametape_connection_up\{source="broker"\} 1$/m);
    expect(page).toMatch(/^sametape_horizon_weight_ratio\{horizon="5m"\} 0\.\d+$/m);
    expect(page).toMatch(
      /^sametape_alerts_open\{rule="killSwitchTripped",subject="operator",severity="critical"\} 1$/m,
    );
    for (const line of page.split('\n')) expect(line).toMatch(LINE);
    expect(err).toContain('alert CRITICAL: killSwitchTripped operator: by scenario: rehearsal');
    expect(twin.taken.map(({ alert }) => JSON.stringify(alert)).join('\n')).toBe(alertsOf(paper).trim());
    expect(err + page + state + alertsOf(paper)).not.toContain(TOKEN);
  });

  it.each([
    [
      'a port in use',
      ['--metrics-port', 'TAKEN'],
      /--metrics-port \d+: the port is in use; choose another, or 0/,
    ],
    ['no port', ['--metrics-port', '99999'], /expected a port, a whole number from 0 to 65535/],
    [
      'an address without its variable',
      ['--set', `alerts.webhook={ url: ${named('NOT_SET_77')} }`],
      /alerts\.webhook\.url: .*NOT_SET_77 is not set/,
    ],
    [
      'an address that is written out',
      ['--set', 'alerts.webhook={url: "https://x.example/planted"}'],
      /alerts\.webhook\.url: expected the environment variable/,
    ],
    [
      'a rule that does not exist',
      ['--set', 'alerts.rules.killSwitchTriped=off'],
      /did you mean "killSwitchTripped"/,
    ],
  ])('is refused with %s before it begins', async (_, args, message) => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const given = args.map((arg) => (arg === 'TAKEN' ? String(port) : arg));
    const said = await sametape(['paper', scenario, '--out', join(folder, 'no'), ...withAlerts, ...given]);
    server.close();
    expect(said.code).toBe(2);
    expect(said.err).toMatch(message);
    expect(said.err).not.toContain('planted');
    expect(readdirSync(folder)).not.toContain('no');
  });
});

/** Lines of the text format, numbers in decimal notation. */
const LINE =
  /^$|^# (HELP|TYPE) sametape_\w+ .+$|^sametape_\w+(\{\w+="[^"\n]*"(,\w+="[^"\n]*")*\})? -?\d[-+.e\d]*$/;

function named(name: string): string {
  return `"\${env:${name}}"`;
}

/** The last scrape may be a few cycles before the end. */
function expectCountsOf(summary: Summary, page: string): void {
  const sum = (metric: string): number =>
    page
      .split('\n')
      .filter((line) => line.startsWith(metric))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  const decided = Object.values(summary.decisions).reduce((total, count) => total + count, 0);
  expect(summary.fills).toBeGreaterThan(0);
  expect(sum('sametape_fills_total ')).toBe(summary.fills);
  expect(sum('sametape_orders_total{outcome="intended"}')).toBe(summary.orders);
  expect(Math.abs(sum('sametape_cycles_total ') - (summary.cycles as number))).toBeLessThanOrEqual(20);
  expect(Math.abs(sum('sametape_decisions_total') - decided)).toBeLessThanOrEqual(200);
}

/** Its script and its style are the ones its policy names by hash, and it asks for nothing from elsewhere. */
async function expectSealedPage(answer: Response): Promise<void> {
  const policy = answer.headers.get('content-security-policy') ?? '';
  const html = await answer.text();
  for (const tag of ['script', 'style']) {
    const inside = html.slice(html.indexOf(`<${tag}>`) + tag.length + 2, html.indexOf(`</${tag}>`));
    const hash = createHash('sha256').update(inside).digest('base64');
    expect(policy).toContain(`${tag}-src 'sha256-${hash}'`);
  }
  expect(policy).toContain("default-src 'none'");
  expect(html).not.toMatch(/https?:\/\/|innerHTML| on[a-z]+=| style=/);
}

/** A request as a page of the web makes it whose name points to this machine. */
function statusFrom(base: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(`${base}/metrics`, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}
