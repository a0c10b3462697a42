import type { CorporateAction } from '../domain/corporate-actions.ts';
import type { DecisionKind, DecisionReason } from '../domain/decisions.ts';
import type { OrderRequest, Side } from '../domain/orders.ts';
import type { MoneyMicros, PriceE4, Shares, WeightFrac } from '../domain/units.ts';
import type { ModelFaultReason } from './inputs.ts';

/** Names of the digests in CycleCompleted, in the order data flows. */
export const STAGES = [
  'features',
  'prediction',
  'blending',
  'arbitration',
  'gating',
  'sizing',
  'risk',
] as const;
export type Stage = (typeof STAGES)[number];
export type StageDigests = Readonly<Record<Stage, string>>;

/** What was decided for one symbol in one cycle. `horizon` and the numbers are set when a side was chosen. */
export interface Decision {
  readonly symbol: string;
  readonly kind: DecisionKind;
  readonly reason: DecisionReason;
  readonly horizon?: string;
  readonly side?: Side;
  /** Target weight of equity, signed. */
  readonly targetWeight?: WeightFrac;
  /** Target position after this decision, signed shares. */
  readonly targetShares?: Shares;
  /** For a refusal by risk or a gate: the value that failed and the limit it failed against. */
  readonly value?: number;
  readonly limit?: number;
  /** Why the position was to be left, where risk refused or cut the exit and `reason` names its check. */
  readonly exitReason?: DecisionReason;
  /** For a new entry while learning: the probability that its horizon was taken, draws included. */
  readonly propensity?: number;
}

/** What `step` returns. The runtime appends each to the tape, then carries out those that ask for an effect. */
export type DerivedEvent =
  | { readonly type: 'CycleStarted'; readonly cycle: number }
  | { readonly type: 'InferenceRequested'; readonly cycle: number; readonly featuresDigest: string }
  | {
      readonly type: 'CycleCompleted';
      readonly cycle: number;
      readonly decisions: readonly Decision[];
      readonly digests: StageDigests;
      readonly equityMicros: MoneyMicros;
    }
  | {
      /** A model weighs nothing in this cycle, for the symbols named or, without any, for all. */
      readonly type: 'ModelFaulted';
      readonly cycle: number;
      readonly model: string;
      readonly reason: ModelFaultReason;
      readonly symbols?: readonly string[];
    }
  | { readonly type: 'CycleSkipped'; readonly cycle: number; readonly reason: string }
  | {
      readonly type: 'OrderIntended';
      readonly order: OrderRequest;
      readonly cycle: number;
      readonly horizon?: string;
      readonly reason: DecisionReason;
    }
  | { readonly type: 'CancelIntended'; readonly clientOrderId: string; readonly reason: string }
  | {
      readonly type: 'PositionOpened';
      readonly symbol: string;
      readonly shares: Shares;
      readonly priceE4: PriceE4;
    }
  | {
      readonly type: 'PositionChanged';
      readonly symbol: string;
      readonly shares: Shares;
      readonly priceE4: PriceE4;
    }
  | {
      readonly type: 'PositionClosed';
      readonly symbol: string;
      readonly priceE4: PriceE4;
      readonly realizedMicros: MoneyMicros;
    }
  | {
      /**
       * A corporate action changed a position or paid on it (0 shares when a reverse split left no whole one), or the
       * books of one were put right.
       */
      readonly type: 'PositionAdjusted';
      readonly symbol: string;
      readonly cause: AdjustmentCause;
      readonly shares: Shares;
      /** What cash changed by: a dividend, money for a fraction of a share, what was booked wrong. */
      readonly cashMicros: MoneyMicros;
      /** What price gains changed by. */
      readonly realizedMicros: MoneyMicros;
    }
  | {
      readonly type: 'RiskLimitWarned';
      readonly limit: WarnedLimit;
      readonly value: number;
      readonly threshold: number;
      readonly symbol?: string;
      readonly sector?: string;
    }
  | {
      /** An entry gate began to block a symbol, or blocks it for another reason; not repeated while it does. */
      readonly type: 'GateBlocked';
      readonly cycle: number;
      readonly symbol: string;
      readonly reason: DecisionReason;
      readonly value: number;
      readonly limit: number;
    }
  | {
      /** A symbol's quote grew too old to enter on; not repeated until a fresh one has come. */
      readonly type: 'QuoteStale';
      readonly cycle: number;
      readonly symbol: string;
      readonly ageUs: number;
      readonly limitUs: number;
    }
  | {
      readonly type: 'KillSwitchTripped';
      readonly cause: KillCause;
      readonly value: number;
      readonly limit: number;
    }
  | { readonly type: 'KillSwitchReset'; readonly cause: KillCause; readonly by: string }
  /** An effect: the broker is asked for its account, and answers with BrokerSnapshot. */
  | { readonly type: 'ReconciliationRequested'; readonly reason: ReconciliationReason }
  /** The broker's account is compared with the books: started, one for each difference, ended with their count. */
  | { readonly type: 'ReconciliationStarted' }
  | {
      readonly type: 'ReconciliationMismatched';
      readonly item: ReconciliationItem;
      readonly symbol?: string;
      /** Of an order; empty where it carries none. */
      readonly clientOrderId?: string;
      /** Micro-dollars, shares or ten-thousandths of a dollar, by the engine's books and by the broker. */
      readonly ours: number;
      readonly theirs: number;
    }
  /** The broker's side was taken into the books: what cash changed by; shares, at a price; an order that has ended. */
  | { readonly type: 'CashAdopted'; readonly cashMicros: MoneyMicros }
  | {
      readonly type: 'PositionAdopted';
      readonly symbol: string;
      /** Signed change, and the position after it. */
      readonly change: Shares;
      readonly shares: Shares;
      readonly priceE4: PriceE4;
      /** Price gain of the lots it closed. */
      readonly realizedMicros: MoneyMicros;
    }
  | { readonly type: 'OrderDropped'; readonly clientOrderId: string; readonly leavesQuantity: Shares }
  | { readonly type: 'ReconciliationEnded'; readonly mismatches: number }
  | {
      /** A position entered on a horizon is closed, and what it was worth. */
      readonly type: 'RewardObserved';
      readonly symbol: string;
      readonly horizon: string;
      /** Net return of the round trip, fraction of what was entered. */
      readonly netReturn: number;
      /** Standard deviation of the horizon's return when it was entered, decimal. */
      readonly sigma: number;
      /** In [-1, 1], and the loss it means, in [0, 1]. */
      readonly reward: number;
      readonly loss: number;
      readonly propensity: number;
    }
  | {
      /** Weights of horizons after something was learned; lists run over `arms`. */
      readonly type: 'LearningUpdated';
      readonly algorithm: 'exp3ix' | 'hedge';
      readonly arms: readonly string[];
      readonly rounds: number;
      readonly lossSums: readonly number[];
      readonly probabilities: readonly number[];
      readonly omega: readonly number[];
    }
  | {
      readonly type: 'ErrorRaised';
      readonly code: string;
      readonly message: string;
      readonly symbol?: string;
    };

/** `exposure` is gross; `repeated_execution` and `position` name a symbol, `sector` a sector. */
export type WarnedLimit =
  | 'daily_loss'
  | 'drawdown'
  | 'loss_velocity'
  | 'repeated_execution'
  | 'position'
  | 'exposure'
  | 'net'
  | 'sector';

export type KillCause =
  | 'daily_loss'
  | 'drawdown'
  | 'loss_velocity'
  | 'repeated_execution'
  | 'operator'
  | 'order_state'
  | 'strict_error';
/**
 * `orphan_position`: held by the broker and not by us, or outside the universe. `unknown_order`: open at the broker and
 * not at work in the books; `missing_order` the other way round. `order_shares`: an order that both have at work is left
 * with other shares, signed by its side; `order_price`: it has another limit.
 */
export type ReconciliationItem =
  | 'cash'
  | 'position'
  | 'orphan_position'
  | 'unknown_order'
  | 'missing_order'
  | 'order_shares'
  | 'order_price';

/** A corporate action, a corrected execution, or a fee that came late. */
export type AdjustmentCause = CorporateAction['kind'] | 'correction' | 'commission';

/** Why the broker is asked; `mismatch`: the last answer differed from the books, which reports on the way may explain. */
export type ReconciliationReason = 'start' | 'cycle' | 'reconnect' | 'operator' | 'mismatch';
export type DerivedType = DerivedEvent['type'];
