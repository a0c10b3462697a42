import { beforeAll, describe, expect, it } from 'vitest';
import type { MarketTable } from '../../src/domain/market-table.ts';
import { decodeInput } from '../../src/events/decode.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import { runSessions, type SessionRunResult } from '../../src/modes/run-sessions.ts';
import type { MemoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun } from './synthetic-run.ts';

const MINUTE_US = 60_000_000;
const RUN = {
  synth: { symbols: 3, sessions: 1, signal: 0.4, seed: 11, from: '2024-07-03' },
  scenario: { prediction: { standardizeMinSamples: 30 } },
} as const;

type Run = ReturnType<typeof syntheticRun>;

interface Made {
  readonly tUs: number;
  readonly predictions: Predictions;
}

/** Every answer on a tape, read back from its records. */
function answersOn(tape: MemoryTape): readonly Made[] {
  return tape.records.flatMap((record) => {
    if (record.type !== 'PredictionsMade') return [];
    const event = decodeInput(record, () => expect.fail('no market data'));
    return event.type === 'PredictionsMade' ? [{ tUs: event.tUs, predictions: event.predictions }] : [];
  });
}

/** Mid of a symbol's newest two-sided bar at or before a time, and when it was seen. */
function midAt(
  table: MarketTable,
  symbolIx: number,
  untilUs: number,
): { mid: number; tUs: number } | undefined {
  for (let row = table.rowCount - 1; row >= 0; row -= 1) {
    if (table.symbolIx[row] !== symbolIx || table.endUs[row]! > untilUs) continue;
    const [bid, ask] = [table.bidCloseE4[row]!, table.askCloseE4[row]!];
    if (bid > 0 && ask >= bid) return { mid: (bid + ask) / 2, tUs: table.endUs[row]! };
  }
  return undefined;
}

/** Spearman's rho by its textbook definition: Pearson's correlation of average ranks. */
function rho(pairs: readonly (readonly [number, number])[]): number {
  const ranks = (values: readonly number[]): number[] =>
    values.map((value) => {
      const below = values.filter((other) => other < value).length;
      const equal = values.filter((other) => other === value).length;
      return below + (equal + 1) / 2;
    });
  const [a, b] = [ranks(pairs.map(([x]) => x)), ranks(pairs.map(([, y]) => y))];
  const mean = (pairs.length + 1) / 2;
  const sum = (of: (k: number) => number): number => pairs.reduce((total, _, k) => total + of(k), 0);
  const covariance = sum((k) => (a[k]! - mean) * (b[k]! - mean));
  return covariance / Math.sqrt(sum((k) => (a[k]! - mean) ** 2) * sum((k) => (b[k]! - mean) ** 2));
}

describe('the information coefficient at the close', () => {
  let run: Run;
  let result: SessionRunResult;
  let table: MarketTable;

  beforeAll(async () => {
    run = syntheticRun(RUN);
    result = await runSessions(run);
    table = await run.loadSession(run.sessions[0]!.date);
  });

  it('is that of the answers on the tape with the mid returns of their horizon, and of nothing else', () => {
    const { columns, symbols } = run.identity.layout;
    const { closeUs } = run.sessions[0]!;
    const { confidence } = result.engine.pipeline.prediction;
    const answers = answersOn(run.tape);
    columns.forEach(({ kind, horizon }, c) => {
      if (kind !== 'return') return;
      const pairs: [number, number][] = [];
      for (const { tUs, predictions } of answers) {
        const targetUs = tUs + horizon.minutes * MINUTE_US;
        if (targetUs > closeUs) continue;
        symbols.forEach((symbol, i) => {
          const at = c * symbols.length + i;
          if (predictions.valid[at] === 0) return;
          const tableIx = table.symbols.indexOf(symbol);
          const [start, end] = [midAt(table, tableIx, tUs), midAt(table, tableIx, targetUs)];
          if (start === undefined || end === undefined || end.tUs <= tUs) return;
          pairs.push([predictions.values[at]!, Math.fround(end.mid / start.mid - 1)]);
        });
      }
      expect(pairs.length).toBeGreaterThan(300);
      expect(confidence.tracks[c]!.pairs.count).toBe(pairs.length);
      expect(confidence.ic[c]).toBeCloseTo(rho(pairs), 12);
      expect(confidence.icShrunk[c]).toBeCloseTo((rho(pairs) * pairs.length) / (pairs.length + 200), 12);
    });
  });
});

describe('what models have earned by a moment', () => {
  it('does not move when the market after it does', async () => {
    const plain = syntheticRun(RUN);
    await runSessions(plain);
    const { openUs, date } = plain.sessions[0]!;
    const fromUs = openUs + 120 * MINUTE_US;
    const altered = syntheticRun(RUN);
    const table = await altered.loadSession(date);
    await runSessions({ ...altered, loadSession: () => Promise.resolve(bentFrom(table, fromUs)) });
    const [before, after] = [digestsOn(plain.tape), digestsOn(altered.tape)];
    let changed = 0;
    for (const [tUs, digests] of before) {
      if (tUs < fromUs) expect(after.get(tUs), `cycle at ${tUs}`).toBe(digests);
      else if (after.get(tUs) !== digests) changed += 1;
    }
    expect(changed).toBeGreaterThan(80);
  });
});

function digestsOn({ records }: MemoryTape): Map<number, string> {
  return new Map(
    records
      .filter(({ type }) => type === 'CycleCompleted')
      .map(({ t, payload }) => [t, JSON.stringify(payload.digests)] as const),
  );
}

/** Quotes one per cent higher for every second bar from a moment on. */
function bentFrom(table: MarketTable, fromUs: number): MarketTable {
  const bent = { ...table };
  for (const name of ['bidOpenE4', 'bidCloseE4', 'bidHighE4', 'bidLowE4'] as const)
    bent[name] = table[name].slice();
  for (const name of ['askOpenE4', 'askCloseE4', 'askHighE4', 'askLowE4'] as const)
    bent[name] = table[name].slice();
  for (let row = 0; row < table.rowCount; row += 1) {
    if (table.endUs[row]! < fromUs || (table.endUs[row]! / MINUTE_US) % 2 === 0) continue;
    for (const name of ['bidOpenE4', 'bidCloseE4', 'bidHighE4', 'bidLowE4'] as const) {
      bent[name][row] = Math.round(bent[name][row]! * 1.01);
    }
    for (const name of ['askOpenE4', 'askCloseE4', 'askHighE4', 'askLowE4'] as const) {
      bent[name][row] = Math.round(bent[name][row]! * 1.01);
    }
  }
  return bent;
}
