import { z } from 'zod';
import { ALERT_SEVERITIES, type AlertSettings } from '../../domain/alert-settings.ts';
import { US_PER_MINUTE, US_PER_SECOND } from '../../domain/units.ts';
import { positive, secret, wholeNumber } from './common.ts';

const severity = () => z.enum([...ALERT_SEVERITIES, 'off']);

const errorCode = () =>
  z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,63}$/)
    .meta({ examples: ['DATA_STALE', 'INFERENCE_FAILED'] });

const rulesSchema = z
  .strictObject({
    killSwitchTripped: severity()
      .default('critical')
      .describe('A kill switch, from its trip to its reset; one alert a cause.'),
    riskLimitWarned: severity()
      .default('warning')
      .describe('A limit of risk is nearly reached; one alert a limit.'),
    connectionLost: severity()
      .default('error')
      .describe('Market data, broker or clock, until it is restored.'),
    dataStale: severity()
      .default('warning')
      .describe('Symbols without a bar or a fresh quote, until all have a bar again.'),
    reconciliationMismatched: severity()
      .default('error')
      .describe("The broker's account differs from the books, until it agrees."),
    ordersRejected: severity().default('warning').describe('A burst of rejected orders; see rejections.'),
    latencyExceeded: severity()
      .default('warning')
      .describe('A span took longer than its limit in latency; paper and live only.'),
    errorRaised: severity().default('error').describe('An error, one alert a code; see errors.'),
    noHeartbeat: severity()
      .default('critical')
      .describe('No cycle though a session is open; paper and live only.'),
  })
  .prefault({})
  .describe('Severity of each alert: info, warning, error, critical, or off.');

const webhookSchema = z
  .strictObject({
    url: secret('ALERT_URL').describe(
      'Where alerts are posted as JSON: https, or http to this machine. By environment variable or file of mode 600.',
    ),
    token: secret('ALERT_TOKEN')
      .optional()
      .describe('Sent as "Authorization: Bearer", by environment variable or file of mode 600.'),
    timeoutSeconds: positive(60).default(5).describe('Time a post is given to be answered, seconds.'),
    attempts: wholeNumber({ min: 1, max: 20 })
      .default(5)
      .describe('How often an alert is posted before it is given up; waits double from one second.'),
    queue: wholeNumber({ min: 1, max: 10_000 })
      .default(100)
      .describe(
        'Alerts that may wait. Of more, the least severe are dropped, and the next post counts them.',
      ),
  })
  .optional()
  .describe('Posts alerts of paper and live runs. A backtest posts nothing.');

export const alertsSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('Whether a run tells of alerts, and writes them to state/alerts.jsonl in its folder.'),
    terminal: z
      .boolean()
      .default(true)
      .describe('Whether paper and live runs write alerts to standard error.'),
    quietMinutes: positive(1440)
      .default(15)
      .describe(
        'What has no end of its own (a warning, an error) ends when it has been quiet so long, minutes.',
      ),
    maxPerHour: wholeNumber({ min: 2, max: 3600 })
      .default(12)
      .describe('How often one alert is told an hour; starts and ends beyond it are counted and told later.'),
    lateCycleSeconds: positive(86_400)
      .default(120)
      .describe('How late a cycle may be during a session before noHeartbeat, seconds.'),
    rejections: z
      .strictObject({
        count: wholeNumber({ min: 1, max: 10_000 }).default(5).describe('Rejected orders that are a burst.'),
        minutes: positive(1440).default(5).describe('Within so many minutes.'),
      })
      .prefault({})
      .describe('What ordersRejected counts.'),
    rules: rulesSchema,
    errors: z.record(errorCode(), severity()).default({}).describe('Severity of single errors, by code.'),
    webhook: webhookSchema,
  })
  .prefault({})
  .describe(
    "What a person is told while a run goes on. Telemetry: it decides nothing and is no part of a run's identity.",
  );

/** Absent where the scenario leaves alerts off. */
export function toAlertSettings(section: z.output<typeof alertsSchema>): AlertSettings | undefined {
  if (!section.enabled) return undefined;
  const { rules, errors, rejections, webhook } = section;
  return {
    severities: rules,
    errorSeverities: errors,
    quietUs: section.quietMinutes * US_PER_MINUTE,
    maxPerHour: section.maxPerHour,
    rejections: { count: rejections.count, spanUs: rejections.minutes * US_PER_MINUTE },
    lateCycleUs: section.lateCycleSeconds * US_PER_SECOND,
    isOnTerminal: section.terminal,
    ...(webhook === undefined
      ? {}
      : {
          webhook: {
            timeoutUs: webhook.timeoutSeconds * US_PER_SECOND,
            maxAttempts: webhook.attempts,
            maxQueued: webhook.queue,
          },
        }),
  };
}
