import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { US_PER_HOUR, US_PER_MINUTE } from '../../src/domain/units.ts';
import type { DerivedEvent } from '../../src/events/derived.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { rememberSecret } from '../../src/files/secret-values.ts';
import { type AlertNotice, createAlertBook } from '../../src/observability/alert-book.ts';
import { openAlertFile } from '../../src/observability/alert-file.ts';
import { createAlerts, noticeLine } from '../../src/observability/alerts.ts';
import { createSinkGuard } from '../../src/observability/guard.ts';
import { MINUTE_US, OPEN_US, SESSION, tableOf } from '../exchange/bars.ts';
import { alertSettings } from './alert-settings.ts';

type Timed = InputEvent | { readonly afterMinutes: number } | DerivedEvent;

/** What is told of events, each at the time of the one before, moved on by the waits between them. */
function told(events: readonly Timed[], section: object = {}): string[] {
  const notices: AlertNotice[] = [];
  const alerts = createAlerts(alertSettings(section), {
    fromUs: OPEN_US,
    sinks: [(one) => notices.push(one)],
  });
  let tUs = OPEN_US;
  let seq = 0;
  for (const event of events) {
    seq += 1;
    if ('afterMinutes' in event) {
      tUs += event.afterMinutes * MINUTE_US;
      alerts.input({ seq, tUs, event: { type: 'Heartbeat', tUs } });
    } else if ('tUs' in event) alerts.input({ seq, tUs, event: { ...event, tUs } });
    else alerts.derived({ seq, tUs, event });
  }
  alerts.stand();
  return notices.map(noticeLine);
}

const lost: InputEvent = { type: 'ConnectionLost', tUs: 0, source: 'broker', reason: 'reset' };
const restored: InputEvent = { type: 'ConnectionRestored', tUs: 0, source: 'broker' };
const rejected: InputEvent = {
  ...{ type: 'OrderRejected', tUs: 0, clientOrderId: 'c-1' },
  ...{ reason: 'buying_power', detail: 'too little' },
} as InputEvent;
const error = (code: string): DerivedEvent => ({ type: 'ErrorRaised', code, message: 'broken' });

describe('alerts over the events of a run', () => {
  it('tell that a connection was lost and restored, once each', () => {
    expect(told([lost, lost, restored, restored])).toEqual([
      'alert ERROR: connectionLost broker: reset',
      'alert over: connectionLost broker: restored, seen 2 times',
    ]);
  });

  it('tell of a kill switch with who commanded it, and that it is open where the run ends', () => {
    const kill: InputEvent = { type: 'OperatorCommanded', tUs: 0, command: 'kill', who: 'ann', why: 'odd' };
    expect(told([kill, { type: 'KillSwitchTripped', cause: 'operator', value: 0, limit: 0 }])).toEqual([
      'alert CRITICAL: killSwitchTripped operator: by ann: odd',
      'alert still open: killSwitchTripped operator: by ann: odd',
    ]);
  });

  it('keep stale data open until every symbol is heard again', () => {
    const gap = (symbol: string): InputEvent => ({
      type: 'DataGapDetected',
      tUs: 0,
      symbol,
      sinceUs: OPEN_US,
    });
    const bar = (symbol: string): InputEvent => ({
      type: 'MarketSlice',
      tUs: 0,
      origin: 'inline',
      slice: { table: tableOf([{ symbol, minute: 1 }]), from: 0, to: 1 },
    });
    expect(told([gap('AAA'), gap('BBB'), bar('AAA'), bar('BBB')])).toEqual([
      'alert WARNING: dataStale: AAA has no bar',
      'alert over: dataStale: every symbol is heard again, seen 2 times',
    ]);
    expect(told([gap('AAA'), { type: 'SessionClosed', tUs: 0, date: SESSION.date }])[1]).toBe(
      'alert over: dataStale: the session closed',
    );
  });

  it('count a burst of rejected orders within its span', () => {
    const section = { rejections: { count: 3, minutes: 5 } };
    expect(told([rejected, rejected, { afterMinutes: 5 }, rejected], section)).toEqual([]);
    expect(told([rejected, rejected, rejected, { afterMinutes: 5 }], section)).toEqual([
      'alert WARNING: ordersRejected: 3 orders rejected within 5 min, the last for buying_power: too little',
      'alert over: ordersRejected: 0 orders rejected within 5 min',
    ]);
  });

  it('end errors and warnings when they have been quiet, and weigh errors by code', () => {
    const section = { quietMinutes: 10, errors: { DATA_STALE: 'critical', ODD: 'off' } };
    const events = [error('DATA_STALE'), { afterMinutes: 9 }, error('DATA_STALE'), error('ODD')];
    expect(told([...events, { afterMinutes: 9 }, { afterMinutes: 1 }], section)).toEqual([
      'alert CRITICAL: errorRaised DATA_STALE: broken',
      'alert over: errorRaised DATA_STALE: not seen for 10 min, seen 2 times',
    ]);
  });

  it('tell nothing of a rule that is off, and nothing of the history a run took in', () => {
    expect(told([lost], { rules: { connectionLost: 'off' } })).toEqual([]);
    const notices: AlertNotice[] = [];
    const alerts = createAlerts(alertSettings(), { fromUs: OPEN_US, sinks: [(one) => notices.push(one)] });
    alerts.input({ seq: 1, tUs: OPEN_US - 1, event: lost });
    alerts.derived({ seq: 2, tUs: OPEN_US - 1, event: error('OLD') });
    expect(notices).toEqual([]);
  });

  it('show no secret that was read, and one line whatever a broker says', () => {
    rememberSecret('planted-value-77');
    const [line] = told([{ ...lost, reason: 'key planted-value-77\n\u001b[31mred' } as InputEvent]);
    expect(line).toBe('alert ERROR: connectionLost broker: key [secret] [31mred');
  });
});

describe('an alert that comes and goes', () => {
  it('is told at most so often an hour, and what was not told is counted', () => {
    const events = Array.from({ length: 20 }, () => [lost, restored]).flat();
    const lines = told([...events, { afterMinutes: 59 }, { afterMinutes: 1 }], { maxPerHour: 4 });
    expect(lines).toHaveLength(5);
    expect(lines.at(-1)).toBe(
      'alert over: connectionLost broker: restored, seen 18 times, after 35 changes that were not told',
    );
  });

  it('says in words that one change was not told', () => {
    const lines = told([lost, restored, lost, restored, { afterMinutes: 60 }], { maxPerHour: 2 });
    expect(lines.at(-1)).toBe(
      'alert over: connectionLost broker: restored, after 1 change that was not told',
    );
  });

  it('is never told more than that, never lost, and started before it ended, whatever happens', () => {
    const step = fc.record({
      what: fc.constantFrom('seen', 'over', 'look'),
      subject: fc.constantFrom('a', 'b'),
      lasts: fc.boolean(),
      waitUs: fc.integer({ min: 0, max: US_PER_HOUR }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const book = createAlertBook(alertSettings({ maxPerHour: 3 }));
        const notices: AlertNotice[] = [];
        let tUs = OPEN_US;
        for (const { what, subject, lasts, waitUs } of steps) {
          tUs += waitUs;
          const sighting = { rule: 'connectionLost', subject, text: '' } as const;
          notices.push(...book.look({ tUs }));
          if (what === 'seen') notices.push(...book.take({ ...sighting, kind: 'seen', lasts }, { tUs }));
          if (what === 'over') notices.push(...book.take({ ...sighting, kind: 'over' }, { tUs }));
        }
        const open = book.open().map(({ subject }) => subject);
        notices.push(...book.stand({ tUs }));
        for (const subject of ['a', 'b']) {
          const own = notices.filter((one) => one.subject === subject);
          const limited = own.filter(({ kind }) => kind !== 'open').slice(0, -1);
          for (const { tUs: from } of limited) {
            const within = limited.filter((one) => one.tUs >= from && one.tUs < from + US_PER_HOUR);
            expect(within.length).toBeLessThanOrEqual(3);
          }
          // the last word on an alert is how it stands
          const last = own.at(-1)?.kind;
          if (open.includes(subject)) expect(last).toBe('open');
          else expect([undefined, 'ended']).toContain(last);
          // changes alternate, so that those told and those withheld before them do
          let changes = 0;
          for (const { kind, withheld } of own.filter((one) => one.kind !== 'open')) {
            changes += withheld + 1;
            expect(kind).toBe(changes % 2 === 1 ? 'started' : 'ended');
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the file of alerts', () => {
  const notice: AlertNotice = {
    ...{ kind: 'started', rule: 'connectionLost', subject: 'broker', severity: 'error', text: 'lost' },
    ...{ tUs: 1, sinceUs: 1, times: 1, withheld: 0, seq: 7 },
  };

  it('goes on after a crash: what it holds counts as told, a line cut short does not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sametape-alerts-'));
    const path = join(folder, 'alerts.jsonl');
    const fail = (cause: unknown): never => {
      throw cause;
    };
    const first = openAlertFile(path, fail);
    expect([first.isFound, first.isTold(notice)]).toEqual([false, false]);
    first.sink(notice);
    await first.close();
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, `${whole}${JSON.stringify({ ...notice, seq: 8 }).slice(0, 40)}`);
    const second = openAlertFile(path, fail);
    expect([second.isFound, second.isTold(notice), second.isTold({ ...notice, seq: 8 })]).toEqual([
      true,
      true,
      false,
    ]);
    second.sink({ ...notice, seq: 8 });
    await second.close();
    expect(
      readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => line && JSON.parse(line).seq),
    ).toEqual([7, 8, '']);
    rmSync(folder, { recursive: true });
  });

  it('that cannot be written is told, and nothing else happens', async () => {
    const said: string[] = [];
    const guard = createSinkGuard((line) => said.push(line));
    const file = openAlertFile('/dev/null/alerts.jsonl', (cause) => guard.failed('alerts.jsonl', cause));
    for (let k = 0; k < 3; k += 1) {
      file.sink(notice);
      await file.close();
    }
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^warning: alerts\.jsonl failed: ENOTDIR.*trading goes on/);
    expect(guard.failures.get('alerts.jsonl')).toBe(4);
  });
});

it('a quiet span that is half over is not over', () => {
  const book = createAlertBook(alertSettings({ quietMinutes: 1 }));
  book.take({ kind: 'seen', lasts: false, rule: 'errorRaised', subject: 'X', text: '' }, { tUs: 0 });
  expect(book.look({ tUs: US_PER_MINUTE - 1 })).toEqual([]);
  expect(book.look({ tUs: US_PER_MINUTE })).toMatchObject([{ kind: 'ended', subject: 'X' }]);
});
