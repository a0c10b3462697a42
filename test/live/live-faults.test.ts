import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { merge, Subject } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/domain/errors.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import type { LiveControls, LiveOptions } from '../../src/modes/live-options.ts';
import type { Broker, BrokerNews, Untimed } from '../../src/ports/broker.ts';
import type { MarketDataSource } from '../../src/ports/market-source.ts';
import { recordedIdentity } from '../../src/research/recorded-scenario.ts';
import { findUnfinished, resumeLive } from '../../src/research/resume-live.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { type LiveDay, liveDay, playDay, quickstartDay, scratch } from './live-day.ts';

const outDir = scratch('live-faults');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const operator = (command: 'kill' | 'reset' | 'pause'): Untimed<InputEvent> => ({
  type: 'OperatorCommanded',
  command,
  who: 'ann',
  why: 'a test',
});

function typesOn(runDir: string): string[] {
  const lines = readTape(runFolderAt(runDir).tapeDir, { torn: 'report', storedHead: 'leave' });
  return [...lines].map(({ record }) => record.type);
}

/** Around the broker of a day. */
function withBroker(options: LiveOptions, around: (broker: Broker) => Broker): Partial<LiveOptions> {
  return { openBroker: async (spec) => around(await options.openBroker(spec)) };
}

function withSource(
  options: LiveOptions,
  around: (source: MarketDataSource) => MarketDataSource,
): Partial<LiveOptions> {
  return { openSource: async (spec) => around(await options.openSource(spec)) };
}

/** Ends a run once a cycle of it is complete. */
function stoppingAfter(cycle: number, stop: AbortController): NonNullable<LiveOptions['attach']> {
  return ({ derived$ }) => {
    derived$.subscribe(({ event }) => {
      if (event.type === 'CycleCompleted' && event.cycle === cycle) stop.abort();
    });
  };
}

function changed(day: LiveDay, more: Partial<LiveOptions>): LiveDay {
  return { clock: day.clock, options: { ...day.options, onTrouble: () => undefined, ...more } };
}

describe('commands to a live run', () => {
  it('are recorded in the order they were given, before all that waits, also where looking for one brings one', async () => {
    const stop = new AbortController();
    const day = await liveDay(join(outDir, 'commands'), { signal: stop.signal });
    let controls: LiveControls | undefined;
    let isLooked = false;
    const result = await playDay(
      changed(day, {
        openControls: async (opened) => {
          controls = opened;
          return {
            close: async () => undefined,
            takeUrgent: () => {
              if (isLooked || opened.engine.nowUs < quickstartDay.openUs + 60_000_000) return undefined;
              isLooked = true;
              // as a kill that lies there as a file does: it comes by the other way
              opened.loop.arriveFirst({ event: operator('pause') });
              for (const command of ['reset', 'kill'] as const) {
                opened.loop.arriveFirst({ event: operator(command) });
              }
              return undefined;
            },
          };
        },
        attach: stoppingAfter(5, stop),
      }),
    );
    const lines = [...readTape(runFolderAt(result.runDir).tapeDir, { torn: 'report', storedHead: 'leave' })];
    const said = lines.flatMap(({ record }) =>
      record.type === 'OperatorCommanded' ? [record.payload.command] : [],
    );
    expect(said).toEqual(['pause', 'reset', 'kill']);
    expect(controls?.engine.kill.tripped.operator).toBe(true);
    const slices = lines
      .filter(({ record }) => record.type === 'MarketSlice')
      .map(({ payloadJson }) => payloadJson);
    expect(new Set(slices).size).toBe(slices.length);
  });

  it('wait, as everything does, until the run has begun: a tape starts with RunStarted', async () => {
    const stop = new AbortController();
    const day = await liveDay(join(outDir, 'early'), { signal: stop.signal, set: ['data.warmupSessions=1'] });
    const result = await playDay(
      changed(day, {
        openControls: async ({ loop, engine }) => {
          loop.arriveFirst({ event: operator('kill') });
          loop.offer({ type: 'ConnectionLost', source: 'market_data', reason: 'early' });
          const look = () => (engine.isLost.market_data ? stop.abort() : setImmediate(look));
          look();
          return { close: async () => undefined };
        },
      }),
    );
    const types = typesOn(result.runDir);
    expect(types[0]).toBe('RunStarted');
    expect(types.indexOf('OperatorCommanded')).toBeGreaterThan(types.lastIndexOf('MarketSlice'));
    expect(types).toContain('SessionClosed');
  });
});

describe('a broker that cannot be reached', () => {
  it('is sent nothing that a kill called back while it was away, however young', async () => {
    const stop = new AbortController();
    const set = ['broker.resendSeconds=3600'];
    const day = await liveDay(join(outDir, 'away'), { signal: stop.signal, set });
    const placed: string[] = [];
    let isAway = true;
    let intended = 0;
    const more = withBroker(day.options, (broker) => ({
      ...broker,
      submitOrder: async (order, sent) => {
        if (isAway) throw new ServiceError('AWAY', 'away', { retryable: true });
        placed.push(order.clientOrderId);
        await broker.submitOrder(order, sent);
      },
    }));
    let controls: LiveControls | undefined;
    const result = await playDay(
      changed(day, {
        ...more,
        openControls: async (opened) => {
          controls = opened;
          return { close: async () => undefined };
        },
        attach: ({ derived$ }) => {
          derived$.subscribe(({ event }) => {
            if (event.type === 'OrderIntended') intended += 1;
            if (event.type !== 'CycleCompleted' || intended === 0) return;
            const sinceKill = controls!.engine.kill.tripped.operator;
            if (!sinceKill) controls!.loop.arriveFirst({ event: operator('kill') });
            else isAway = false;
            if (event.cycle === 150) stop.abort();
          });
        },
      }),
    );
    expect(intended).toBeGreaterThan(0);
    expect(placed).toEqual([]);
    const rejected = typesOn(result.runDir).filter((type) => type === 'OrderRejected');
    expect(rejected.length).toBe(intended);
    expect(controls!.engine.orders.working).toEqual([]);
  });

  it('is sent nothing that grew old while it was away, and the rest when it is back', async () => {
    const stop = new AbortController();
    const day = await liveDay(join(outDir, 'old'), { signal: stop.signal });
    let oldestUs = 0;
    let placed = 0;
    let refused = 0;
    let controls: LiveControls | undefined;
    const more = withBroker(day.options, (broker) => ({
      ...broker,
      submitOrder: async (order, sent) => {
        const { working, workingOrdinals } = controls!.engine.orders;
        const known = working.find(({ ordinal }) => ordinal === workingOrdinals.get(order.clientOrderId));
        // away for four minutes of every five
        if (Math.floor(day.clock.nowUs() / 60_000_000) % 5 !== 0) {
          refused += 1;
          throw new ServiceError('AWAY', 'away', { retryable: true });
        }
        placed += 1;
        oldestUs = Math.max(oldestUs, day.clock.nowUs() - known!.intendedUs);
        await broker.submitOrder(order, sent);
      },
    }));
    await playDay(
      changed(day, {
        ...more,
        openControls: async (opened) => {
          controls = opened;
          return { close: async () => undefined };
        },
        attach: stoppingAfter(200, stop),
      }),
    );
    expect(refused).toBeGreaterThan(0);
    expect(placed).toBeGreaterThan(0);
    expect(oldestUs).toBeLessThanOrEqual(30_000_000);
  });

  it('counts as lost when its account cannot be read, and is read one at a time', async () => {
    const stop = new AbortController();
    const day = await liveDay(join(outDir, 'unread'), { signal: stop.signal });
    let reads = 0;
    let open = 0;
    let most = 0;
    const more = withBroker(day.options, (broker) => ({
      ...broker,
      getPositions: async () => {
        reads += 1;
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        if (reads > 1) throw new ServiceError('UNREADABLE', 'a fraction', { retryable: false });
        return broker.getPositions();
      },
    }));
    const result = await playDay(
      changed(day, {
        ...more,
        attach: stoppingAfter(120, stop),
      }),
    );
    expect(most).toBe(1);
    expect(reads).toBeGreaterThan(3);
    expect(typesOn(result.runDir)).toContain('ConnectionLost');
  });
});

it('a broker that says it is back, and whose account cannot be read, is not back', async () => {
  const stop = new AbortController();
  const day = await liveDay(join(outDir, 'half-back'), { signal: stop.signal });
  const said$ = new Subject<BrokerNews>();
  let reads = 0;
  let controls: LiveControls | undefined;
  const more = withBroker(day.options, (broker) => ({
    ...broker,
    news$: merge(broker.news$, said$),
    getPositions: async () => {
      reads += 1;
      if (reads > 1) throw new ServiceError('UNREADABLE', 'away', { retryable: true });
      return broker.getPositions();
    },
  }));
  let lostAt = 0;
  await playDay(
    changed(day, {
      ...more,
      openControls: async (opened) => {
        controls = opened;
        return { close: async () => undefined };
      },
      attach: ({ derived$ }) => {
        derived$.subscribe(({ event }) => {
          if (event.type !== 'CycleCompleted') return;
          if (lostAt === 0 && controls!.engine.isLost.broker) {
            lostAt = event.cycle;
            said$.next({ type: 'ConnectionRestored', source: 'broker' });
          } else if (lostAt > 0 && event.cycle === lostAt + 3) stop.abort();
        });
      },
    }),
  );
  expect(lostAt).toBeGreaterThan(0);
  expect(controls!.engine.isLost.broker).toBe(true);
});

describe('a strict error', () => {
  it('leaves the run killed and open, and one that goes on with it stays killed', async () => {
    const into = join(outDir, 'strict');
    const day = await liveDay(into);
    let isSaid = false;
    const attach: LiveOptions['attach'] = () => undefined;
    const told = changed(day, {
      attach,
      openControls: async ({ loop, engine }) => {
        const look = () => {
          if (isSaid) return;
          if (engine.clock.isOpen && engine.nowUs > quickstartDay.openUs + 600_000_000) {
            isSaid = true;
            loop.offer({ type: 'DataGapDetected', symbol: 'AAA', sinceUs: quickstartDay.openUs });
          } else setImmediate(look);
        };
        look();
        return { close: async () => undefined };
      },
    });
    await expect(playDay(told)).rejects.toMatchObject({ code: 'STRICT_STOPPED' });
    const left = findUnfinished(into, { name: 'quickstart', kind: 'paper' });
    expect(left).toBeDefined();
    const resumed = resumeLive(left!);
    expect(resumed.engine.kill.tripped.strict_error).toBe(true);
    resumed.tape.close();
    expect(recordedIdentity(runFolderAt(left!).tapeDir).mode?.kind).toBe('paper');
  });
});

it('a source that cannot give what was missed keeps no cycle, no exit and no close from coming', async () => {
  const day = await liveDay(join(outDir, 'missed'), { set: ['strict=false'] });
  day.clock.advance(3_600_000_000);
  const more = withSource(day.options, (source) => ({
    ...source,
    getBars: async () => {
      throw new ServiceError('HISTORY_AWAY', '503', { retryable: true });
    },
  }));
  const result = await playDay(changed(day, more));
  const types = typesOn(result.runDir);
  expect(result.isClosed).toBe(true);
  expect(result.cycles).toBeGreaterThan(300);
  expect(types.filter((type) => type === 'ConnectionLost' || type === 'ConnectionRestored')).toEqual([
    'ConnectionLost',
    'ConnectionRestored',
  ]);
  expect(types.slice(-2)).not.toContain('OrderIntended');
  expect(types.at(-1)).toBe('RunStopped');
});

it('a run ends when the last that is told of its orders is on the tape', async () => {
  const day = await liveDay(join(outDir, 'close'), {
    set: ['execution.timeInForce=day', 'execution.orderType=limit'],
  });
  const result = await playDay(changed(day, {}));
  const types = typesOn(result.runDir);
  expect(result.isClosed).toBe(true);
  const { orders } = result;
  const ends = ['OrderFilled', 'OrderCancelled', 'OrderExpired', 'OrderRejected'];
  expect(types.filter((type) => ends.includes(type)).length).toBe(orders);
});
