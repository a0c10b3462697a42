import type { LoadedScenario } from '../config/load-scenario.ts';
import type { EngineSettings } from '../domain/settings.ts';
import type { MoneyMicros, Shares, TimeUs } from '../domain/units.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import type { Broker } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { MarketDataSource } from '../ports/market-source.ts';
import type { TapeWriter } from '../ports/tape.ts';
import type { LoopLatency } from '../runtime/latency-marks.ts';
import type { Arrival, LiveLoop } from '../runtime/live-loop.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import type { RunIdentity, RunMode } from './run-identity.ts';
import type { RunObserver } from './run-observer.ts';
import type { RunResult } from './run-views.ts';

/** A run that a crash or an interruption left, its tape made whole and its engine standing where it stood. */
export interface ResumedLive {
  readonly runDir: string;
  readonly identity: RunIdentity;
  readonly engine: Engine;
  readonly tape: TapeWriter;
  readonly lastCycle: number;
  /** End of the newest bar on the tape, 0 where there is none. */
  readonly newestBarUs: TimeUs;
}

export interface LiveResumeHooks {
  readonly mirror?: (event: InputEvent, derived: readonly DerivedEvent[]) => void;
  readonly attach?: (identity: RunIdentity, streams: RunStreams) => void;
}

/** What a run is about to begin with, for whoever confirms it. */
export interface LiveStart {
  readonly identity: RunIdentity;
  readonly isResumed: boolean;
  /** The broker's name of the account; its own, where it gives none. */
  readonly accountId: string;
  readonly openOrders: number;
  readonly cashMicros: MoneyMicros;
  readonly portfolioValueMicros: MoneyMicros;
  readonly positions: Readonly<Record<string, Shares>>;
}

/** What an operator can reach while a run goes on. */
export interface LiveControls {
  readonly loop: LiveLoop;
  readonly engine: Engine;
  readonly runDir: string;
}

export interface LiveOptions {
  /** Keeps other runs off the account, before anybody is asked; released when the run has ended. */
  readonly lockAccount?: (account: { readonly accountSha256: string; readonly runDir: string }) => {
    readonly release: () => void;
  };
  readonly scenario: LoadedScenario;
  /** Folder that the run folder is made in. */
  readonly outDir: string;
  readonly kind: RunMode['kind'];
  readonly clock: Clock;
  readonly openSource: (spec: {
    readonly symbols: readonly string[];
    readonly clock: Clock;
    /** When the run began and how many sessions it has in all, also where it is taken up later. */
    readonly startedUs: TimeUs;
    readonly sessionCount: number;
  }) => Promise<MarketDataSource>;
  readonly openBroker: (spec: {
    readonly settings: EngineSettings;
    readonly symbols: readonly string[];
    readonly clock: Clock;
  }) => Promise<Broker>;
  /** Sessions to trade, one that has begun included. */
  readonly sessionCount: number;
  /** Takes up a run that was left; each step of its tape is shown to a broker that is simulated. */
  readonly resume?: (hooks: LiveResumeHooks) => ResumedLive;
  /** Identity of the run that is taken up. */
  readonly resumed?: RunIdentity;
  /** Rejects to go no further; asked when accounts are known and before anything is recorded or sent. */
  readonly confirm?: (start: LiveStart) => Promise<void>;
  /** Opens what an operator speaks to. @returns closes it, and a look for a command between two inputs */
  readonly openControls?: (controls: LiveControls) => Promise<OperatorLine>;
  /** Ends the run without closing its tape: started again, it goes on. */
  readonly signal?: AbortSignal;
  /** Times the loop; absent: nothing is timed. */
  readonly latency?: LoopLatency;
  readonly nonce?: string;
  readonly attach?: (streams: RunStreams) => void;
  /** Watches the run, its past included where it is taken up again. */
  readonly observer?: RunObserver | undefined;
  /** Around the tape, for tests that stand between a record and the disk. */
  readonly aroundTape?: (tape: TapeWriter) => TapeWriter;
  /** Told of requests that failed and are made again. */
  readonly onTrouble: (error: unknown) => void;
}

export interface OperatorLine {
  /** A command that waits for no turn, if there is one. */
  readonly takeUrgent?: () => Arrival | undefined;
  readonly close: () => Promise<void>;
}

export interface LiveResult extends RunResult {
  /** False where it was interrupted, or ended killed: started again, it goes on. */
  readonly isClosed: boolean;
}
