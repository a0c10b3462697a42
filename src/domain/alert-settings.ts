import type { DurationUs } from './units.ts';

/** What a person is told of while a run goes on. */
export const ALERT_RULES = [
  'killSwitchTripped',
  'riskLimitWarned',
  'connectionLost',
  'dataStale',
  'reconciliationMismatched',
  'ordersRejected',
  'latencyExceeded',
  'errorRaised',
  'noHeartbeat',
] as const;
export type AlertRule = (typeof ALERT_RULES)[number];

/** Rising. */
export const ALERT_SEVERITIES = ['info', 'warning', 'error', 'critical'] as const;
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number];

export interface WebhookSettings {
  /** A post that has no answer by then counts as failed. */
  readonly timeoutUs: DurationUs;
  /** How often one alert is posted before it is given up. */
  readonly maxAttempts: number;
  /** Alerts that wait; of more, the least severe are dropped, and the next post says how many. */
  readonly maxQueued: number;
}

export interface AlertSettings {
  readonly severities: Readonly<Record<AlertRule, AlertSeverity | 'off'>>;
  /** Severities of single errors by their code, before the one of `errorRaised`. */
  readonly errorSeverities: Readonly<Record<string, AlertSeverity | 'off'>>;
  /** What has no end of its own ends when it has not happened for so long. */
  readonly quietUs: DurationUs;
  /** How often one alert is told an hour; what happens beyond is counted and told later. */
  readonly maxPerHour: number;
  /** So many rejected orders in so long are a burst. */
  readonly rejections: { readonly count: number; readonly spanUs: DurationUs };
  /** How late a cycle may be during a session. */
  readonly lateCycleUs: DurationUs;
  readonly isOnTerminal: boolean;
  /** Absent: nothing is posted. */
  readonly webhook?: WebhookSettings;
}
