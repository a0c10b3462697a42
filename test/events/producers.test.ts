import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import type { CorporateAction } from '../../src/domain/corporate-actions.ts';
import type { DerivedType } from '../../src/events/derived.ts';
import type { InputType, Predictions } from '../../src/events/inputs.ts';
import { runBacktest } from '../../src/modes/backtest.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { recoverRun } from '../../src/research/recover-run.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { ordersIn, warmDesk } from '../engine/desk.ts';
import { type SyntheticRunOptions, syntheticRun } from '../engine/synthetic-run.ts';
import { inputSamples } from './samples.ts';

type Types = ReadonlySet<string>;

async function typesOf(
  options: SyntheticRunOptions,
  more: Partial<Parameters<typeof runSessions>[0]> = {},
): Promise<Types> {
  const run = { ...syntheticRun(options), ...more };
  await runSessions(run);
  return new Set((run.tape as ReturnType<typeof syntheticRun>['tape']).records.map(({ type }) => type));
}

const DAY = '2024-07-02';
const BUSY = {
  strict: false,
  arbitration: { entryThresholdBps: 0 },
  prediction: { standardizeMinSamples: 20, confidenceFloor: 0.1 },
  sizing: { maxWeight: 0.3, grossTarget: 0.9 },
};

/** A strong signal with little room: warnings, gates, partial fills, shorts held overnight, learning. */
function tradingDays(): Promise<Types> {
  const actions: readonly CorporateAction[] = ['AAA', 'BBB', 'CCC'].map((symbol) => ({
    kind: 'dividend',
    symbol,
    exDate: '2024-07-03',
    cashMicros: 100_000,
    referencePriceE4: 1_000_000,
  }));
  return typesOf(
    {
      synth: { symbols: 3, sessions: 2, from: DAY, signal: 0.5, seed: 4 },
      scenario: {
        ...BUSY,
        broker: { participationCap: 0.05, borrow: { annualBps: 300 } },
        learning: { algorithm: 'exp3ix' },
        risk: { maxPosition: 0.35, maxNet: 0.3 },
      },
    },
    { actions },
  );
}

/** Limit orders far from the market, a broker without credit, and everything a scenario can rehearse. */
function rehearsal(): Promise<Types> {
  const at = (minute: number, incident: object) => ({ session: DAY, minute, ...incident });
  return typesOf(
    {
      synth: { symbols: 3, sessions: 1, from: DAY, signal: 0.5, seed: 4 },
      scenario: {
        ...BUSY,
        cycle: { minutes: 1, heartbeatMinutes: 60 },
        execution: { orderType: 'limit', limitOffsetBps: 40, timeInForce: 'day' },
        incidents: [
          at(200, { kind: 'connection_lost', source: 'broker' }),
          at(210, { kind: 'connection_restored', source: 'broker' }),
          at(250, { kind: 'operator', command: 'kill' }),
          at(260, { kind: 'operator', command: 'reset' }),
        ],
      },
    },
    {
      discoveries: [
        { type: 'HorizonsDiscovered', horizons: ['5m', '15m'], targets: ['ret_5m', 'ret_15m'] },
        { type: 'ArtifactWarned', code: 'MODEL_CHECKSUM_MISMATCH', file: 'targets/x', detail: 'odd' },
      ],
    },
  );
}

/** Half a day of limit orders that rest to the close. */
function restingOrders(): Promise<Types> {
  return typesOf({
    synth: { symbols: 2, sessions: 1, from: '2024-07-03', signal: 0.5, seed: 4, spreadBps: 0.8 },
    scenario: {
      strict: false,
      prediction: BUSY.prediction,
      execution: { orderType: 'limit', limitOffsetBps: 45, timeInForce: 'day' },
    },
  });
}

/** Models that fail now and then, data that end early, and more orders than the account can pay. */
function trouble(): Promise<Types> {
  const options: SyntheticRunOptions = {
    synth: { symbols: 3, sessions: 1, from: DAY, signal: 0.5, seed: 4 },
    scenario: { ...BUSY, sizing: { maxWeight: 0.9, grossTarget: 9 }, broker: { leverage: 0.2 } },
  };
  const run = syntheticRun(options);
  const { inference, loadSession } = run;
  return typesOf(options, {
    inference: {
      ...inference!,
      infer: (request) => {
        if (request.cycle === 90) throw new Error('out of memory');
        const answer = inference!.infer(request) as Predictions;
        return request.cycle === 91 ? { ...answer, values: answer.values.fill(Number.NaN) } : answer;
      },
    },
    loadSession: async (date) => {
      const table = await loadSession(date);
      return { ...table, rowCount: Math.floor(table.rowCount * 0.8) };
    },
  });
}

async function recovery(): Promise<Types> {
  const dir = mkdtempSync(join(tmpdir(), 'sametape-producers-'));
  try {
    await synthDataset({
      dir: join(dir, 'data'),
      options: { symbols: 1, sessions: 1, from: '2024-07-03', seed: 4 },
    });
    const file = join(dir, 's.yaml');
    writeFileSync(file, 'name: crashed\ndata: { dataset: data }\ncycle: { minutes: 30 }\n');
    const { runDir } = await runBacktest({
      scenario: loadScenario({ file }),
      outDir: dir,
      progress: silentProgress,
    });
    const tape = join(runDir, 'tape/000001.jsonl');
    const text = readFileSync(tape);
    rmSync(join(runDir, 'tape/head.json'));
    writeFileSync(tape, text.subarray(0, text.length - 20));
    await recoverRun({ runDir, datasetDir: undefined, progress: silentProgress });
    return new Set([...readTape(join(runDir, 'tape'))].map(({ record }) => record.type));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** What no simulated broker does, and what a backtest, which waits for its models, never meets. */
function byHand(): Promise<Types> {
  const desk = warmDesk({ scenario: { reconciliation: { mode: 'auto_sync', confirmations: 1 } } });
  const [order] = ordersIn(desk.next({ AAA: 'long' }));
  desk.accept(order!);
  desk.send({ type: 'BrokerSnapshot', cashMicros: 1, positions: { BBB: 5 }, openOrders: [] });
  desk.send({ type: 'CycleDue', cycle: 7 });
  desk.send({ type: 'CycleDue', cycle: 8 });
  const reports = [
    { type: 'OrderUpdated', clientOrderId: 'desk-1-0', brokerOrderId: 'b-1', status: 'held' },
    { type: 'CancelRejected', clientOrderId: 'desk-1-0', reason: 'too late' },
    { ...inputSamples.ExecutionCorrected },
    { ...inputSamples.ConfigChanged },
    { ...inputSamples.SettingsChanged },
    { ...inputSamples.CommissionReported },
  ] as const;
  for (const report of reports) desk.send(report);
  const inputs = reports.map(({ type }) => type);
  return Promise.resolve(new Set([...inputs, ...desk.log.map(({ type }) => type)]));
}

const SCENARIOS = { tradingDays, rehearsal, restingOrders, trouble, recovery, byHand };
type Scenario = keyof typeof SCENARIOS;

/** One a type, so that a new type without a producer does not compile. */
const PRODUCED_BY: { readonly [T in InputType | DerivedType]: Scenario } = {
  RunStarted: 'tradingDays',
  HorizonsDiscovered: 'rehearsal',
  ArtifactWarned: 'rehearsal',
  SessionOpened: 'tradingDays',
  CorporateActionApplied: 'tradingDays',
  SessionClosed: 'tradingDays',
  MarketSlice: 'tradingDays',
  CycleDue: 'tradingDays',
  PredictionsMade: 'tradingDays',
  InferenceFailed: 'trouble',
  OrderAccepted: 'tradingDays',
  OrderRejected: 'trouble',
  OrderPartiallyFilled: 'tradingDays',
  OrderFilled: 'tradingDays',
  OrderCancelled: 'rehearsal',
  OrderExpired: 'restingOrders',
  OrderUpdated: 'byHand',
  CancelRejected: 'byHand',
  ExecutionCorrected: 'byHand',
  CommissionReported: 'byHand',
  BrokerSnapshot: 'tradingDays',
  ReconciliationRequested: 'tradingDays',
  BorrowFeeCharged: 'tradingDays',
  OperatorCommanded: 'rehearsal',
  ConfigChanged: 'byHand',
  SettingsChanged: 'byHand',
  ConnectionLost: 'rehearsal',
  ConnectionRestored: 'rehearsal',
  DataGapDetected: 'trouble',
  Heartbeat: 'rehearsal',
  TapeRecovered: 'recovery',
  RunStopped: 'tradingDays',
  CycleStarted: 'tradingDays',
  InferenceRequested: 'tradingDays',
  CycleCompleted: 'tradingDays',
  ModelFaulted: 'trouble',
  CycleSkipped: 'byHand',
  OrderIntended: 'tradingDays',
  CancelIntended: 'rehearsal',
  PositionOpened: 'tradingDays',
  PositionChanged: 'tradingDays',
  PositionClosed: 'tradingDays',
  PositionAdjusted: 'tradingDays',
  RiskLimitWarned: 'tradingDays',
  GateBlocked: 'trouble',
  QuoteStale: 'trouble',
  KillSwitchTripped: 'rehearsal',
  KillSwitchReset: 'rehearsal',
  ReconciliationStarted: 'tradingDays',
  ReconciliationMismatched: 'byHand',
  ReconciliationEnded: 'tradingDays',
  CashAdopted: 'byHand',
  PositionAdopted: 'byHand',
  OrderDropped: 'byHand',
  RewardObserved: 'tradingDays',
  LearningUpdated: 'tradingDays',
  ErrorRaised: 'trouble',
};

const produced = new Map<Scenario, Types>();

beforeAll(async () => {
  for (const [name, run] of Object.entries(SCENARIOS)) produced.set(name as Scenario, await run());
}, 120_000);

describe('every type of event', () => {
  it.each(Object.entries(PRODUCED_BY))('%s is produced by %s', (type, scenario) => {
    expect([...(produced.get(scenario) ?? [])].sort()).toContain(type);
  });
});
