import { z } from 'zod';
import type { IbkrSettings } from '../../domain/ibkr-settings.ts';
import { US_PER_SECOND } from '../../domain/units.ts';
import { positive, wholeNumber } from './common.ts';

const US_PER_MS = 1000;

const milliseconds = (max: number) => wholeNumber({ min: 1, max });

const hostName = () => z.string().regex(/^[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}$/);

export const ibkrBrokerSchema = z
  .strictObject({
    environment: z
      .enum(['paper', 'live'])
      .default('paper')
      .describe(
        'Which kind of account: paper trades without money. An account of the other kind is refused.',
      ),
    paperAccountPrefix: z
      .string()
      .regex(/^[A-Za-z0-9]{1,16}$/)
      .default('DU')
      .describe('What the names of paper accounts begin with.'),
    host: hostName()
      .default('127.0.0.1')
      .describe(
        'Where TWS or IB Gateway listens. The connection is not encrypted: this machine, or one of allowedHosts.',
      ),
    port: wholeNumber({ min: 1, max: 65_535 })
      .default(4002)
      .describe('Its port; by default 4002 paper and 4001 live for IB Gateway, 7497 and 7496 for TWS.'),
    allowedHosts: z
      .array(hostName())
      .max(16)
      .default([])
      .describe('Other machines that may be spoken to, by name or address.'),
    clientId: wholeNumber({ min: 0, max: 2_147_483_647 })
      .default(7)
      .describe('API client of this run, another one for each program; keep it: orders are cancelled by it.'),
    account: z
      .string()
      .regex(/^[A-Za-z0-9]{1,32}$/)
      .optional()
      .describe('Account to trade. Default: the only one that the gateway manages.'),
    messagesPerSecond: wholeNumber({ min: 5, max: 1_000 })
      .default(50)
      .describe('Messages sent in any second at most, cancels included.'),
    reservedForCancels: wholeNumber({ min: 1, max: 500 })
      .default(10)
      .describe('How many of these only cancels may use; less than messagesPerSecond.'),
    maxOrdersPerSymbolSide: wholeNumber({ min: 0, max: 1_000 })
      .default(20)
      .describe('Orders at work a symbol and side at most; 0 is no limit.'),
    maxClientOrderIdLength: wholeNumber({ min: 16, max: 256 })
      .default(64)
      .describe('Longest client order id that travels as orderRef, characters.'),
    timeZone: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/)
      .default('America/New_York')
      .describe('Time zone of the gateway, for times of executions that name none.'),
    classSeparator: z
      .string()
      .min(1)
      .max(1)
      .default(' ')
      .describe('What stands for the dot of a share class: BRK.B is "BRK B".'),
    lookupAttempts: wholeNumber({ min: 1, max: 20 })
      .default(4)
      .describe('Looks that must all miss an order before it counts as not placed.'),
    connectTimeoutMs: milliseconds(120_000)
      .default(10_000)
      .describe('Longest wait for a connection to be ready, ms.'),
    requestTimeoutMs: milliseconds(120_000)
      .default(10_000)
      .describe('Longest wait for lists or the account, ms; then the gateway is hung up on.'),
    acknowledgeTimeoutMs: milliseconds(120_000)
      .default(3_000)
      .describe('Longest wait for the first word about an order, ms; then it is looked up.'),
    lookAgainMs: milliseconds(60_000)
      .default(1_000)
      .describe('Wait between looks for an order in doubt, ms.'),
    doubtSeconds: positive(3600)
      .default(60)
      .describe('Longest wait to find out what became of a request about an order, seconds.'),
    quietSeconds: positive(3600)
      .default(15)
      .describe('Silence after which the gateway is asked for its time, seconds.'),
    sweepSeconds: positive(3600)
      .default(60)
      .describe('Time between looks at all orders and executions while any order is at work, seconds.'),
    reconnectFirstMs: milliseconds(60_000)
      .default(500)
      .describe('Wait before the first attempt to connect again, ms; doubles from there, half of it drawn.'),
    reconnectMaxMs: milliseconds(600_000).default(30_000).describe('Longest wait between such attempts, ms.'),
    codes: z
      .partialRecord(
        z.string().regex(/^[0-9]{1,6}$/),
        z.enum([
          'notice',
          'held',
          'rejected',
          'cancelled',
          'cancel_refused',
          'duplicate_id',
          'rate',
          'link_lost',
          'link_restored',
          'not_connected',
        ]),
      )
      .default({})
      .meta({ examples: [{ '201': 'rejected' }] })
      .describe(
        'What codes of the gateway mean, beside those that are known; an order with an unknown code is looked up.',
      ),
  })
  .refine(({ messagesPerSecond, reservedForCancels }) => reservedForCancels < messagesPerSecond, {
    path: ['reservedForCancels'],
    error: 'expected less than messagesPerSecond',
  })
  .prefault({})
  .describe('Interactive Brokers through TWS or IB Gateway. Nothing of it is part of the identity of a run.');

export function toIbkrSettings(section: z.output<typeof ibkrBrokerSchema>): IbkrSettings {
  const { account, connectTimeoutMs, requestTimeoutMs, acknowledgeTimeoutMs, lookAgainMs, doubtSeconds } =
    section;
  const { quietSeconds, sweepSeconds, reconnectFirstMs, reconnectMaxMs, codes, ...rest } = section;
  return {
    environment: rest.environment,
    paperAccountPrefix: rest.paperAccountPrefix,
    host: rest.host,
    port: rest.port,
    allowedHosts: rest.allowedHosts,
    clientId: rest.clientId,
    ...(account === undefined ? {} : { account }),
    messagesPerSecond: rest.messagesPerSecond,
    reservedForCancels: rest.reservedForCancels,
    maxOrdersPerSymbolSide: rest.maxOrdersPerSymbolSide,
    maxClientOrderIdLength: rest.maxClientOrderIdLength,
    timeZone: rest.timeZone,
    classSeparator: rest.classSeparator,
    lookupAttempts: rest.lookupAttempts,
    timing: {
      connectUs: connectTimeoutMs * US_PER_MS,
      answerUs: requestTimeoutMs * US_PER_MS,
      acknowledgeUs: acknowledgeTimeoutMs * US_PER_MS,
      lookAgainUs: lookAgainMs * US_PER_MS,
      doubtUs: Math.round(doubtSeconds * US_PER_SECOND),
      quietUs: Math.round(quietSeconds * US_PER_SECOND),
      sweepUs: Math.round(sweepSeconds * US_PER_SECOND),
      reconnectFirstUs: reconnectFirstMs * US_PER_MS,
      reconnectMaxUs: reconnectMaxMs * US_PER_MS,
    },
    codes: codes as IbkrSettings['codes'],
  };
}
