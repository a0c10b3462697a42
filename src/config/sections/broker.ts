import { z } from 'zod';
import { dollarsToMicros } from '../../domain/money.ts';
import type { ExchangeSettings, ExecutionSettings, FeeModel } from '../../domain/settings.ts';
import { alpacaBrokerSchema } from './alpaca.ts';
import { borrowSchema, toBorrowSettings } from './borrow.ts';
import { atLeastZero, bps, dollars, positive, secret, wholeNumber } from './common.ts';
import { ibkrBrokerSchema } from './ibkr.ts';

export const executionSchema = z
  .strictObject({
    orderType: z
      .enum(['market', 'limit', 'marketable_limit'])
      .default('marketable_limit')
      .describe('How orders are sent: marketable_limit fills now or not at all beyond its limit.'),
    limitOffsetBps: bps()
      .default(10)
      .describe('marketable_limit: distance of the limit through the touch; limit: distance inside it. bps.'),
    timeInForce: z
      .enum(['day', 'ioc'])
      .default('ioc')
      .describe('ioc cancels what the next market slice does not fill; day leaves it working.'),
    cancelRetrySeconds: wholeNumber({ min: 1, max: 3600 })
      .default(30)
      .describe(
        'Seconds before a cancellation that the broker refused is asked for again; doubled with each refusal.',
      ),
  })
  .prefault({})
  .describe('How decisions become orders.');

export function toExecutionSettings(section: z.output<typeof executionSchema>): ExecutionSettings {
  return { ...section };
}

const feeSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('bps'),
      bps: bps().describe('Fee, bps of traded value.'),
    }),
    z.strictObject({
      kind: z.literal('per_share'),
      perShareDollars: dollars().describe('Fee a share, dollars.'),
      minimumDollars: dollars().default(0).describe('Least fee an order, dollars.'),
    }),
  ])
  .default({ kind: 'bps', bps: 1 })
  .describe('Commission: { kind: bps, bps } or { kind: per_share, perShareDollars, minimumDollars }.');

const credentialsSchema = z
  .strictObject({
    keyId: secret('BROKER_KEY_ID')
      .optional()
      .describe('Name of the account key, by environment variable or file of mode 600.'),
    secretKey: secret('BROKER_SECRET_KEY')
      .optional()
      .describe('Secret of the key, by environment variable or file of mode 600.'),
  })
  .optional()
  .describe('What a live broker asks for. Backtests read none of it; it is never shown, recorded or hashed.');

export const brokerSchema = z
  .strictObject({
    source: z
      .enum(['simulated', 'alpaca', 'ibkr'])
      .default('simulated')
      .describe('Who carries out the orders of paper and live runs; a backtest simulates them.'),
    resendSeconds: wholeNumber({ min: 0, max: 3600 })
      .default(30)
      .describe(
        'Age up to which an order intent that a crash kept from being sent is sent after the restart, seconds; an older one is given up.',
      ),
    slippageBps: bps()
      .default(1)
      .describe('Fixed slippage against every fill, bps, beyond the bid or ask it fills at.'),
    impactBps: bps()
      .default(5)
      .describe(
        "Slippage of an order that takes all of a bar's volume, bps; scales with the square root of participation; 0 turns it off.",
      ),
    participationCap: positive(1)
      .default(0.1)
      .describe("Most of a bar's volume one order may take, fraction."),
    displayedSizeCap: positive(1)
      .default(1)
      .describe(
        'Most of the displayed size that orders may take of a bar that has quotes and no trades, fraction.',
      ),
    decisionAllowanceSeconds: atLeastZero(60)
      .default(5)
      .describe(
        'An order that reaches the simulated exchange this soon after a bar opened may still fill at its opening, seconds: the time a live decision takes. A backtest decides at the opening itself.',
      ),
    fee: feeSchema,
    allowShort: z
      .boolean()
      .default(true)
      .describe('Whether the broker lends shares; sells beyond the position are rejected otherwise.'),
    borrow: borrowSchema,
    leverage: positive(10)
      .default(2)
      .describe(
        'Buying power is equity times this, less gross exposure: 1 is a cash account, 2 Regulation T.',
      ),
    credentials: credentialsSchema,
    alpaca: alpacaBrokerSchema,
    ibkr: ibkrBrokerSchema,
  })
  .prefault({})
  .describe('The simulated broker: fills, fees, margin.');

export function toExchangeSettings(section: z.output<typeof brokerSchema>): ExchangeSettings {
  const { slippageBps, impactBps, participationCap, displayedSizeCap, allowShort, leverage } = section;
  return {
    slippageBps,
    impactBps,
    participationCap,
    displayedSizeCap,
    allowShort,
    leverage,
    decisionAllowanceUs: section.decisionAllowanceSeconds * 1_000_000,
    fee: toFeeModel(section.fee),
    borrow: toBorrowSettings(section.borrow),
  };
}

function toFeeModel(fee: z.output<typeof feeSchema>): FeeModel {
  if (fee.kind === 'bps') return fee;
  return {
    kind: 'per_share',
    perShareMicros: dollarsToMicros(fee.perShareDollars),
    minimumMicros: dollarsToMicros(fee.minimumDollars),
  };
}
