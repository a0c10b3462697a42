import { z } from 'zod';
import { compareCodeUnits } from '../../domain/compare.ts';
import { dollarsToMicros } from '../../domain/money.ts';
import type { RiskSettings, SectorSettings } from '../../domain/settings.ts';
import { atLeastZero, bps, dollars, fraction, positive, symbol, wholeNumber } from './common.ts';

const DOLLAR_E4 = 10_000;

function isWholeE4(dollarsPerTick: number): boolean {
  return Math.abs(dollarsPerTick * DOLLAR_E4 - Math.round(dollarsPerTick * DOLLAR_E4)) < 1e-6;
}

const tick = () =>
  z.number().min(0.0001).max(100).refine(isWholeE4, { error: 'expected a multiple of 0.0001 dollars' });

const sectorName = () => z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 &._-]{0,39}$/);

export const riskSchema = z
  .strictObject({
    priceCollarBps: bps().default(50).describe('Farthest an order price may be from the fresh quote, bps.'),
    maxOrderValueDollars: dollars().default(1_000_000).describe('Largest order, dollars.'),
    maxOrderShares: wholeNumber({ min: 1, max: 1_000_000_000 })
      .default(100_000)
      .describe('Largest order, shares.'),
    maxAdvFraction: positive(1)
      .default(0.05)
      .describe(
        'Largest order as a fraction of average daily dollar volume; not checked while that is unknown.',
      ),
    maxOpenOrdersPerSymbol: wholeNumber({ min: 1, max: 1000 })
      .default(2)
      .describe('Working orders in one symbol.'),
    maxOpenOrders: wholeNumber({ min: 1, max: 1_000_000 }).default(200).describe('Working orders in all.'),
    maxOrdersPerMinute: wholeNumber({ min: 1, max: 1_000_000 })
      .default(300)
      .describe('Orders in a rolling minute of logical time.'),
    maxRepeatedExecutions: wholeNumber({ min: 1, max: 1_000_000 })
      .default(10)
      .describe(
        'Orders of one symbol and side that execute in the window below before the kill switch trips; a person resets it.',
      ),
    repeatedExecutionMinutes: wholeNumber({ min: 1, max: 1440 })
      .default(1)
      .describe('Rolling window of maxRepeatedExecutions, minutes of logical time.'),
    cooldownSeconds: atLeastZero(86_400)
      .default(5)
      .describe('Pause between orders in one symbol, seconds of logical time.'),
    maxPosition: positive(10).default(0.2).describe('Largest position, fraction of equity.'),
    maxGross: positive(10).default(1).describe('Largest sum of absolute positions, fraction of equity.'),
    maxNet: positive(10).default(1).describe('Largest absolute sum of signed positions, fraction of equity.'),
    sectors: z
      .record(sectorName(), z.array(symbol()).min(1).max(10_000))
      .default({})
      .describe(
        'Symbols by sector, { energy: [XOM, CVX] }; then every symbol of the universe is in one, and maxSector holds.',
      ),
    maxSector: positive(10)
      .optional()
      .describe(
        'Largest sum of absolute positions in one sector, fraction of equity. Set exactly where sectors are.',
      ),
    allowShort: z.boolean().default(true).describe('Whether positions below zero may be opened.'),
    restrictedSymbols: z
      .array(symbol())
      .max(10_000)
      .default([])
      .describe('Symbols that may be reduced but not entered.'),
    maxDataAgeSeconds: positive(86_400)
      .default(120)
      .describe('Oldest market data a symbol may be traded on, seconds of logical time.'),
    maxQuoteAgeSeconds: positive(86_400)
      .default(120)
      .describe('Oldest quote an order may be priced and judged by, seconds of logical time.'),
    maxDataGapMinutes: wholeNumber({ min: 0, max: 390 })
      .default(30)
      .describe(
        'Minutes that a bar of a symbol may be overdue within a session; longer is an error, which stops a strict run. 0 does not watch.',
      ),
    tickDollars: tick().default(0.01).describe('Price step of orders from 1 dollar up, dollars.'),
    subDollarTickDollars: tick().default(0.0001).describe('Price step of orders below 1 dollar, dollars.'),
    dailyLoss: fraction()
      .gt(0)
      .default(0.02)
      .describe(
        "Loss since the previous session's closing equity that trips the kill switch until the next session, fraction.",
      ),
    drawdown: fraction()
      .gt(0)
      .default(0.1)
      .describe('Loss from peak equity that trips the kill switch until an operator resets it, fraction.'),
    lossVelocity: fraction()
      .gt(0)
      .optional()
      .describe(
        'Loss from the highest equity of the last lossVelocityMinutes that trips the kill switch until an operator resets it, fraction. Default: not watched.',
      ),
    lossVelocityMinutes: wholeNumber({ min: 1, max: 1440 })
      .default(15)
      .describe('Rolling window of lossVelocity, minutes of logical time.'),
    warnFraction: fraction().gt(0).default(0.7).describe('A warning is raised at this fraction of a limit.'),
    killAction: z
      .enum(['reduce_only', 'flatten'])
      .default('reduce_only')
      .describe(
        'What a tripped kill switch does: reduce_only cancels working orders and allows reductions; flatten closes everything.',
      ),
  })
  .prefault({})
  .describe('Stage 6: checks every order passes, loss limits and kill switches.');

export function toRiskSettings(
  section: z.output<typeof riskSchema>,
  broker: { readonly allowsShort: boolean; readonly noBorrowSymbols: readonly string[] },
): RiskSettings {
  return {
    priceCollarBps: section.priceCollarBps,
    maxOrderValueMicros: dollarsToMicros(section.maxOrderValueDollars),
    maxOrderShares: section.maxOrderShares,
    maxAdvFraction: section.maxAdvFraction,
    maxOpenOrdersPerSymbol: section.maxOpenOrdersPerSymbol,
    maxOpenOrders: section.maxOpenOrders,
    maxOrdersPerMinute: section.maxOrdersPerMinute,
    maxRepeatedExecutions: section.maxRepeatedExecutions,
    repeatedExecutionMinutes: section.repeatedExecutionMinutes,
    cooldownSeconds: section.cooldownSeconds,
    maxPositionFrac: section.maxPosition,
    maxGrossFrac: section.maxGross,
    maxNetFrac: section.maxNet,
    ...(section.maxSector === undefined ? {} : { maxSectorFrac: section.maxSector }),
    sectors: sectorsOf(section.sectors),
    allowShort: section.allowShort && broker.allowsShort,
    noBorrowSymbols: broker.noBorrowSymbols,
    restrictedSymbols: [...section.restrictedSymbols].sort(compareCodeUnits),
    maxDataAgeSeconds: section.maxDataAgeSeconds,
    maxQuoteAgeSeconds: section.maxQuoteAgeSeconds,
    maxDataGapMinutes: section.maxDataGapMinutes,
    tickE4: Math.round(section.tickDollars * DOLLAR_E4),
    subDollarTickE4: Math.round(section.subDollarTickDollars * DOLLAR_E4),
    dailyLossFrac: section.dailyLoss,
    drawdownFrac: section.drawdown,
    ...(section.lossVelocity === undefined ? {} : { lossVelocityFrac: section.lossVelocity }),
    lossVelocityMinutes: section.lossVelocityMinutes,
    warnFraction: section.warnFraction,
    killAction: section.killAction,
  };
}

function sectorsOf(sectors: Readonly<Record<string, readonly string[]>>): SectorSettings[] {
  return Object.keys(sectors)
    .sort(compareCodeUnits)
    .map((name) => ({ name, symbols: [...(sectors[name] ?? [])].sort(compareCodeUnits) }));
}
