import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { InputEvent } from '../../src/events/inputs.ts';
import { runIdentity } from '../../src/modes/run-identity.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { paced } from '../../src/sources/pace.ts';
import { scaledClock } from '../../src/sources/wall-clock.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { projectRoot, type RunJson, succeeds, useTempFolder } from './as-user.ts';

const temp = useTempFolder();
afterEach(() => vi.useRealTimers());

/** What golden files pin of a backtest, a paper run over the same dataset must give. */
describe.each(['quickstart', 'learning', 'risk', 'corporate-actions'])('%s on paper', (name) => {
  it('makes the decisions its golden file pins, on a tape that needs no dataset to replay', async () => {
    const golden = join(projectRoot, `golden/${name}.json`);
    const { decisionHead } = JSON.parse(readFileSync(golden, 'utf8')) as RunJson;
    const predictions = join(projectRoot, `golden/${name}.predictions.arrow`);
    const run = JSON.parse(
      await succeeds([
        ...['paper', join(projectRoot, `scenarios/${name}.yaml`), '--speed', 'max', '--json'],
        ...['--predictions', predictions, '--out', temp(name)],
      ]),
    ) as RunJson;
    expect(run.decisionHead).toBe(decisionHead);
    expect(existsSync(join(run.runDir, 'tape'))).toBe(true);
    const replayed = JSON.parse(
      await succeeds(['replay', run.runDir, '--dataset', temp('nowhere'), '--json']),
    ) as { readonly ok: boolean; readonly chainHead: string };
    expect(replayed).toMatchObject({ ok: true, chainHead: run.chainHead, decisionHead });
  });
});

const DAY = { synth: { symbols: 3, sessions: 1, from: '2024-07-03', seed: 4, signal: 0.6 } } as const;

async function recordsOf(kind: 'backtest' | 'paper', events?: (input: InputEvent) => void) {
  const run = syntheticRun(DAY);
  const tape = memoryTape({ keepRecords: true });
  const mode = { kind: 'paper', nonce: 'n', source: 'dataset', broker: 'simulated' } as const;
  const identity = kind === 'paper' ? runIdentity({ ...run.identity, mode }) : run.identity;
  const clock = scaledClock({ startUs: 0, speed: 1 });
  const pace = (timeline: Iterable<InputEvent>) => paced(timeline, { clock, speed: 'max' });
  await runSessions({
    ...run,
    identity,
    tape,
    ...(kind === 'paper' ? { pace } : {}),
    attach: (loop) => loop.inputs$.subscribe(({ event }) => events?.(event)),
  });
  return tape;
}

it('differs from the backtest in run identity, the ids made of it, and how bars are carried, and in nothing else', async () => {
  const backtest = await recordsOf('backtest');
  const paper = await recordsOf('paper');
  expect(paper.decisionHead).toBe(backtest.decisionHead);
  expect(paper.head).not.toBe(backtest.head);
  const plain = ({ records }: typeof paper) =>
    records.map(({ seq, t, type, payload }) => {
      if (type === 'RunStarted' || type === 'MarketSlice') return { seq, t, type };
      // a client order id is the run's tag, the sequence number of its cause and an ordinal
      return JSON.stringify({ seq, t, type, payload }).replaceAll(/[0-9a-f]{12}-(\d+-\d+)/g, 'RUN-$1');
    });
  expect(plain(paper)).toEqual(plain(backtest));
  expect(backtest.records.filter(({ type }) => type === 'OrderIntended').length).toBeGreaterThan(20);
});

describe('the pace of a paper run', () => {
  const event = (minute: number): InputEvent => ({ type: 'Heartbeat', tUs: minute * 60_000_000 });

  async function times(speed: number, minutes: readonly number[]): Promise<number[]> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const clock = scaledClock({ startUs: 0, speed: 1 });
    const seen: number[] = [];
    const done = new Promise<void>((resolve) => {
      paced(minutes.map(event), { clock, speed }).subscribe({
        next: () => seen.push(Math.round(clock.nowUs() / 1e6)),
        complete: resolve,
      });
    });
    await vi.runAllTimersAsync();
    await done;
    return seen;
  }

  it('is the time between events divided by the speed, from the first on', async () => {
    expect(await times(60, [570, 571, 573, 600])).toEqual([0, 1, 3, 30]);
    expect(await times(1, [570, 571])).toEqual([0, 60]);
  });

  it('lets an operator speak between two events, at the time of the second', async () => {
    const said: InputEvent[] = [];
    let asked = 0;
    await new Promise<void>((resolve) => {
      paced([event(1), event(2)], {
        clock: scaledClock({ startUs: 0, speed: 1 }),
        speed: 'max',
        interjections: {
          take: () => {
            asked += 1;
            return asked === 2
              ? [{ type: 'OperatorCommanded', command: 'pause', who: 'ann', why: 'lunch' }]
              : [];
          },
          onSaid: () => () => undefined,
        },
      }).subscribe({ next: (one) => said.push(one), complete: resolve });
    });
    expect(said.map(({ type, tUs }) => `${type} ${tUs / 60_000_000}`)).toEqual([
      'Heartbeat 1',
      'OperatorCommanded 2',
      'Heartbeat 2',
    ]);
  });
});
