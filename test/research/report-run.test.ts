import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { attachAccount, openAccount, type RunAccount } from '../../src/modes/run-views.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { linesOf, placeOf } from '../../src/report/curve.ts';
import { gainsByHorizon, gainsBySymbol } from '../../src/report/gains.ts';
import { placedAlong } from '../../src/report/html/compare.ts';
import { statisticsOf } from '../../src/report/statistics.ts';
import { reportRun } from '../../src/research/report-run.ts';
import type { ToldRun } from '../../src/research/tell-run.ts';
import { verifyTape } from '../../src/tape/verify.ts';
import { sametape } from '../cli/sametape.ts';
import { useTempDir } from '../data/support.ts';
import { type MadeRun, makeRunFolder } from './run-folder.ts';

const temp = useTempDir();

const SYNTH = { symbols: 3, sessions: 2, from: '2024-07-03', signal: 0.6, seed: 4, spreadBps: 0.8 } as const;
const HOSTILE = `</td><script>alert('"')</script> & <b>`;

let made: MadeRun;
let account: RunAccount;
let told: ToldRun;
let page: string;

function report(runDir: string): ReturnType<typeof reportRun> {
  return reportRun({ runDir, datasetDir: undefined, progress: silentProgress });
}

/** The run with its tape cut after so many records and some bytes, as a crash leaves it. */
function crashed(name: string, records: number, extraBytes = 0): string {
  const runDir = temp.path(name);
  cpSync(made.runDir, runDir, { recursive: true });
  const tape = join(runDir, 'tape', '000001.jsonl');
  const lines = readFileSync(tape, 'utf8').split('\n');
  truncateSync(tape, Buffer.byteLength(lines.slice(0, records).join('\n')) + 1 + extraBytes);
  rmSync(join(runDir, 'tape', 'head.json'));
  return runDir;
}

/** A day and a half that trades and learns, until its operator stops it. */
beforeAll(async () => {
  made = await makeRunFolder(temp.path('made'), {
    synth: SYNTH,
    scenario: {
      prediction: { standardizeMinSamples: 20, confidenceFloor: 0.15 },
      cycle: { minutes: 5 },
      learning: { algorithm: 'exp3ix' },
      incidents: [{ kind: 'operator', session: '2024-07-05', minute: 300, command: 'kill', why: HOSTILE }],
    },
    alterRun: (run) => {
      account = openAccount(run.identity);
      return { ...run, attach: (loop) => attachAccount(account, loop) };
    },
  });
  ({ told, page } = await report(made.runDir));
}, 30_000);

describe('a run as its tape tells it', () => {
  it('has the statistics of its summary, to the bit, and the heads that verify finds', () => {
    const { head, decisionHead, records, isClosed } = verifyTape(join(made.runDir, 'tape'));
    expect(told).toMatchObject({ chainHead: head, decisionHead, records, isClosed, tornBytes: 0 });
    expect(statisticsOf(told.story.collector)).toEqual(statisticsOf(account.collector));
    expect(told.story.collector.trades).toEqual(account.collector.trades);
    expect(statisticsOf(account.collector).roundTrips.count).toBeGreaterThan(10);
  });

  it('has gains by symbol and by horizon that add up to the net P&L exactly', () => {
    const { netPnlMicros, roundTrips } = statisticsOf(told.story.collector);
    for (const gains of [gainsBySymbol(told.story), gainsByHorizon(told.story, ['5m', '15m'])]) {
      expect(gains.reduce((sum, { netMicros }) => sum + netMicros, 0)).toBe(netPnlMicros);
      expect(gains.reduce((sum, { trips }) => sum + trips, 0)).toBe(roundTrips.count);
      expect(gains.reduce((sum, { wins }) => sum + wins, 0)).toBe(roundTrips.wins);
    }
    expect(gainsBySymbol(told.story).map(({ name }) => name)).not.toContain('taken over from the broker');
  });

  it('has curves that end and dip where the statistics do', () => {
    const { curve } = told.story;
    const { finalEquityMicros, maxDrawdown } = statisticsOf(told.story.collector);
    expect(linesOf(curve, 'equity')[0]?.at(-1)?.value).toBe(finalEquityMicros);
    expect(
      Math.min(
        ...linesOf(curve, 'drawdown')
          .flat()
          .map(({ value }) => value),
      ),
    ).toBe(-maxDrawdown.frac);
    expect(linesOf(curve, 'weight of 5m')).not.toEqual([]);
  });

  it('names the cycles in which its round trips were decided', () => {
    const decided = new Map<string, unknown>();
    for (const { type, payload } of made.records) {
      if (type !== 'OrderIntended') continue;
      const { symbol } = payload.order as { symbol: string };
      decided.set(`${String(payload.cycle)} ${symbol}`, payload.horizon ?? null);
    }
    for (const { symbol, horizon, entryCycle, exitCycle } of told.story.collector.trades) {
      expect(decided.get(`${String(entryCycle)} ${symbol}`)).toBe(horizon);
      expect(decided.has(`${String(exitCycle)} ${symbol}`)).toBe(true);
    }
  });
});

describe('the page', () => {
  it('needs nothing beside it: no script, no address, no style but the one that its policy names', () => {
    const body = page.slice(page.indexOf('</style>'));
    expect(page).not.toMatch(/<script|<link|<img|<iframe|https?:|@import|url\(|javascript:/i);
    expect(body).not.toMatch(/\s(style|src|href|on[a-z]+)=/i);
    const style = /<style>([^<]*)<\/style>/.exec(page)?.[1] ?? '';
    const sha256 = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`default-src &#39;none&#39;; style-src &#39;sha256-${sha256}&#39;`);
    expect(Buffer.byteLength(page)).toBeLessThan(400_000);
  });

  it('can be heard as well as seen: names for charts and tables, headings in order, no id twice', () => {
    for (const [chart] of page.matchAll(/<div class="axes"[^>]*>/g)) {
      expect(chart).toMatch(/role="img" aria-label="[^"]{30,}"/);
    }
    const tables = page.split('<table').slice(1);
    expect(tables.length).toBeGreaterThan(6);
    for (const table of tables) expect(table).toMatch(/^[^>]*>\s*<caption>[^<]+<\/caption>/);
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    levels.forEach((level, k) => {
      expect(level - (levels[k - 1] ?? 0)).toBeLessThanOrEqual(1);
    });
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) expect(ids).toContain(id);
  });

  it('opens and ends its tags in order', () => {
    const open: string[] = [];
    for (const [tag, end, name, self] of page.matchAll(/<(\/?)([a-z0-9]+)[^>]*?(\/?)>/g)) {
      if (self === '/' || ['meta', 'wbr'].includes(name!)) continue;
      if (end === '/') expect(open.pop(), tag).toBe(name);
      else open.push(name!);
    }
    expect(open).toEqual([]);
  });

  it('shows what stood out, and commands that lead to the decisions', () => {
    const kills = told.story.incidents.kept.filter(({ kind }) => kind === 'kill switch');
    expect(kills.length).toBeGreaterThan(0);
    expect(page).toContain('tripped by operator');
    expect(page).toContain('&lt;/td&gt;&lt;script&gt;alert(&#39;&quot;&#39;)&lt;/script&gt; &amp; &lt;b&gt;');
    expect(page).toMatch(/<title>kill switch: \d+<\/title>/);
    const { symbol, entryCycle } = told.story.collector.trades.toSorted(
      (a, b) => b.netMicros - a.netMicros,
    )[0]!;
    expect(page).toContain(
      `sametape explain ${made.runDir} --cycle ${String(entryCycle)} --symbol ${symbol}</code>`,
    );
  });

  it('is the same to the byte in another zone and language', async () => {
    const out = temp.path('elsewhere.html');
    const env = { TZ: 'Asia/Kathmandu', LANG: 'ar_EG.UTF-8', LC_ALL: 'ar_EG.UTF-8' };
    const { code, stderr } = await sametape(['report', made.runDir, '--out', out], { env });
    expect([code, stderr]).toEqual([0, '']);
    expect(readFileSync(out, 'utf8')).toBe(page);
  });
});

describe('a run that is not over', () => {
  it('is told as far as it goes, and says so', async () => {
    const half = Math.floor(made.records.length / 2);
    const { told, page } = await report(crashed('half', half));
    expect(told).toMatchObject({ isClosed: false, records: half, tornBytes: 0 });
    expect(page).toContain('This run is not over');
  });

  it('may end amid a record, which is left out', async () => {
    const { told, page } = await report(crashed('torn', 300, 40));
    expect(told).toMatchObject({ isClosed: false, records: 300, tornBytes: 40 });
    expect(page).toContain('The last 40 bytes of the tape are a record cut short');
  });

  it('may have only begun', async () => {
    const { page } = await report(crashed('begun', 1));
    expect(page).toContain('no session yet');
    expect(page).toContain('Nothing was filled');
  });

  it('may have no fill', async () => {
    const opened = made.records.findIndex(({ type }) => type === 'CycleCompleted');
    const { page } = await report(crashed('unfilled', opened + 1));
    expect(page).toContain('Nothing was filled');
    expect(page).toContain('Equity from $1,000,000.00 to $1,000,000.00');
  });
});

describe('beside another run', () => {
  const compared = (runDir: string, otherDir: string): ReturnType<typeof reportRun> =>
    reportRun({ runDir, otherDir, datasetDir: undefined, progress: silentProgress });

  it('equity is laid over session by session, however often each run decides', async () => {
    const other = await makeRunFolder(temp.path('slower'), {
      synth: SYNTH,
      scenario: { prediction: { standardizeMinSamples: 20 }, cycle: { minutes: 30 } },
    });
    const { told: slower, page } = await compared(made.runDir, other.runDir).then(({ other, page }) => ({
      told: other!,
      page,
    }));
    expect(slower.story.curve.points).toBeLessThan(told.story.curve.points / 3);
    const { curve, placed } = placedAlong(told.story, slower.story);
    const places = slower.story.sessionStarts.map(({ point }) => placed(placeOf(curve, point - 1)));
    expect([...places, placed(1)]).toEqual([
      ...told.story.sessionStarts.map(({ point }) => placeOf(told.story.curve, point - 1)),
      1,
    ]);
    expect(page).toContain(`Compared with synthetic ${slower.runId.slice(0, 12)}`);
    expect(page).toContain(`sametape diff ${made.runDir} ${other.runDir}`);
  });

  it('that is the same, it lies where that does', async () => {
    const { story } = told;
    const { placed } = placedAlong(story, story);
    for (let point = 0; point < story.curve.points; point += 1) {
      const at = placeOf(story.curve, point);
      expect(placed(at)).toBeCloseTo(at, 12);
    }
  });

  it('over other sessions, or with one open, nothing is drawn', async () => {
    const half = crashed('half-open', Math.floor(made.records.length / 2));
    for (const [a, b] of [
      [made.runDir, half],
      [half, made.runDir],
    ] as const) {
      await expect(compared(a, b)).rejects.toMatchObject({ code: 'REPORT_SESSIONS', exitCode: 2 });
    }
  });
});

describe('no page is made of', () => {
  it('a tape with one changed byte', async () => {
    const runDir = crashed('changed', made.records.length);
    const tape = join(runDir, 'tape', '000001.jsonl');
    const bytes = readFileSync(tape);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(tape, bytes);
    await expect(report(runDir)).rejects.toMatchObject({ exitCode: 1, fault: { file: '000001.jsonl' } });
  });

  it('a run that ended in order and lost its end', async () => {
    const runDir = crashed('lost', 300, 40);
    cpSync(join(made.runDir, 'tape', 'head.json'), join(runDir, 'tape', 'head.json'));
    await expect(report(runDir)).rejects.toMatchObject({ fault: { code: 'TAPE_TRUNCATED' } });
  });

  it('a run whose prices are not there, or are others', async () => {
    const runDir = crashed('moved', made.records.length);
    const moved = { runDir, progress: silentProgress };
    await expect(reportRun({ ...moved, datasetDir: temp.path('none') })).rejects.toMatchObject({
      exitCode: 2,
    });
    const other = temp.path('other');
    await synthDataset({ dir: other, options: { ...SYNTH, seed: 5 } });
    const refused = reportRun({ ...moved, datasetDir: other });
    await expect(refused).rejects.toMatchObject({ code: 'REPORT_DATASET_CHANGED', exitCode: 2 });
  });

  it('anything into a file that is no page', async () => {
    const tape = join(made.runDir, 'tape', '000001.jsonl');
    const before = readFileSync(tape);
    for (const out of [tape, made.runDir]) {
      const { code, stderr } = await sametape(['report', made.runDir, '--out', out]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^sametape: --out .+\n$/);
    }
    expect(readFileSync(tape).equals(before)).toBe(true);
    expect(existsSync(join(made.runDir, 'report.html'))).toBe(false);
  });
});
