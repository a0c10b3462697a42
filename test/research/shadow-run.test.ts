import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { JsonObject, TapeRecord } from '../../src/events/record.ts';
import type { RunIdentity, RunMode } from '../../src/modes/run-identity.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { shortfallOf } from '../../src/research/shadow/attribute.ts';
import { LEAST_POINTS } from '../../src/research/shadow/calibrate.ts';
import { listParts } from '../../src/research/shadow/roll-up.ts';
import { type Shadow, shadowRun, shadowTape } from '../../src/research/shadow/shadow-run.ts';
import { createFileTape } from '../../src/tape/file-tape.ts';
import { createRunFolder } from '../../src/tape/run-folder.ts';
import { type SyntheticRunOptions, syntheticRun } from '../engine/synthetic-run.ts';
import { find, inserted, linesOf, set, withRecord } from './tapes.ts';

const folder = mkdtempSync(join(tmpdir(), 'sametape-shadow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MODE: RunMode = { kind: 'paper', nonce: 'shadowed', source: 'dataset', broker: 'simulated' };
/** Trades often, is short over the night, and pays for it. */
const TRADING: SyntheticRunOptions = {
  scenario: {
    prediction: { standardizeMinSamples: 5, icMinPairs: 5, icShrinkPairs: 1, volMinReturns: 2 },
    arbitration: { entryThresholdBps: 0, k2: 0 },
    risk: { cooldownSeconds: 0 },
    gating: { endOfDayFlattenMinutes: 0 },
    broker: { borrow: { annualBps: 300 } },
  },
};

interface PaperTape {
  readonly identity: RunIdentity;
  readonly records: readonly TapeRecord[];
}

async function paperTape(options: SyntheticRunOptions = TRADING, mode = MODE): Promise<PaperTape> {
  const run = syntheticRun(options);
  const identity = { ...run.identity, mode };
  await runSessions({ ...run, identity });
  return { identity, records: run.tape.records };
}

let plain: Promise<PaperTape> | undefined;
/** The tape of one run, made once. */
function plainTape(): Promise<PaperTape> {
  plain ??= paperTape();
  return plain;
}

let shadowed: Promise<Shadow> | undefined;
async function plainShadow(): Promise<Shadow> {
  shadowed ??= shadowOf(await plainTape());
  return shadowed;
}

/** Its first hours: enough where one order or decision is looked at. */
async function hours(): Promise<PaperTape> {
  const { identity, records } = await plainTape();
  const { seq } = find(records, 'CycleDue', { where: ({ cycle }) => cycle === 150 });
  return { identity, records: records.slice(0, seq) };
}

function shadowOf({ identity, records }: PaperTape): Promise<Shadow> {
  return shadowTape({
    ...{ identity, mode: identity.mode!, lines: linesOf(records) },
    readWarmStart: () => undefined,
    progress: silentProgress,
  });
}

function expectNoShortfall(shadow: Shadow): void {
  expect(shadow).toMatchObject({
    isSame: true,
    decisions: { decidedDifferently: 0, firstStage: null, first: null },
  });
  const { total, sessions, symbols, horizons, orders } = shadow;
  for (const { parts } of [total, ...sessions, ...symbols, ...horizons, ...orders]) {
    for (const line of listParts(parts)) expect(line).toMatchObject({ shortfallMicros: 0 });
  }
}

describe('a paper run beside the same exchange', () => {
  it('decides, orders, fills and gains the same, to the bit, over a night of borrowed shares', async () => {
    const shadow = await plainShadow();
    expectNoShortfall(shadow);
    expect(shadow.coverage).toMatchObject({ isComplete: true, stopReason: 'completed', openSession: null });
    const costs = new Map(listParts(shadow.total.parts).map((line) => [line.part, line.actualMicros]));
    for (const part of ['spread', 'slippage', 'fees', 'borrow', 'carried'] as const) {
      expect(costs.get(part), part).not.toBe(0);
    }
    expect(shadow.sessions.length).toBe(2);
  });

  it('also where an operator commands and connections are rehearsed', async () => {
    const incidents = [
      { kind: 'operator', session: '2024-01-02', minute: 60, command: 'pause' },
      { kind: 'operator', session: '2024-01-02', minute: 90, command: 'resume' },
      { kind: 'connection_lost', session: '2024-01-02', minute: 120, source: 'broker' },
      { kind: 'connection_restored', session: '2024-01-02', minute: 150, source: 'broker' },
      { kind: 'operator', session: '2024-01-03', minute: 30, command: 'kill' },
    ];
    const synth = { symbols: 2, sessions: 2 };
    expectNoShortfall(
      await shadowOf(await paperTape({ synth, scenario: { ...TRADING.scenario, incidents } })),
    );
  });

  it('finds the slippage that the exchange was set to', async () => {
    const { calibration } = await plainShadow();
    expect(calibration.points).toBeGreaterThan(LEAST_POINTS);
    expect(calibration).toMatchObject({ configured: { slippageBps: 1, impactBps: 5 }, refusal: null });
    const { slippage, impact, realisedBps, modelBps } = calibration;
    // prices are rounded against the trader, by half of 1e-4 dollars on average
    expect(Math.abs(slippage!.bps - 1)).toBeLessThan(0.05);
    expect(Math.abs(impact!.bps - 5)).toBeLessThan(0.1);
    expect(impact!.standardErrorBps).toBeGreaterThan(0);
    expect(Math.abs(realisedBps! - modelBps!)).toBeLessThan(0.05);
  });
});

const isFill = ({ type }: TapeRecord): boolean => type === 'OrderFilled' || type === 'OrderPartiallyFilled';

describe('a recorded run whose broker did otherwise', () => {
  it('filled one order 70 worse: slippage of that order, and of nothing else', async () => {
    const { identity, records } = await hours();
    const { seq, payload } = records.filter(isFill)[5]!;
    const { priceE4, side, quantity, symbol } = payload.execution as Record<string, number> & {
      readonly side: string;
      readonly symbol: string;
    };
    const worse = set(payload, ['execution', 'priceE4'], priceE4! + (side === 'buy' ? 70 : -70));
    const shadow = await shadowOf({ identity, records: withRecord(records, seq, { payload: worse }) });
    const injected = 70 * quantity! * 100;
    expect(shadow.isSame).toBe(false);
    expect(shortfallOf(shadow.total.parts)).toBe(injected);
    const changed = listParts(shadow.total.parts).filter(({ shortfallMicros }) => shortfallMicros !== 0);
    expect(changed).toMatchObject([{ part: 'slippage', shortfallMicros: injected }]);
    const [worst, next] = shadow.orders;
    expect([worst!.symbol, shortfallOf(worst!.parts), shortfallOf(next!.parts)]).toEqual([
      symbol,
      injected,
      0,
    ]);
  });

  it('refused one order: its reason, and the position that the decision after it lacks', async () => {
    const { identity, records } = await hours();
    const fill = records.filter(isFill)[3]!;
    const { clientOrderId, symbol } = fill.payload.execution as Record<string, string>;
    const payload = { clientOrderId: clientOrderId!, reason: 'no_borrow', detail: '' };
    const refused = withRecord(records, fill.seq, { type: 'OrderRejected', payload });
    const shadow = await shadowOf({ identity, records: refused });
    const order = shadow.orders.find(({ actual }) => actual?.status === 'rejected');
    expect(order).toMatchObject({ symbol, actual: { filled: 0 } });
    expect([...order!.parts.keys()]).toContain('refused no_borrow');
    expect(shortfallOf(shadow.total.parts)).toBe(shadow.total.simulatedMicros - shadow.total.actualMicros);
  });

  it('lost its broker: that is not what a backtest has, so the shadow trades on', async () => {
    const synth = { symbols: 2, sessions: 1 };
    const live: RunMode = { ...MODE, kind: 'live', broker: 'alpaca' };
    const { identity, records } = await paperTape({ ...TRADING, synth }, live);
    const { seq, t } = find(records, 'CycleDue', { where: ({ cycle }) => cycle === 100 });
    const lost: JsonObject = { source: 'broker', reason: 'gone' };
    const shadow = await shadowOf({
      identity,
      records: inserted(records, seq, { t, type: 'ConnectionLost', payload: lost }),
    });
    expect(shadow.decisions.decidedDifferently).toBe(0);
    expectNoShortfall({ ...shadow, isSame: true });
  });

  it('ends in the middle of a session: partial, marked at the newest mids', async () => {
    const shadow = await shadowOf(await hours());
    expect(shadow.coverage).toMatchObject({
      ...{ isComplete: false, stopReason: null, openSession: '2024-01-02', missingSessions: ['2024-01-03'] },
    });
    expect(shadow.total.simulatedMicros).toBe(shadow.total.actualMicros);
  });
});

describe('why a decision differs', () => {
  const CYCLE = 120;

  /** The tape with another decision on the first symbol in a cycle, and what else is changed about it. */
  async function otherDecision(
    decision: JsonObject,
    change: (records: readonly TapeRecord[], cycleSeq: number) => readonly TapeRecord[] = (records) =>
      records,
  ) {
    const { identity, records } = await hours();
    const completed = find(records, 'CycleCompleted', { where: ({ cycle }) => cycle === CYCLE });
    const [first, ...rest] = completed.payload.decisions as JsonObject[];
    const payload = { ...completed.payload, decisions: [{ ...first, ...decision }, ...rest] };
    const changed = change(withRecord(records, completed.seq, { payload }), completed.seq);
    const { decisions } = await shadowOf({ identity, records: changed });
    return decisions;
  }

  it('one side may not trade: the check, and what tripped it', async () => {
    const { t } = find((await hours()).records, 'CycleDue', { where: ({ cycle }) => cycle === CYCLE });
    const mismatch: JsonObject = { item: 'cash', ours: 1, theirs: 2 };
    const { first, decidedDifferently } = await otherDecision(
      { kind: 'BLOCKED', reason: 'cash_unreconciled' },
      (records, seq) => inserted(records, seq, { t, type: 'ReconciliationMismatched', payload: mismatch }),
    );
    expect(decidedDifferently).toBe(1);
    expect(first).toMatchObject({
      ...{ cycle: CYCLE, stage: 'decisions' },
      cause: { kind: 'stopped', detail: 'actual: cash_unreconciled (mismatched cash)', order: null },
    });
  });

  it('the position in another symbol differs: that symbol, and the order that did it', async () => {
    const { records } = await hours();
    const before = find(records, 'CycleDue', { where: ({ cycle }) => cycle === CYCLE }).seq;
    const own = ((await hours()).identity.layout.symbols as readonly string[])[0];
    const fill = records.findLast(
      (record) =>
        record.seq < before && isFill(record) && (record.payload.execution as JsonObject).symbol !== own,
    )!;
    const { symbol, quantity } = fill.payload.execution as {
      readonly symbol: string;
      readonly quantity: number;
    };
    const payload = set(fill.payload, ['execution', 'quantity'], quantity + 1);
    const { first } = await otherDecision({ kind: 'HOLD', reason: 'at_target' }, (changed) =>
      withRecord(changed, fill.seq, { payload }),
    );
    expect(first!.cause).toMatchObject({ kind: 'position', order: { symbol } });
    expect(first!.cause.detail).toContain(`${symbol} held `);
    expect(first!.cause.detail).toContain(`filled ${quantity + 1} of ${quantity} (filled) actual`);
  });

  it('only the equity differs, or nothing that shows', async () => {
    const other = await otherDecision({ kind: 'HOLD', reason: 'at_target' });
    expect(other.first!.cause.kind).toBe('other');
    const richer = await otherDecision({ kind: 'HOLD', reason: 'at_target' }, (records, seq) =>
      withRecord(records, seq, { payload: { ...records[seq]!.payload, equityMicros: 1_000_000 } }),
    );
    expect(richer.first!.cause).toMatchObject({ kind: 'equity' });
    expect(richer.first!.cause.detail).toContain('$1.00 actual');
  });
});

describe('the run of a folder', () => {
  async function folderOf(name: string, mode?: RunMode): Promise<string> {
    const dir = join(folder, name);
    const run = syntheticRun({ synth: { symbols: 2, sessions: 1, seed: 3 } });
    const identity = mode === undefined ? run.identity : { ...run.identity, mode };
    const tape = createFileTape({
      dir: createRunFolder(dir, { existing: 'refuse' }).tapeDir,
      durable: false,
    });
    await runSessions({ ...run, identity, tape });
    tape.close();
    return dir;
  }

  const shadowOfFolder = (runDir: string) => shadowRun({ runDir, progress: silentProgress });

  it('is read where it lies; a backtest, a damaged tape and no run at all are refused', async () => {
    const paper = await folderOf('paper', MODE);
    expectNoShortfall(await shadowOfFolder(paper));
    const backtest = shadowOfFolder(await folderOf('backtest'));
    await expect(backtest).rejects.toMatchObject({ code: 'SHADOW_BACKTEST', exitCode: 2 });
    await expect(backtest).rejects.toThrow(/a backtest.*"sametape replay".*"sametape diff"/);
    const damaged = join(folder, 'damaged');
    cpSync(paper, damaged, { recursive: true });
    const file = join(damaged, 'tape', '000001.jsonl');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"type":"CycleDue"', '"type":"CycleDuf"'));
    await expect(shadowOfFolder(damaged)).rejects.toMatchObject({
      fault: { seq: expect.any(Number) },
      exitCode: 1,
    });
    const cut = join(folder, 'cut');
    cpSync(paper, cut, { recursive: true });
    const tape = join(cut, 'tape', '000001.jsonl');
    truncateSync(tape, statSync(tape).size >> 1);
    await expect(shadowOfFolder(cut)).rejects.toMatchObject({
      fault: { seq: expect.any(Number) },
      exitCode: 1,
    });
    rmSync(join(cut, 'tape', 'head.json'));
    expect((await shadowOfFolder(cut)).coverage).toMatchObject({ isComplete: false, stopReason: null });
    await expect(shadowOfFolder(join(folder, 'none'))).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
      exitCode: 2,
    });
  });
});
