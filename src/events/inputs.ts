import type { CorporateAction } from '../domain/corporate-actions.ts';
import type { MarketSlice, Session } from '../domain/market-table.ts';
import type { Execution, OpenOrder, OrderProgress, OrderRejectReason } from '../domain/orders.ts';
import type { SettingChanges } from '../domain/setting-changes.ts';
import type { TightenableLimit } from '../domain/tighten.ts';
import type { MoneyMicros, Shares, TimeUs } from '../domain/units.ts';
import type { JsonObject } from './record.ts';

/** How a slice's market data is found again: by dataset reference in a backtest, or carried in the record. */
export type MarketOrigin = 'dataset' | 'inline';

/** Why a model gave nothing to use: its output was NaN or infinite, had another shape, came too late, or it threw. */
export type ModelFaultReason = 'not_finite' | 'wrong_shape' | 'failed' | 'late';

/** What one model failed to answer in one cycle. Its predictions there are missing, so it weighs nothing in the blend. */
export interface ModelFault {
  /** Index into the layout's columns. */
  readonly column: number;
  readonly reason: ModelFaultReason;
  /** Universe indices of the symbols it failed for, ascending; absent where it failed for all of them. */
  readonly symbols?: readonly number[];
  /** What was found, on one line; nothing about the host. */
  readonly detail: string;
}

/** Predictions of one cycle: facts from outside, recorded as they came. Column-major over the signal layout. */
export interface Predictions {
  readonly cycle: number;
  /** Raw model outputs, float32; 0 where `valid` is 0. */
  readonly values: Float32Array;
  /** 1 where the output is a finite number, 0 where it is missing. */
  readonly valid: Uint8Array;
  /** Models that failed, by column; absent when none did. */
  readonly faults?: readonly ModelFault[];
}

/** What can fall silent: the market data feed, the broker, or the machine's clock, which was set back. */
export type ConnectionSource = 'market_data' | 'broker' | 'clock';

export type OperatorCommand = 'pause' | 'resume' | 'kill' | 'reset' | 'flatten' | 'reconcile';

/** Everything that enters the engine. Each is appended to the tape before `step` sees it. */
export type InputEvent =
  | { readonly type: 'RunStarted'; readonly tUs: TimeUs; readonly identity: JsonObject }
  /** Horizons found in the run root's target names, shortest first, where the scenario leaves them to be found. */
  | {
      readonly type: 'HorizonsDiscovered';
      readonly tUs: TimeUs;
      readonly horizons: readonly string[];
      /** Targets of the run root that the run uses, code-unit order. */
      readonly targets: readonly string[];
    }
  /** Something wrong with an artifact that a strict run would have refused. */
  | {
      readonly type: 'ArtifactWarned';
      readonly tUs: TimeUs;
      readonly code: string;
      /** Path below the run root, `/` between parts. */
      readonly file: string;
      readonly detail: string;
    }
  | { readonly type: 'SessionOpened'; readonly tUs: TimeUs; readonly session: Session }
  | {
      readonly type: 'CorporateActionApplied';
      /** The open of the first session on or after the ex-date. */
      readonly tUs: TimeUs;
      readonly action: CorporateAction;
    }
  | { readonly type: 'SessionClosed'; readonly tUs: TimeUs; readonly date: string }
  | {
      readonly type: 'MarketSlice';
      readonly tUs: TimeUs;
      readonly origin: MarketOrigin;
      readonly slice: MarketSlice;
    }
  | { readonly type: 'CycleDue'; readonly tUs: TimeUs; readonly cycle: number }
  | { readonly type: 'PredictionsMade'; readonly tUs: TimeUs; readonly predictions: Predictions }
  | {
      readonly type: 'InferenceFailed';
      readonly tUs: TimeUs;
      readonly cycle: number;
      readonly reason: string;
    }
  | { readonly type: 'OrderAccepted'; readonly tUs: TimeUs; readonly clientOrderId: string }
  | {
      readonly type: 'OrderRejected';
      readonly tUs: TimeUs;
      readonly clientOrderId: string;
      readonly reason: OrderRejectReason;
      readonly detail: string;
    }
  | {
      readonly type: 'OrderPartiallyFilled';
      readonly tUs: TimeUs;
      readonly execution: Execution;
      readonly leavesQuantity: Shares;
    }
  | { readonly type: 'OrderFilled'; readonly tUs: TimeUs; readonly execution: Execution }
  | { readonly type: 'OrderCancelled'; readonly tUs: TimeUs; readonly clientOrderId: string }
  | { readonly type: 'OrderExpired'; readonly tUs: TimeUs; readonly clientOrderId: string }
  /** An intermediate state of an order at its broker, for the record. */
  | {
      readonly type: 'OrderUpdated';
      readonly tUs: TimeUs;
      readonly clientOrderId: string;
      readonly brokerOrderId: string;
      readonly status: OrderProgress;
    }
  /** The order works on; its cancellation may be asked for again. */
  | {
      readonly type: 'CancelRejected';
      readonly tUs: TimeUs;
      readonly clientOrderId: string;
      readonly reason: string;
    }
  /** An execution that takes the place of one reported before; with quantity 0, that one is busted. */
  | {
      readonly type: 'ExecutionCorrected';
      readonly tUs: TimeUs;
      readonly execution: Execution;
      /** Id of the execution that it takes the place of. */
      readonly corrects: string;
    }
  /** The whole fee of an execution, known later than the fill; negative for a rebate. */
  | {
      readonly type: 'CommissionReported';
      readonly tUs: TimeUs;
      readonly executionId: string;
      readonly feeMicros: MoneyMicros;
    }
  | {
      readonly type: 'BrokerSnapshot';
      readonly tUs: TimeUs;
      readonly cashMicros: MoneyMicros;
      readonly positions: Readonly<Record<string, Shares>>;
      /** Absent where the broker was not asked for them. */
      readonly openOrders?: readonly OpenOrder[];
    }
  | {
      /** The lender's charge for shares sold short and held overnight. */
      readonly type: 'BorrowFeeCharged';
      readonly tUs: TimeUs;
      readonly symbol: string;
      /** Borrowed shares, positive. */
      readonly shares: Shares;
      readonly nights: number;
      readonly feeMicros: MoneyMicros;
    }
  | {
      readonly type: 'OperatorCommanded';
      readonly tUs: TimeUs;
      readonly command: OperatorCommand;
      readonly who: string;
      readonly why: string;
    }
  | {
      /** A limit of the scenario's risk section was made smaller while the run went on. */
      readonly type: 'ConfigChanged';
      readonly tUs: TimeUs;
      readonly limit: TightenableLimit;
      /** As a scenario states it. */
      readonly value: number;
      readonly who: string;
      readonly why: string;
    }
  /** A run is forked here: from now on these settings hold. Never in a run that is no fork. */
  | { readonly type: 'SettingsChanged'; readonly tUs: TimeUs; readonly changes: SettingChanges }
  | {
      readonly type: 'ConnectionLost';
      readonly tUs: TimeUs;
      readonly source: ConnectionSource;
      readonly reason: string;
    }
  | { readonly type: 'ConnectionRestored'; readonly tUs: TimeUs; readonly source: ConnectionSource }
  /**
   * A symbol has had no bar for longer than allowed, once a gap, at the first event that finds it so; or a bar of it came
   * behind others of its minute, which is decided on without.
   */
  | {
      readonly type: 'DataGapDetected';
      readonly tUs: TimeUs;
      readonly symbol: string;
      /** End of its newest bar, or the open of the session. */
      readonly sinceUs: TimeUs;
      /** End of a bar that came behind its minute and was not taken; absent where none came. */
      readonly lateBarUs?: TimeUs;
    }
  /** The source is alive and logical time has come this far, whether or not anything happened. */
  | { readonly type: 'Heartbeat'; readonly tUs: TimeUs }
  | {
      readonly type: 'TapeRecovered';
      readonly tUs: TimeUs;
      /** Whole records that were found. */
      readonly records: number;
      /** Bytes of a record cut short that were taken off the end, 0 when there were none. */
      readonly tornBytes: number;
    }
  | { readonly type: 'RunStopped'; readonly tUs: TimeUs; readonly reason: string };

export type InputType = InputEvent['type'];
export type BrokerSnapshot = Extract<InputEvent, { readonly type: 'BrokerSnapshot' }>;
export type BorrowFeeCharged = Extract<InputEvent, { readonly type: 'BorrowFeeCharged' }>;
/** Reports that move an order. */
export type OrderReport = Extract<
  InputEvent,
  {
    readonly type:
      | 'OrderAccepted'
      | 'OrderRejected'
      | 'OrderPartiallyFilled'
      | 'OrderFilled'
      | 'OrderCancelled'
      | 'OrderExpired';
  }
>;
export type BrokerReport =
  | OrderReport
  | Extract<
      InputEvent,
      {
        readonly type: 'OrderUpdated' | 'CancelRejected' | 'ExecutionCorrected' | 'CommissionReported';
      }
    >;

/** Types of input records, for telling input from derived records when reading a tape. */
export const INPUT_TYPES: ReadonlySet<string> = new Set<InputType>([
  'RunStarted',
  'HorizonsDiscovered',
  'ArtifactWarned',
  'SessionOpened',
  'CorporateActionApplied',
  'SessionClosed',
  'MarketSlice',
  'CycleDue',
  'PredictionsMade',
  'InferenceFailed',
  'OrderAccepted',
  'OrderRejected',
  'OrderPartiallyFilled',
  'OrderFilled',
  'OrderCancelled',
  'OrderExpired',
  'OrderUpdated',
  'CancelRejected',
  'ExecutionCorrected',
  'CommissionReported',
  'BrokerSnapshot',
  'BorrowFeeCharged',
  'OperatorCommanded',
  'ConfigChanged',
  'SettingsChanged',
  'ConnectionLost',
  'ConnectionRestored',
  'DataGapDetected',
  'Heartbeat',
  'TapeRecovered',
  'RunStopped',
]);
