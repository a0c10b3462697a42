import { US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from '../domain/units.ts';
import { civilFromDays, daysFromCivil, formatDate, utcFromNewYorkWallUs } from './calendar.ts';

/** `auto`: text with dashes or colons is a date and time, a bare number is s, ms, µs or ns by its size. */
export type TimeUnit = 'auto' | 'iso' | 's' | 'ms' | 'us' | 'ns';
/** What a time without an offset of its own is measured in. */
export type TimeZone = 'utc' | 'new_york';

export interface TimeReading {
  readonly unit: TimeUnit;
  readonly zone: TimeZone;
}

const ISO =
  /^([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[T ]+([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?\s*(Z|z|[+-][0-9]{2}:?(?:[0-9]{2})?)?$/;
const NUMBER = /^[+-]?[0-9]+(?:\.[0-9]+)?$/;
/** 1980 to 2100: outside it a bare number is in another unit. */
const MIN_EPOCH_S = 3.1e8;
const MAX_EPOCH_S = 4.1e9;

/** @returns µs since the epoch (UTC), NaN when the text cannot be read */
export function parseTimeUs(text: string, { unit, zone }: TimeReading): number {
  const trimmed = text.trim();
  const isDateText = unit === 'iso' || (unit === 'auto' && (!NUMBER.test(trimmed) || trimmed.length === 8));
  if (!isDateText) return NUMBER.test(trimmed) ? epochTextToUs(trimmed, unit, zone) : Number.NaN;
  const wall = parseWall(trimmed);
  if (wall === undefined) return Number.NaN;
  if (wall.offsetUs !== undefined) return wall.us - wall.offsetUs;
  return fromZone(wall.us, zone);
}

/** The calendar date a daily row is for: the date as written, whatever the clock says. @returns undefined: unreadable */
export function parseDailyDate(text: string, reading: TimeReading): string | undefined {
  const wall = parseWall(text.trim());
  const us = wall?.us ?? parseTimeUs(text, { ...reading, zone: 'utc' });
  return Number.isSafeInteger(us) ? dateOfWallUs(us) : undefined;
}

export function dateOfWallUs(us: number): string {
  return formatDate(civilFromDays(Math.floor(us / US_PER_DAY)));
}

/** Wall-clock microseconds of a zone to UTC. */
export function fromZone(us: number, zone: TimeZone): number {
  return zone === 'utc' || !Number.isFinite(us) ? us : utcFromNewYorkWallUs(us);
}

/** A number of the unit to µs. */
export function epochToUs(value: number, unit: TimeUnit): number {
  const actual = unit === 'auto' || unit === 'iso' ? guessUnit(value) : unit;
  if (actual === 's') return Math.round(value * US_PER_SECOND);
  if (actual === 'ms') return Math.round(value * 1000);
  if (actual === 'us') return Math.round(value);
  return actual === 'ns' ? Math.floor(value / 1000) : Number.NaN;
}

function guessUnit(value: number): TimeUnit | undefined {
  const units = ['s', 'ms', 'us', 'ns'] as const;
  return units.find((_, i) => value >= MIN_EPOCH_S * 1000 ** i && value <= MAX_EPOCH_S * 1000 ** i);
}

function epochTextToUs(text: string, unit: TimeUnit, zone: TimeZone): number {
  const value = Number(text);
  const actual = unit === 'auto' ? guessUnit(value) : unit;
  // A double does not hold nanoseconds of this century exactly.
  const us =
    actual === 'ns' && !text.includes('.')
      ? Number(BigInt(text) / 1000n)
      : epochToUs(value, actual ?? 'auto');
  return fromZone(us, zone);
}

interface WallTime {
  readonly us: number;
  readonly offsetUs: number | undefined;
}

function parseWall(text: string): WallTime | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, y, mo, d, h = '0', mi = '0', s = '0', fraction = '', zone] = match;
  const civil = { year: Number(y), month: Number(mo), day: Number(d) };
  const days = daysFromCivil(civil);
  if (formatDate(civilFromDays(days)) !== `${y}-${mo}-${d}`) return undefined;
  const [hour, minute, second] = [Number(h), Number(mi), Number(s)];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fractionUs = Number(fraction.padEnd(6, '0').slice(0, 6));
  const us =
    days * US_PER_DAY + hour * US_PER_HOUR + minute * US_PER_MINUTE + second * US_PER_SECOND + fractionUs;
  return { us, offsetUs: zone === undefined ? undefined : parseOffset(zone) };
}

function parseOffset(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const digits = zone.slice(1).replace(':', '');
  const us = Number(digits.slice(0, 2)) * US_PER_HOUR + Number(digits.slice(2) || '0') * US_PER_MINUTE;
  return zone[0] === '-' ? -us : us;
}
