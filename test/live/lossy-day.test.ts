import { rmSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import type { InputEvent } from '../../src/events/inputs.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import { replayRun } from '../../src/research/replay-run.ts';
import { readTape } from '../../src/tape/read-tape.ts';
import { runFolderAt } from '../../src/tape/run-folder.ts';
import { scratch } from './live-day.ts';
import { lossyDay } from './lossy-day.ts';

const outDir = scratch('lossy-day');
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const MINUTES = 170;

it('loses its connections again and again, and has every order once and the books of the broker all the same', async () => {
  const { twin, result, troubles } = await lossyDay({
    outDir,
    date: '2024-01-10',
    minutes: MINUTES,
    onMinute: ({ stream, dataStream, dealer }, minute) => {
      // the last minutes are for catching up
      if (minute > MINUTES - 10) dealer.stop();
      else if (minute % 9 === 5) stream.dropAll();
      else if (minute % 13 === 7) dataStream.dropAll();
      else if (minute % 4 === 1) dealer.deal([{ on: 'order', nth: 0, do: { kind: 'error_after' } }]);
      else if (minute % 4 === 3) dealer.deal([{ on: 'update', nth: 1, do: { kind: 'drop' } }]);
    },
  });
  expect(troubles).toEqual([]);
  const placed = twin.book.orders.map(({ clientOrderId }) => clientOrderId);
  expect(placed.length).toBeGreaterThan(3);
  expect(new Set(placed).size).toBe(placed.length);
  const held: Record<string, number> = {};
  const booked = new Set<string>();
  let losses = 0;
  for (const { record } of readTape(runFolderAt(result.runDir).tapeDir)) {
    const event = { type: record.type, ...record.payload } as unknown as InputEvent;
    if (event.type === 'ConnectionLost') losses += 1;
    if (event.type !== 'OrderFilled' && event.type !== 'OrderPartiallyFilled') continue;
    const { executionId, symbol, side, quantity } = event.execution;
    if (booked.has(executionId)) continue;
    booked.add(executionId);
    held[symbol] = (held[symbol] ?? 0) + (side === 'buy' ? quantity : -quantity);
  }
  expect(losses).toBeGreaterThan(10);
  expect(booked).toEqual(new Set(twin.book.executions.map(({ executionId }) => executionId)));
  expect(Object.fromEntries(Object.entries(held).filter(([, shares]) => shares !== 0))).toEqual(
    twin.book.positions(),
  );
  const replay = await replayRun({ runDir: result.runDir, datasetDir: undefined, progress: silentProgress });
  expect(replay.divergence).toBeUndefined();
  expect(replay.chainHead).toBe(result.chainHead);
});
