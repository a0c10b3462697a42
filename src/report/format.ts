import type { DurationUs, MoneyMicros } from '../domain/units.ts';
import { US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from '../domain/units.ts';

/** What a statistic without a value is shown as. */
const NO_VALUE = 'n/a';

/** `1234567.891` with 2 decimals is `1,234,567.89`: the same on every machine, whatever its locale. */
export function number(value: number | null, decimals = 0): string {
  if (value === null || !Number.isFinite(value)) return NO_VALUE;
  const fixed = Math.abs(value).toFixed(decimals);
  const [whole, fraction] = fixed.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  const sign = value < 0 && /[1-9]/.test(fixed) ? '-' : '';
  return `${sign}${grouped}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** Micro-dollars as `$1,234.56`, `-$0.10`. */
export function money(micros: MoneyMicros | null): string {
  if (micros === null) return NO_VALUE;
  const text = number(micros / 1_000_000, 2);
  return text.startsWith('-') ? `-$${text.slice(1)}` : `$${text}`;
}

/** Money with its sign always shown: a gain is `+$12.00`. */
export function signedMoney(micros: MoneyMicros | null): string {
  const text = money(micros);
  return micros !== null && micros > 0 ? `+${text}` : text;
}

/** A fraction as a percentage: 0.0123 is `1.23 %`. */
export function percent(fraction: number | null, decimals = 2): string {
  return fraction === null ? NO_VALUE : `${number(fraction * 100, decimals)} %`;
}

export function signedPercent(fraction: number | null): string {
  const text = percent(fraction);
  return fraction !== null && fraction > 0 ? `+${text}` : text;
}

/** A span in its two largest units: `2 d 03 h`, `3 h 20 min`, `4 min 05 s`, `12 s`. */
export function duration(us: DurationUs | null): string {
  if (us === null) return NO_VALUE;
  const seconds = Math.round(us / US_PER_SECOND) * US_PER_SECOND;
  if (seconds >= US_PER_DAY) return inTwo(seconds, [US_PER_DAY, 'd'], [US_PER_HOUR, 'h']);
  if (seconds >= US_PER_HOUR) return inTwo(seconds, [US_PER_HOUR, 'h'], [US_PER_MINUTE, 'min']);
  if (seconds >= US_PER_MINUTE) return inTwo(seconds, [US_PER_MINUTE, 'min'], [US_PER_SECOND, 's']);
  return `${seconds / US_PER_SECOND} s`;
}

function inTwo(us: DurationUs, large: readonly [number, string], small: readonly [number, string]): string {
  const whole = Math.floor(us / large[0]);
  const rest = Math.floor((us - whole * large[0]) / small[0]);
  return `${whole} ${large[1]} ${String(rest).padStart(2, '0')} ${small[1]}`;
}
