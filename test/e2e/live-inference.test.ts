import { describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { prepareRun } from '../../src/modes/prepare.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { projectRoot, quickstart } from './as-user.ts';

const WARM_UP_CYCLES = 100;
const MEASURED_CYCLES = 200;
const MAX_MEDIAN_MS = 20;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

describe('a full-universe cycle with live inference of the quickstart models', () => {
  it(`takes under ${MAX_MEDIAN_MS} ms at the median of ${MEASURED_CYCLES}`, async () => {
    const overrides = [parseSetOption('data.to=2024-01-10', projectRoot)];
    const prepared = await prepareRun(loadScenario({ file: quickstart, overrides }));
    const { identity, inference, sessions, dataset } = prepared;
    expect([identity.layout.symbols.length, identity.layout.columns.length]).toEqual([8, 9]);
    const cycleMs: number[] = [];
    let sinceMs = Number.NaN;
    await runSessions({
      identity,
      sessions,
      loadSession: (date) => dataset.loadSession(date),
      inference,
      tape: memoryTape(),
      // From the end of the cycle before: market data, features, inference, all stages, orders and the tape.
      attach: (loop) => {
        loop.derived$.subscribe(({ event }) => {
          if (event.type !== 'CycleCompleted') return;
          const nowMs = performance.now();
          if (event.cycle > WARM_UP_CYCLES) cycleMs.push(nowMs - sinceMs);
          sinceMs = nowMs;
        });
      },
    });
    await inference?.close();
    const measured = cycleMs.slice(0, MEASURED_CYCLES);
    expect(measured).toHaveLength(MEASURED_CYCLES);
    console.log(
      `live inference: ${median(measured).toFixed(1)} ms a cycle at the median of ${MEASURED_CYCLES}`,
    );
    expect(median(measured)).toBeLessThan(MAX_MEDIAN_MS);
  });
});
