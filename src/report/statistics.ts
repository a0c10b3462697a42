import { equityMicros } from '../domain/ledger.ts';
import type { DurationUs, MoneyMicros } from '../domain/units.ts';
import type { DecisionCounts, OrderCounts, RunCollector, SessionPoint } from './collect.ts';
import { annualizedReturn, calmarRatio, ratio, returnsOf, sharpeRatio, sortinoRatio } from './measures.ts';

export const SESSIONS_PER_YEAR = 252;

/**
 * The textbook statistics of a run. A statistic that is not defined is null: never NaN, never a made-up 0.
 * Ratios of risk and return stand on one return a session, from the initial capital through each closing equity.
 */
export interface RunStatistics {
  readonly cycles: number;
  readonly sessions: readonly SessionPoint[];
  readonly initialEquityMicros: MoneyMicros;
  readonly finalEquityMicros: MoneyMicros;
  readonly netPnlMicros: MoneyMicros;
  /** Before fees; slippage is in the prices. */
  readonly grossPnlMicros: MoneyMicros;
  readonly feesMicros: MoneyMicros;
  /** Received less paid on short positions. */
  readonly dividendsMicros: MoneyMicros;
  /** Charged for shares sold short and kept overnight; not among `feesMicros`. */
  readonly borrowFeesMicros: MoneyMicros;
  readonly slippage: SlippageStatistics;
  /** Fraction of the initial equity. */
  readonly totalReturn: number | null;
  readonly annualizedReturn: number | null;
  readonly sharpe: number | null;
  readonly sortino: number | null;
  readonly calmar: number | null;
  readonly maxDrawdown: DrawdownStatistics;
  /** Value of all fills, and as a multiple of the mean equity. */
  readonly tradedMicros: MoneyMicros;
  readonly turnover: number | null;
  readonly exposure: ExposureStatistics;
  readonly orders: OrderCounts;
  readonly roundTrips: RoundTripStatistics;
  readonly openAtEnd: OpenPositionStatistics;
  readonly decisions: DecisionCounts;
}

/** What fills cost against the mid when their order was decided (implementation shortfall), half the spread included. */
export interface SlippageStatistics {
  readonly costMicros: MoneyMicros;
  /** Of the value it was measured on. */
  readonly costBps: number | null;
}

/** Over cycles and session closes. */
export interface DrawdownStatistics {
  readonly frac: number;
  readonly micros: MoneyMicros;
  /** Longest calendar time below a peak. */
  readonly durationUs: DurationUs;
}

/** Means over cycles, as fractions of equity. */
export interface ExposureStatistics {
  readonly meanGrossFrac: number | null;
  readonly meanNetFrac: number | null;
  readonly timeInMarketFrac: number | null;
}

/** Positions from flat to flat, after fees. */
export interface RoundTripStatistics {
  readonly count: number;
  readonly long: number;
  readonly short: number;
  readonly wins: number;
  readonly losses: number;
  /** Wins of all round trips. */
  readonly hitRate: number | null;
  /** Gains by losses; null while nothing was lost. */
  readonly profitFactor: number | null;
  readonly meanNetMicros: number | null;
  readonly bestMicros: MoneyMicros | null;
  readonly worstMicros: MoneyMicros | null;
  readonly meanHoldingUs: DurationUs | null;
}

/** Positions that no round trip holds yet: what they would gain at their marks, before fees. */
export interface OpenPositionStatistics {
  readonly count: number;
  readonly unrealisedMicros: MoneyMicros;
}

export function statisticsOf(collector: RunCollector): RunStatistics {
  const { ledger, sessions, drawdown, cycles } = collector;
  const initial = ledger.initialCashMicros;
  const final = equityMicros(ledger, collector.marks.priceE4);
  const returns = returnsOf([initial, ...sessions.map((point) => point.equityMicros)]);
  const totalReturn = ratio(final - initial, initial);
  const yearly =
    totalReturn === null ? null : annualizedReturn(totalReturn, sessions.length / SESSIONS_PER_YEAR);
  const maxFrac = drawdown?.maxFrac ?? 0;
  return {
    cycles,
    sessions,
    initialEquityMicros: initial,
    finalEquityMicros: final,
    netPnlMicros: final - initial,
    grossPnlMicros: final - initial + ledger.feesMicros + ledger.borrowFeesMicros,
    feesMicros: ledger.feesMicros,
    dividendsMicros: ledger.dividendsMicros,
    borrowFeesMicros: ledger.borrowFeesMicros,
    slippage: {
      costMicros: collector.slippageMicros,
      costBps: ratio(collector.slippageMicros * 1e4, collector.slippageBaseMicros),
    },
    totalReturn,
    annualizedReturn: yearly,
    sharpe: sharpeRatio(returns, SESSIONS_PER_YEAR),
    sortino: sortinoRatio(returns, SESSIONS_PER_YEAR),
    calmar: calmarRatio(yearly, maxFrac),
    maxDrawdown: {
      frac: maxFrac,
      micros: drawdown?.maxMicros ?? 0,
      durationUs: drawdown?.maxDurationUs ?? 0,
    },
    tradedMicros: collector.tradedMicros,
    turnover: cycles === 0 ? null : ratio(collector.tradedMicros, collector.equitySumMicros / cycles),
    exposure: {
      meanGrossFrac: ratio(collector.grossFracSum, cycles),
      meanNetFrac: ratio(collector.netFracSum, cycles),
      timeInMarketFrac: ratio(collector.cyclesInMarket, cycles),
    },
    orders: collector.orders,
    roundTrips: roundTripStatistics(collector),
    openAtEnd: openPositionStatistics(collector),
    decisions: collector.decisions,
  };
}

function openPositionStatistics({ ledger, marks }: RunCollector): OpenPositionStatistics {
  const costMicros = ledger.costMicros.reduce((sum, cost) => sum + cost, 0);
  return {
    count: ledger.shares.reduce((count, shares) => count + (shares === 0 ? 0 : 1), 0),
    // equity is cash and positions at their marks
    unrealisedMicros: equityMicros(ledger, marks.priceE4) - ledger.cashMicros - costMicros,
  };
}

function roundTripStatistics({ trips }: RunCollector): RoundTripStatistics {
  const { count, long, wins, losses } = trips;
  return {
    count,
    long,
    short: count - long,
    wins,
    losses,
    hitRate: ratio(wins, count),
    profitFactor: ratio(trips.gainsMicros, trips.lossesMicros),
    meanNetMicros: ratio(trips.gainsMicros - trips.lossesMicros, count),
    bestMicros: count === 0 ? null : trips.bestMicros,
    worstMicros: count === 0 ? null : trips.worstMicros,
    meanHoldingUs: ratio(trips.holdingUs, count),
  };
}
