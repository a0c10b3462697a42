import { describe, expect, it } from 'vitest';
import type { DerivedEvent } from '../../src/events/derived.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { viewRun } from '../../src/modes/run-observer.ts';
import { createSinkGuard } from '../../src/observability/guard.ts';
import { createHeartbeat } from '../../src/observability/heartbeat.ts';
import { createMetricsPage } from '../../src/observability/metrics-page.ts';
import type { MetricsSource } from '../../src/observability/metrics-table.ts';
import { createRunCounts } from '../../src/observability/run-counts.ts';
import { healthOf, type RunView } from '../../src/observability/run-view.ts';
import { createRunCollector } from '../../src/report/collect.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { OPEN_US, SESSION } from '../exchange/bars.ts';
import { loopDesk, timelineOf } from '../runtime/loop-desk.ts';

const opened: InputEvent = { type: 'SessionOpened', tUs: OPEN_US, session: SESSION };
const closed: InputEvent = { type: 'SessionClosed', tUs: SESSION.closeUs, date: SESSION.date };
const completed = { type: 'CycleCompleted', cycle: 1 } as unknown as DerivedEvent;

describe('a sink that fails', () => {
  it('stops nothing, changes nothing, and is told once', async () => {
    const run = syntheticRun({ synth: { symbols: 2, sessions: 1 } });
    const [plain, watched] = [loopDesk(run), loopDesk(run)];
    const timeline = await timelineOf(run);
    const said: string[] = [];
    const guard = createSinkGuard((line) => said.push(line));
    const fail = (): never => {
      throw new Error('no room');
    };
    watched.loop.inputs$.subscribe(guard.wrap('metrics', fail));
    watched.loop.derived$.subscribe(guard.wrap('metrics', fail));
    await plain.drive(timeline);
    await watched.drive(timeline);
    expect(watched.tape.head).toBe(plain.tape.head);
    expect(said).toEqual([
      'warning: metrics failed: no room; trading goes on, further failures are counted and not told',
    ]);
    expect(guard.failures.get('metrics')).toBe(watched.tape.nextSeq);
  });
});

describe('a heartbeat', () => {
  function heart(speed: number) {
    let ms = 0;
    const limits = { fromUs: OPEN_US, cycleUs: 60e6, lateUs: 120e6 };
    const beat = createHeartbeat({ ...limits, speed, nowMs: () => ms });
    return {
      input: (event: InputEvent) => beat.input({ seq: 1, tUs: event.tUs, event }),
      derived: (event: DerivedEvent) => beat.derived({ seq: 1, tUs: OPEN_US, event }),
      after: (seconds: number) => {
        ms += seconds * 1000;
        return beat.missed();
      },
    };
  }

  it('is missed where a session is open and no cycle comes', () => {
    const beat = heart(1);
    expect(beat.after(1000)).toBeUndefined();
    beat.input(opened);
    expect(beat.after(180)).toBeUndefined();
    expect(beat.after(1)).toBe('no cycle for 181 s, limit 180 s');
    beat.derived(completed);
    expect(beat.after(100)).toBeUndefined();
    beat.input(closed);
    expect(beat.after(1000)).toBeUndefined();
  });

  it('is expected sooner where a market is played faster, but work takes its time', () => {
    const [faster, atOnce] = [heart(6), heart(Number.POSITIVE_INFINITY)];
    for (const beat of [faster, atOnce]) beat.input(opened);
    expect(faster.after(31)).toBe('no cycle for 31 s, limit 30 s');
    expect(atOnce.after(10)).toBeUndefined();
    expect(atOnce.after(1)).toBe('no cycle for 11 s, limit 10 s');
  });

  it('does not wait for cycles in history', () => {
    const beat = heart(1);
    beat.input({ ...opened, tUs: OPEN_US - 1 });
    expect(beat.after(1000)).toBeUndefined();
  });
});

it('health names every reason', () => {
  const view = {
    isTripped: { daily_loss: true, operator: false },
    isLost: { market_data: false, broker: true, clock: false },
    differences: 2,
  } as unknown as RunView;
  expect(healthOf(view, 'no cycle for 9 s').reasons).toEqual([
    'killed: daily_loss',
    'connection lost: broker',
    'unreconciled: 2 differences with the broker',
    'no cycle for 9 s',
  ]);
  expect(healthOf(undefined, undefined)).toEqual({ isOk: false, reasons: ['starting'] });
  expect(
    healthOf({ ...view, isTripped: {}, isLost: {} as RunView['isLost'], differences: 0 }, undefined).isOk,
  ).toBe(true);
});

it('labels are bounded, whatever codes come', () => {
  const counts = createRunCounts(0);
  for (let k = 0; k < 1000; k += 1) {
    counts.derived({ seq: k, tUs: 1, event: { type: 'ErrorRaised', code: `CODE_${k}`, message: '' } });
  }
  expect(counts.errors.size).toBeLessThanOrEqual(65);
  expect(counts.errors.get('other')).toBe(1000 - 64);
});

it('a label is escaped, and a scrape shows only what is there now', async () => {
  const page = createMetricsPage();
  page.lap('cycle', 0.003);
  const { engine } = loopDesk(syntheticRun({ synth: { symbols: 2, sessions: 1 } }));
  const { symbols } = engine.layout;
  const view = viewRun({
    engine,
    tapeSeq: () => 7,
    collector: createRunCollector({ symbols, initialCashMicros: 1_000_000 }),
  });
  const source = (symbol: string): MetricsSource => ({
    run: { scenario: 'a"\n\\b', runId: 'r', mode: 'paper', source: 's', broker: 'b' },
    view: { ...view, positions: [{ symbol, shares: 1, valueDollars: 2 }] },
    health: healthOf(view, undefined),
    counts: createRunCounts(0),
    ...{ openAlerts: [], alertsTold: new Map(), sinkFailures: new Map(), webhook: undefined },
  });
  await page.render(source('AAA'));
  const text = await page.render(source('BBB'));
  expect(text).toContain('sametape_run_info{scenario="a\\"\\n\\\\b",');
  expect(text).toContain('sametape_position_shares{symbol="BBB"} 1');
  expect(text).not.toContain('AAA');
  expect(text).toContain('sametape_latency_seconds_bucket{le="0.0025",stage="cycle"} 0');
  expect(text).toContain('sametape_latency_seconds_bucket{le="0.005",stage="cycle"} 1');
});
