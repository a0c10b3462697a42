/**
 * The NYSE session calendar, 1998 to 2027, and New York time by rule in integer arithmetic: no `Intl`, no zone
 * database, so every host gives the same microsecond.
 */
import { InputError } from '../domain/errors.ts';
import type { Session } from '../domain/market-table.ts';
import { type TimeUs, US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from '../domain/units.ts';
import { CALENDAR_YEARS, FIRST_CALENDAR_YEAR, LAST_CALENDAR_YEAR } from './calendar-table.ts';

/** First and last date the table covers, inclusive. */
export const CALENDAR_FIRST_DATE = `${FIRST_CALENDAR_YEAR}-01-01`;
export const CALENDAR_LAST_DATE = `${LAST_CALENDAR_YEAR}-12-31`;

const OPEN_US = 9 * US_PER_HOUR + 30 * US_PER_MINUTE;
const CLOSE_US = 16 * US_PER_HOUR;
const HALF_DAY_CLOSE_US = 13 * US_PER_HOUR;
const STANDARD_OFFSET_US = -5 * US_PER_HOUR;
const DAYLIGHT_OFFSET_US = -4 * US_PER_HOUR;
const SUNDAY = 0;
const SATURDAY = 6;

/** A date of the proleptic Gregorian calendar; month 1 to 12. */
export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Days since 1970-01-01. Algorithm: H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. */
export function daysFromCivil({ year, month, day }: CivilDate): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

/** The date `days` after 1970-01-01 (civil_from_days of the same source). */
export function civilFromDays(days: number): CivilDate {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor(
    (doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365,
  );
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp + (mp < 10 ? 3 : -9);
  return {
    year: yoe + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: doy - Math.floor((153 * mp + 2) / 5) + 1,
  };
}

/** 0 is Sunday. */
function weekday(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

export function formatDate({ year, month, day }: CivilDate): string {
  return `${String(year).padStart(4, '0')}-${pad2(month)}-${pad2(day)}`;
}

/**
 * Days since 1970-01-01 of `YYYY-MM-DD`.
 * @throws InputError DATE_INVALID for another form or a day that does not exist
 */
export function parseDate(date: string): number {
  const match = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(date);
  if (match !== null) {
    const civil = { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) };
    if (civil.month >= 1 && civil.month <= 12 && civil.day >= 1) {
      const days = daysFromCivil(civil);
      if (formatDate(civilFromDays(days)) === date) return days;
    }
  }
  throw new InputError('DATE_INVALID', `date "${date}": expected an existing day as YYYY-MM-DD`);
}

/** Day number of the n-th Sunday of a month; n = -1 is the last one. */
function sundayOf({ year, month, n }: { year: number; month: number; n: number }): number {
  if (n < 0) {
    const last =
      (month === 12
        ? daysFromCivil({ year: year + 1, month: 1, day: 1 })
        : daysFromCivil({ year, month: month + 1, day: 1 })) - 1;
    return last - weekday(last);
  }
  const first = daysFromCivil({ year, month, day: 1 });
  return first + ((7 - weekday(first)) % 7) + 7 * (n - 1);
}

/**
 * UTC instants at which daylight time starts and ends in a year, both at 02:00 local.
 * Energy Policy Act of 2005 (since 2007): second Sunday of March to first Sunday of November; before (since 1987):
 * first Sunday of April to last Sunday of October.
 */
function daylightBounds(year: number): { readonly startUs: TimeUs; readonly endUs: TimeUs } {
  const start = year >= 2007 ? sundayOf({ year, month: 3, n: 2 }) : sundayOf({ year, month: 4, n: 1 });
  const end = year >= 2007 ? sundayOf({ year, month: 11, n: 1 }) : sundayOf({ year, month: 10, n: -1 });
  return {
    startUs: start * US_PER_DAY + 2 * US_PER_HOUR - STANDARD_OFFSET_US,
    endUs: end * US_PER_DAY + 2 * US_PER_HOUR - DAYLIGHT_OFFSET_US,
  };
}

/** New York's offset from UTC at an instant: -4 h or -5 h, in microseconds. Valid since 1987. */
export function newYorkOffsetUs(us: TimeUs): number {
  const { year } = civilFromDays(Math.floor((us + STANDARD_OFFSET_US) / US_PER_DAY));
  const { startUs, endUs } = daylightBounds(year);
  return us >= startUs && us < endUs ? DAYLIGHT_OFFSET_US : STANDARD_OFFSET_US;
}

/**
 * The UTC instant of 00:00 New York time of a date.
 * @throws InputError DATE_INVALID
 */
export function newYorkMidnightUs(date: string): TimeUs {
  const localUs = parseDate(date) * US_PER_DAY;
  // Clocks change at 02:00, so midnight still has the offset that held an hour before it.
  return localUs - newYorkOffsetUs(localUs - DAYLIGHT_OFFSET_US - US_PER_HOUR);
}

/**
 * The UTC instant of a New York wall-clock time given as microseconds since 1970-01-01 00:00 of that clock. A time
 * that occurs twice (the hour before standard time begins) is taken as the first; one that never occurs moves forward.
 */
export function utcFromNewYorkWallUs(wallUs: number): TimeUs {
  const asDaylight = wallUs - DAYLIGHT_OFFSET_US;
  return newYorkOffsetUs(asDaylight) === DAYLIGHT_OFFSET_US ? asDaylight : wallUs - STANDARD_OFFSET_US;
}

/** The date on New York's calendar at an instant. */
export function newYorkDateOf(us: TimeUs): string {
  return formatDate(civilFromDays(Math.floor((us + newYorkOffsetUs(us)) / US_PER_DAY)));
}

/** `YYYY-MM-DD HH:MM:SS` in New York, with as many decimals as the instant needs. */
export function formatNewYork(us: TimeUs): string {
  const local = us + newYorkOffsetUs(us);
  const days = Math.floor(local / US_PER_DAY);
  const inDay = local - days * US_PER_DAY;
  const fraction = inDay % US_PER_SECOND;
  const time = [
    Math.floor(inDay / US_PER_HOUR),
    Math.floor(inDay / US_PER_MINUTE) % 60,
    Math.floor(inDay / US_PER_SECOND) % 60,
  ].map(pad2);
  const decimals = fraction === 0 ? '' : `.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
  return `${formatDate(civilFromDays(days))} ${time.join(':')}${decimals}`;
}

/** Whether a text is a day of the calendar written `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  try {
    parseDate(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The session of a date, or undefined on a weekend or a full-day closure.
 * @throws InputError DATE_INVALID, CALENDAR_RANGE outside 1998 to 2027
 */
export function sessionOn(date: string): Session | undefined {
  const days = parseDate(date);
  const entry = CALENDAR_YEARS[Number(date.slice(0, 4))];
  if (entry === undefined) {
    throw new InputError(
      'CALENDAR_RANGE',
      `date ${date}: the exchange calendar covers ${CALENDAR_FIRST_DATE} to ${CALENDAR_LAST_DATE}; use dates in that range`,
    );
  }
  const onWeekday = weekday(days);
  const monthDay = date.slice(5);
  if (onWeekday === SUNDAY || onWeekday === SATURDAY || entry.closed.includes(monthDay)) return undefined;
  const isHalfDay = entry.half.includes(monthDay);
  // Clocks change on Sundays, when there is no session: one offset holds from midnight to the close.
  const midnightUs = newYorkMidnightUs(date);
  return {
    date,
    openUs: midnightUs + OPEN_US,
    closeUs: midnightUs + (isHalfDay ? HALF_DAY_CLOSE_US : CLOSE_US),
    isHalfDay,
  };
}

/**
 * Sessions from `fromDate` to `toDate`, both included.
 * @throws InputError DATE_INVALID, CALENDAR_RANGE, DATE_RANGE when from is after to
 */
export function sessionsBetween({ fromDate, toDate }: { fromDate: string; toDate: string }): Session[] {
  const from = parseDate(fromDate);
  const to = parseDate(toDate);
  if (from > to) {
    throw new InputError(
      'DATE_RANGE',
      `date range ${fromDate} to ${toDate}: the first date must not be after the last`,
    );
  }
  sessionOn(fromDate);
  sessionOn(toDate);
  const sessions: Session[] = [];
  for (let day = from; day <= to; day++) {
    const session = sessionOn(formatDate(civilFromDays(day)));
    if (session !== undefined) sessions.push(session);
  }
  return sessions;
}

/**
 * The first session after a date.
 * @throws InputError DATE_INVALID, CALENDAR_RANGE when the table ends before it
 */
export function nextSession(date: string): Session {
  for (let day = parseDate(date) + 1; ; day++) {
    const session = sessionOn(formatDate(civilFromDays(day)));
    if (session !== undefined) return session;
  }
}

/** The last sessions that had ended by a time, oldest first. @throws InputError CALENDAR_RANGE */
export function sessionsBefore({ sessions, beforeUs }: { sessions: number; beforeUs: TimeUs }): Session[] {
  const found: Session[] = [];
  for (let day = parseDate(newYorkDateOf(beforeUs)); found.length < sessions; day--) {
    const session = sessionOn(formatDate(civilFromDays(day)));
    if (session !== undefined && session.closeUs <= beforeUs) found.push(session);
  }
  return found.reverse();
}

/** The session that goes on at a time or comes next, and those after it. @throws InputError CALENDAR_RANGE */
export function sessionsFrom({ sessions, fromUs }: { sessions: number; fromUs: TimeUs }): Session[] {
  const today = sessionOn(newYorkDateOf(fromUs));
  const found = today !== undefined && today.closeUs > fromUs ? [today] : [];
  while (found.length < sessions) found.push(nextSession(found.at(-1)?.date ?? newYorkDateOf(fromUs)));
  return found;
}

function pad2(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}
