import type { Bps, PriceE4, Shares, WeightFrac } from './units.ts';

/**
 * Every number of the pipeline, with its unit. The scenario schema in `config/` documents the defaults and the
 * ranges; by the time a value of these types exists, it has been validated. The pure zone trusts it.
 */
export interface EngineSettings {
  readonly seed: number;
  /** Errors that touch artifacts or routing stop the run when true; otherwise they become events and the symbol is held. */
  readonly strict: boolean;
  readonly initialCashMicros: number;
  /** Cycle spacing in minutes of the session grid. */
  readonly cycleMinutes: number;
  readonly prediction: PredictionSettings;
  readonly blending: BlendingSettings;
  readonly arbitration: ArbitrationSettings;
  readonly gating: GatingSettings;
  readonly sizing: SizingSettings;
  readonly risk: RiskSettings;
  readonly execution: ExecutionSettings;
  readonly exchange: ExchangeSettings;
  readonly learning: LearningSettings;
  readonly reconciliation: ReconciliationSettings;
}

/** How the books are compared with the broker's account, and what follows when they differ. */
export interface ReconciliationSettings {
  /** `strict` raises and stops new exposure, `warn` raises, `auto_sync` takes over what the broker has. */
  readonly mode: 'strict' | 'warn' | 'auto_sync';
  readonly everyCycles: number;
  /** Cash that may differ. */
  readonly cashToleranceMicros: number;
  /** Snapshots in a row that must show a difference before anything but a halt of its symbol follows. */
  readonly confirmations: number;
}

export interface PredictionSettings {
  /** Ring length of raw outputs per (symbol, target, family), in cycles. Default 10 trading days = 3900. */
  readonly standardizeWindow: number;
  readonly standardizeMinSamples: number;
  /** A smaller standard deviation of raw outputs is no spread at all: the score is 0. */
  readonly standardizeMinStd: number;
  /** A cross-sectional ranking of fewer symbols gives no score. */
  readonly rankMinSymbols: number;
  /** Scores are clipped to +-this. */
  readonly scoreClip: number;
  /** Pairs kept per (target, family). */
  readonly icWindow: number;
  readonly icMinPairs: number;
  /** n/(n + this) shrinks IC toward 0. */
  readonly icShrinkPairs: number;
  readonly icRecomputeCycles: number;
  readonly confidenceFloor: number;
  /** Freshness scale by horizon label, seconds. */
  readonly freshnessTauSeconds: Readonly<Record<string, number>>;
  readonly freshnessTauDefaultSeconds: number;
  readonly capacityKappa: number;
  /** Stability reported below `icMinPairs` pairs. */
  readonly stabilityDefault: number;
  /** Half-life of the EWMA of squared 5-minute returns, in 5-minute bars. */
  readonly volHalfLifeBars: number;
  readonly volMinReturns: number;
  /** Half-life of the EWMA of squared overnight returns, in sessions. */
  readonly overnightHalfLifeSessions: number;
  /** Absent: every answer is in time. */
  readonly deadline?: InferenceDeadline;
}

/** Models must answer within a time of the cycle falling due; in a backtest their latency is simulated. */
export interface InferenceDeadline {
  readonly milliseconds: number;
  /** Mean simulated latency by family; a family without one answers at once. */
  readonly meanLatencyMilliseconds: Readonly<Record<string, number>>;
}

export interface BlendingSettings {
  readonly ridgeLambda: number;
  /** Share of IC given up per unit of cost share. */
  readonly costPenalty: number;
  readonly muFloor: number;
  /** Ring length of standardised scores behind the correlation, in cycles. */
  readonly correlationWindow: number;
  readonly temperature: Readonly<Record<string, number>>;
  readonly temperatureDefault: number;
}

export interface ArbitrationSettings {
  /** Multiplies the quoted spread. */
  readonly k1: number;
  /** Multiplies the timing cost. */
  readonly k2: number;
  /** Multiplies the square-root impact. */
  readonly k3: number;
  /** Impact of an order of `impactParticipation` of average daily dollar volume, before k3. */
  readonly impactBps: Bps;
  readonly impactParticipation: number;
  readonly entryThresholdBps: Bps;
  /** Added to the threshold per bp of spread. */
  readonly reserve: number;
}

export interface GatingSettings {
  readonly enableSpreadGate: boolean;
  readonly maxSpreadBps: Bps;
  readonly maxQuoteAgeSeconds: number;
  readonly enableBarrierGate: boolean;
  readonly gateFloor: number;
  readonly peakExponent: number;
  readonly valleyExponent: number;
  /** Share of the favourable term that needs no favourable probability. */
  readonly favourableBase: number;
  readonly peakThreshold: number;
  readonly valleyThreshold: number;
  /** Added to a barrier threshold before it forces an exit. */
  readonly exitMargin: number;
  /** An opposing alpha forces an exit above this fraction of its cost. */
  readonly opposingAlphaCostFraction: number;
  /** Flatten this many minutes before the close; 0 keeps positions overnight. */
  readonly endOfDayFlattenMinutes: number;
}

export interface SizingSettings {
  readonly icRef: number;
  readonly zMax: number;
  readonly maxWeight: WeightFrac;
  readonly band: WeightFrac;
  /** The band is at most this fraction of gross target / universe size. */
  readonly bandGrossFraction: number;
  readonly grossTarget: WeightFrac;
  readonly lotShares: Shares;
  readonly minTradeNotionalMicros: number;
}

export interface RiskSettings {
  readonly priceCollarBps: Bps;
  readonly maxOrderValueMicros: number;
  readonly maxOrderShares: Shares;
  /** Order size limit as a fraction of ADV; ignored while ADV is unknown. */
  readonly maxAdvFraction: number;
  readonly maxOpenOrdersPerSymbol: number;
  readonly maxOpenOrders: number;
  /** Orders allowed per rolling minute of logical time. */
  readonly maxOrdersPerMinute: number;
  /** Orders of one symbol and side that execute in the window before trading stops; absent turns the throttle off. */
  readonly maxRepeatedExecutions?: number;
  /** The throttle's rolling window, minutes of logical time. */
  readonly repeatedExecutionMinutes: number;
  readonly cooldownSeconds: number;
  readonly maxPositionFrac: WeightFrac;
  readonly maxGrossFrac: WeightFrac;
  readonly maxNetFrac: WeightFrac;
  /** Limit of each sector's gross; absent exactly where `sectors` is empty. */
  readonly maxSectorFrac?: WeightFrac;
  /** Code-unit order, of names and of symbols; a symbol is in one at most. */
  readonly sectors: readonly SectorSettings[];
  readonly allowShort: boolean;
  /** Symbols that cannot be borrowed: held or long, never short. Code-unit order, as are the restricted ones. */
  readonly noBorrowSymbols: readonly string[];
  readonly restrictedSymbols: readonly string[];
  readonly maxDataAgeSeconds: number;
  /** Age of the quote an order is priced and judged by. */
  readonly maxQuoteAgeSeconds: number;
  /** A symbol without a bar for longer is an error; absent or 0: gaps are not watched. */
  readonly maxDataGapMinutes?: number;
  /** Price step of orders from one dollar up, and below. */
  readonly tickE4: PriceE4;
  readonly subDollarTickE4: PriceE4;
  /** Fraction of the previous session's closing equity. */
  readonly dailyLossFrac: number;
  /** Fraction of peak equity. */
  readonly drawdownFrac: number;
  /** Fraction of the highest equity of the last `lossVelocityMinutes` of logical time; absent turns it off. */
  readonly lossVelocityFrac?: number;
  readonly lossVelocityMinutes: number;
  /** Warn at this fraction of a limit. */
  readonly warnFraction: number;
  readonly killAction: 'reduce_only' | 'flatten';
}

export interface SectorSettings {
  readonly name: string;
  readonly symbols: readonly string[];
}

export interface ExecutionSettings {
  readonly orderType: 'market' | 'limit' | 'marketable_limit';
  /** `marketable_limit`: distance through the touch; `limit`: distance inside it. */
  readonly limitOffsetBps: Bps;
  readonly timeInForce: 'day' | 'ioc';
  /** Wait before a refused cancellation is asked for again; doubled with each refusal. */
  readonly cancelRetrySeconds: number;
}

export type FeeModel =
  | { readonly kind: 'bps'; readonly bps: Bps }
  | { readonly kind: 'per_share'; readonly perShareMicros: number; readonly minimumMicros: number };

/** Shares borrowed for short sales: fees in bps of value a year of 360 days. */
export interface BorrowSettings {
  readonly annualBps: Bps;
  /** Code-unit order of keys. */
  readonly annualBpsBySymbol: Readonly<Record<string, Bps>>;
  /** Symbols nobody lends, code-unit order. */
  readonly noBorrowSymbols: readonly string[];
}

export interface ExchangeSettings {
  /** An order that comes this soon after a bar opened may still fill at its opening. */
  readonly decisionAllowanceUs: number;
  readonly slippageBps: Bps;
  /** Square-root participation slippage: bps at 100 % of the bar's volume; 0 turns it off. */
  readonly impactBps: Bps;
  /** Most of a bar's volume one order may take, fraction. */
  readonly participationCap: number;
  /** Most of the displayed size our orders may take of a bar without trades, fraction. */
  readonly displayedSizeCap: number;
  readonly fee: FeeModel;
  readonly allowShort: boolean;
  readonly borrow: BorrowSettings;
  /** Buying power = equity * this - gross exposure; 1 is a cash account, 2 Regulation T. */
  readonly leverage: number;
}

export interface LearningSettings {
  /** `off` leaves every horizon its static weight; see `learning/` for the others. */
  readonly algorithm: 'off' | 'exp3ix' | 'hedge';
  /** `exp3ix`: probability that a new entry draws its horizon instead of taking the best score. The others draw none. */
  readonly explore: number;
  /** A return of this many standard deviations of the horizon's return is a reward of 1. */
  readonly rewardSigmas: number;
  /** Most that learned weights count beside the static ones. */
  readonly blend: number;
  /** Rewards before learned weights count at all. */
  readonly rampStartRewards: number;
  /** Rewards over which they come to count in full; 0 is at once. */
  readonly rampRewards: number;
  /** By horizon label; a horizon without one counts as 1/K before they are normalised. */
  readonly staticWeights: Readonly<Record<string, number>>;
}
