/**
 * sametape: one tape, one pipeline. A tape is an append-only, hash-chained log of events, and the engine is a pure
 * function over it. The folders of `src/`, in the order data flows:
 *
 * - `domain/`    units, money, horizons, instruments, orders, ledger, errors
 * - `math/`      deterministic exp/ln/pow, rolling statistics, rank correlation, hashing, seeded draws
 * - `events/`    input and derived events, canonical encoding
 * - `pipeline/`  0-features, 1-prediction, 2-blending, 3-arbitration, 4-gating, 5-sizing, 6-risk; `pipeline.ts` composes them
 * - `learning/`  weights of horizons: Exp3-IX, Hedge, rewards, ensemble
 * - `engine/`    `step(engine, input)`: sessions, cycles, orders, reports, kill switch, snapshots
 * - `exchange/`  the simulated exchange, a reducer too
 * - `ports/`     types of what is outside: datasets, market sources, brokers, clock, models, tape
 * - `data/`      importers, datasets, the synthetic universe, the session calendar
 * - `tape/`      chain, file tape, recovery, verify, decision head
 * - `sources/`   what writes a tape's inputs: datasets, made-up and live markets, sessions by the clock, operators
 * - `net/`       guarded addresses, budgets of requests, sockets that come back
 * - `brokers/`   simulated, Alpaca, IBKR
 * - `models/`    run roots, ONNX inference, recorded predictions
 * - `runtime/`   the loops: append, step, append, act
 * - `modes/`     wiring of backtest, paper and live
 * - `observability/` latencies, metrics, alerts and the dashboard of paper and live runs
 * - `report/`    statistics, summary, exports
 * - `research/`  replay, explain, golden, look-ahead audit, promote, sweeps, training
 * - `config/`    scenario schema, defaults, loading
 * - `cli/`       one file a command
 */
export { type LoadedScenario, type LoadOptions, loadScenario } from './config/load-scenario.ts';
export { type FileDataset, openDataset } from './data/dataset.ts';
export { writeDataset } from './data/dataset-writer.ts';
export { importDataset } from './data/import.ts';
export type { ImportOptions, ImportReport } from './data/import-types.ts';
export { synthesize } from './data/synth.ts';
export type { SynthOptions } from './data/synth-options.ts';
export {
  CheckFailedError,
  InputError,
  InvariantError,
  SametapeError,
  ServiceError,
} from './domain/errors.ts';
export type { MarketTable, Session } from './domain/market-table.ts';
export { createEngine, type Engine, type EngineConfig } from './engine/engine-state.ts';
export { decodeState, encodeState } from './engine/snapshot.ts';
export { type StepResult, step } from './engine/step.ts';
export type { Decision, DerivedEvent } from './events/derived.ts';
export type { InputEvent } from './events/inputs.ts';
export { type BacktestOptions, runBacktest } from './modes/backtest.ts';
export { runLive } from './modes/live.ts';
export type { LiveOptions, LiveResult } from './modes/live-options.ts';
export { type PaperOptions, runPaper } from './modes/paper.ts';
export type { RunResult } from './modes/run-views.ts';
export type { Broker, BrokerNews, BrokerRules } from './ports/broker.ts';
export type { Clock } from './ports/clock.ts';
export type { MarketDataSource, MarketNews } from './ports/market-source.ts';
export { type Progress, silentProgress } from './ports/progress.ts';
export { type ExplainOptions, type Explanation, explainDecision } from './research/explain.ts';
export { checkGolden, type GoldenCheck, type GoldenOptions, updateGolden } from './research/golden.ts';
export { type ReplayRunOptions, type ReplayRunResult, replayRun } from './research/replay-run.ts';
export { type TrainOptions, type TrainReport, trainRunRoot } from './research/training/train-run-root.ts';
export { readTape } from './tape/read-tape.ts';
export { type VerifyReport, verifyTape } from './tape/verify.ts';
