import { z } from 'zod';
import { sessionDate, wholeNumber } from './common.ts';

const when = {
  session: sessionDate().describe('Session it happens in, YYYY-MM-DD in New York.'),
  minute: wholeNumber({ min: 0, max: 390 }).describe('Minutes after the open.'),
};

const words = (text: string) => z.string().min(1).max(200).default(text);
const source = () => z.enum(['market_data', 'broker']).describe('What falls silent or comes back.');

export const incidentsSchema = z
  .array(
    z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('operator'),
        ...when,
        command: z
          .enum(['pause', 'resume', 'kill', 'reset', 'flatten', 'reconcile'])
          .describe('What the operator commands.'),
        why: words('rehearsal').describe('Reason recorded with the command.'),
      }),
      z.strictObject({
        kind: z.literal('connection_lost'),
        ...when,
        source: source(),
        reason: words('rehearsal').describe('Reason recorded with the loss.'),
      }),
      z.strictObject({ kind: z.literal('connection_restored'), ...when, source: source() }),
    ]),
  )
  .max(1000)
  .default([])
  .describe('What a backtest rehearses: operator commands and lost connections, by session and minute.');
