import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CALENDAR_FIRST_DATE,
  CALENDAR_LAST_DATE,
  civilFromDays,
  daysFromCivil,
  formatNewYork,
  newYorkDateOf,
  newYorkMidnightUs,
  nextSession,
  sessionOn,
  sessionsBetween,
  utcFromNewYorkWallUs,
} from '../../src/data/calendar.ts';
import { InputError } from '../../src/domain/errors.ts';

const DAY_US = 86_400_000_000;
const utcUs = (iso: string) => Date.parse(iso) * 1000;

describe('session calendar', () => {
  it.each([
    // Wikipedia, exchange press releases and SPY's own history agree on these counts.
    [2001, 248],
    [2012, 250],
    [2013, 252],
    [2014, 252],
    [2015, 252],
    [2016, 252],
    [2017, 251],
    [2018, 251],
    [2019, 252],
    [2020, 253],
    [2021, 252],
    [2022, 251],
    [2023, 250],
    [2024, 252],
    [2025, 250],
    [2026, 251],
    [2027, 251],
  ])('year %i has %i sessions', (year, count) => {
    expect(sessionsBetween({ fromDate: `${year}-01-01`, toDate: `${year}-12-31` })).toHaveLength(count);
  });

  it.each([
    '2002-07-05',
    '2003-12-26',
    '2013-07-03',
    '2013-11-29',
    '2013-12-24',
    '2014-07-03',
    '2014-11-28',
    '2015-12-24',
    '2016-11-25',
    '2017-07-03',
    '2018-12-24',
    '2019-07-03',
    '2020-12-24',
    '2021-11-26',
    '2024-07-03',
    '2024-11-29',
    '2024-12-24',
    '2025-07-03',
    '2026-12-24',
    '2027-11-26',
  ])('%s closes at 13:00', (date) => {
    const session = sessionOn(date);
    expect(session?.isHalfDay).toBe(true);
    expect(formatNewYork(session?.closeUs ?? 0)).toBe(`${date} 13:00:00`);
    expect(formatNewYork(session?.openUs ?? 0)).toBe(`${date} 09:30:00`);
  });

  it.each([
    '2001-09-11', // attacks
    '2004-06-11', // Reagan
    '2007-01-02', // Ford
    '2012-10-29', // Sandy
    '2013-03-29', // Good Friday
    '2014-04-18',
    '2015-07-03', // Independence Day observed
    '2016-12-26', // Christmas observed
    '2017-01-02', // New Year observed
    '2018-12-05', // Bush
    '2020-04-10',
    '2021-12-24', // Christmas observed
    '2022-06-20', // first Juneteenth, observed
    '2023-06-19',
    '2024-03-29',
    '2025-01-09', // Carter
    '2026-04-03',
    '2026-07-03', // Independence Day observed
    '2027-06-18', // Juneteenth observed
    '2027-07-05',
    '2027-12-24',
    '2024-06-15', // a Saturday
    '2024-06-16', // a Sunday
  ])('%s has no session', (date) => {
    expect(sessionOn(date)).toBeUndefined();
  });

  it.each(['2021-06-18', '2021-12-31', '2022-01-03', '2014-12-26', '2018-07-05', '2015-07-02', '2016-12-23'])(
    '%s is a full session',
    (date) => {
      expect(sessionOn(date)).toMatchObject({ date, isHalfDay: false });
    },
  );

  it('a half day is 210 minutes, a full day 390', () => {
    const minutes = (date: string) => {
      const session = sessionOn(date);
      return session === undefined ? 0 : (session.closeUs - session.openUs) / 60_000_000;
    };
    expect(minutes('2024-07-03')).toBe(210);
    expect(minutes('2024-07-05')).toBe(390);
  });

  it('next session jumps weekends and holidays', () => {
    expect(nextSession('2024-07-03').date).toBe('2024-07-05');
    expect(nextSession('2018-12-04').date).toBe('2018-12-06');
    expect(nextSession('2024-03-28').date).toBe('2024-04-01');
  });

  it('dates outside the table and dates that do not exist are input errors', () => {
    for (const bad of ['1997-12-31', '2028-01-03', '2024-02-30', '2024-13-01', '24-01-01', '2024-1-1', '']) {
      expect(() => sessionOn(bad)).toThrow(InputError);
    }
    expect(() => nextSession(CALENDAR_LAST_DATE)).toThrow(/calendar covers/);
    expect(() => sessionsBetween({ fromDate: '2024-02-02', toDate: '2024-02-01' })).toThrow(
      /must not be after/,
    );
    expect(sessionOn(CALENDAR_FIRST_DATE)).toBeUndefined();
  });
});

describe('New York time', () => {
  it.each([
    ['2013-10-07', '2013-10-07T13:30:00Z'],
    ['2013-03-08', '2013-03-08T14:30:00Z'], // Friday before daylight time
    ['2013-03-11', '2013-03-11T13:30:00Z'], // Monday after
    ['2013-11-01', '2013-11-01T13:30:00Z'],
    ['2013-11-04', '2013-11-04T14:30:00Z'],
    ['2024-03-08', '2024-03-08T14:30:00Z'],
    ['2024-03-11', '2024-03-11T13:30:00Z'],
    ['2024-11-01', '2024-11-01T13:30:00Z'],
    ['2024-11-04', '2024-11-04T14:30:00Z'],
    ['2006-04-03', '2006-04-03T13:30:00Z'], // before 2007: April to October
    ['2006-03-31', '2006-03-31T14:30:00Z'],
    ['2006-10-30', '2006-10-30T14:30:00Z'],
  ])('%s opens at %s', (date, iso) => {
    expect(sessionOn(date)?.openUs).toBe(utcUs(iso));
  });

  it('the two changes of a year happen at 02:00', () => {
    expect(formatNewYork(utcUs('2024-03-10T06:59:59Z'))).toBe('2024-03-10 01:59:59');
    expect(formatNewYork(utcUs('2024-03-10T07:00:00Z'))).toBe('2024-03-10 03:00:00');
    expect(formatNewYork(utcUs('2024-11-03T05:59:59Z'))).toBe('2024-11-03 01:59:59');
    expect(formatNewYork(utcUs('2024-11-03T06:00:00Z'))).toBe('2024-11-03 01:00:00');
    expect(newYorkMidnightUs('2024-03-10')).toBe(utcUs('2024-03-10T05:00:00Z'));
    expect(newYorkMidnightUs('2024-03-11')).toBe(utcUs('2024-03-11T04:00:00Z'));
    expect(newYorkMidnightUs('2024-11-03')).toBe(utcUs('2024-11-03T04:00:00Z'));
    expect(newYorkMidnightUs('2024-11-04')).toBe(utcUs('2024-11-04T05:00:00Z'));
  });

  it('fractions of a second show only as far as needed', () => {
    expect(formatNewYork(utcUs('2024-07-01T13:30:00Z') + 250_000)).toBe('2024-07-01 09:30:00.25');
  });

  it('agrees with the zone database of the host on every hour it is asked', () => {
    // The host's zone data is the independent witness here; the calendar itself never asks it.
    const witness = new Intl.DateTimeFormat('en-CA', {
      timeZone: 'America/New_York',
      dateStyle: 'short',
      timeStyle: 'medium',
      hourCycle: 'h23',
    });
    const from = utcUs('1998-01-01T00:00:00Z') / DAY_US;
    const to = utcUs('2028-01-01T00:00:00Z') / DAY_US;
    fc.assert(
      fc.property(fc.integer({ min: from * 48, max: to * 48 - 1 }), (halfHours) => {
        const us = halfHours * (DAY_US / 48);
        const parts = witness.formatToParts(new Date(us / 1000));
        const get = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
        const expected = `${get('year')}-${get('month')}-${get('day')} ${get('hour')}:${get('minute')}:${get('second')}`;
        expect(formatNewYork(us)).toBe(expected);
        expect(newYorkDateOf(us)).toBe(expected.slice(0, 10));
      }),
      { numRuns: 2000 },
    );
  });

  it('wall time to UTC and back is the identity but in the hour that does not exist', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000 * 24, max: 21_000 * 24 }), (hours) => {
        const wall = hours * 3_600_000_000;
        const back = formatNewYork(utcFromNewYorkWallUs(wall));
        const asked = new Date(wall / 1000).toISOString().slice(0, 19).replace('T', ' ');
        if (back !== asked) expect(asked.slice(11)).toBe('02:00:00');
      }),
      { numRuns: 2000 },
    );
  });

  it('civil dates and day numbers are inverse', () => {
    fc.assert(
      fc.property(fc.integer({ min: -800_000, max: 800_000 }), (days) => {
        expect(daysFromCivil(civilFromDays(days))).toBe(days);
      }),
    );
  });
});

const lean = new URL('../../../shared/market/lean/equity/usa/daily/spy.zip', import.meta.url);
describe('against SPY as it traded', () => {
  if (!existsSync(lean)) console.log(`skipped: ${lean.pathname} does not exist`);
  it.skipIf(!existsSync(lean))(
    'a session is on the calendar exactly when SPY has a daily bar, 1998 to 2021',
    async () => {
      const { readZipCsv } = await import('./lean-witness.ts');
      const traded = new Set(
        readZipCsv(lean).map((row) => {
          const day = row[0] ?? '';
          return `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}`;
        }),
      );
      const listed = sessionsBetween({ fromDate: '1998-01-02', toDate: '2021-03-31' }).map((s) => s.date);
      expect(listed.filter((date) => !traded.has(date))).toEqual([]);
      expect(traded.size).toBe(listed.length);
    },
  );
});
