import { InputError } from './errors.ts';

/** A prediction horizon: its label as written (`5m`, `1h`, `1d`) and what it means. */
export interface Horizon {
  readonly label: string;
  /** Length in session minutes: `1h` = 60, `1d` = 390. Used for scaling by sqrt(h/5). */
  readonly minutes: number;
  /** Whole trading days for `<n>d` horizons (they mature n sessions later), 0 for intraday ones. */
  readonly sessions: number;
}

export const MINUTES_PER_TRADING_DAY = 390;

/**
 * Reads `<n>m`, `<n>h` or `<n>d`.
 * @throws InputError HORIZON_INVALID when the label has another form or n is not a positive integer
 */
export function parseHorizon(label: string): Horizon {
  const match = /^([1-9][0-9]{0,3})([mhd])$/.exec(label);
  if (match === null) {
    throw new InputError(
      'HORIZON_INVALID',
      `horizon "${label}": expected <n>m, <n>h or <n>d with n from 1 to 9999, such as 5m, 1h or 1d`,
    );
  }
  const n = Number(match[1]);
  if (match[2] === 'm') return { label, minutes: n, sessions: 0 };
  if (match[2] === 'h') return { label, minutes: n * 60, sessions: 0 };
  return { label, minutes: n * MINUTES_PER_TRADING_DAY, sessions: n };
}
