import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { recordedIdentity } from '../../src/research/recorded-scenario.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { projectRoot, scratch } from './live-day.ts';
import { type TwinDay, twinDay } from './twin-day.ts';

const outDir = scratch('twin-day');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

describe('a live day at the twin: market data and orders over sockets', () => {
  let day: TwinDay;
  beforeAll(async () => {
    day = await twinDay({ outDir, minutes: 390 });
  }, 240_000);

  it('decides every cycle, trades, and raises nothing', () => {
    const { result, errors } = day;
    expect(errors).toEqual([]);
    expect([result.isClosed, result.cycles]).toEqual([true, 389]);
    expect(result.fills).toBeGreaterThan(300);
  });

  it('trades ten symbols, eight of them on the paths of the quickstart', async () => {
    const { layout } = recordedIdentity(runFolderAt(day.result.runDir).tapeDir);
    expect(layout.symbols.length).toBe(10);
    expect(new Set(day.twin.book.orders.map(({ symbol }) => symbol))).toEqual(new Set(layout.symbols));
    const bids = async (dir: string): Promise<readonly number[]> => {
      const { symbols, symbolIx, bidCloseE4 } = await (await openDataset(dir)).loadSession('2024-01-10');
      return [...bidCloseE4].filter((_, row) => symbols[symbolIx[row]!]! <= 'HHH');
    };
    expect(await bids(join(outDir, 'market'))).toEqual(await bids(join(projectRoot, 'datasets/quickstart')));
  });

  it('has each order once at the broker, every execution on its tape, and the books of the broker', () => {
    const { twin, result } = day;
    const placed = twin.book.orders.map(({ clientOrderId }) => clientOrderId);
    expect(new Set(placed).size).toBe(placed.length);
    const intended: string[] = [];
    const executed: string[] = [];
    const held: Record<string, number> = {};
    for (const { record } of readTape(runFolderAt(result.runDir).tapeDir)) {
      const { order, execution } = record.payload as {
        readonly order?: { readonly clientOrderId: string };
        readonly execution?: {
          readonly executionId: string;
          readonly symbol: string;
          readonly side: 'buy' | 'sell';
          readonly quantity: number;
        };
      };
      if (record.type === 'OrderIntended') intended.push(order!.clientOrderId);
      // what was told twice is booked once
      if (execution === undefined || executed.includes(execution.executionId)) continue;
      executed.push(execution.executionId);
      held[execution.symbol] =
        (held[execution.symbol] ?? 0) + (execution.side === 'buy' ? 1 : -1) * execution.quantity;
    }
    expect(placed.sort()).toEqual(intended.sort());
    expect(new Set(executed)).toEqual(new Set(twin.book.executions.map(({ executionId }) => executionId)));
    expect(executed.length).toBe(twin.book.executions.length);
    const open = Object.fromEntries(Object.entries(held).filter(([, shares]) => shares !== 0));
    expect(open).toEqual(twin.book.positions());
  });

  it('replays from its tape to the same bits', async () => {
    const { runDir, chainHead } = day.result;
    const replay = await replayRun({ runDir, datasetDir: undefined, progress: silentProgress });
    expect(replay.divergence).toBeUndefined();
    expect(replay.chainHead).toBe(chainHead);
  });
});
