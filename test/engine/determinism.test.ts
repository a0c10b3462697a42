import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { synthesize } from '../../src/data/synth.ts';
import { MARKET_VALUE_COLUMNS, type MarketTable } from '../../src/domain/market-table.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import { runSessions } from '../../src/modes/run-sessions.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { syntheticRun, tableOf } from './synthetic-run.ts';

const SYNTH = { symbols: 3, sessions: 2, signal: 0.4, seed: 11 } as const;

async function recordsOf(loadSession: (date: string) => Promise<MarketTable>): Promise<string[]> {
  const run = syntheticRun({ synth: SYNTH });
  const tape = memoryTape({ keepRecords: true });
  await runSessions({ ...run, tape, loadSession });
  return tape.records.map((record) => canonicalJson({ ...record }));
}

/** Changes every value known after `afterUs`; times and presence of rows stay, so that references stay comparable. */
function mutateFuture(table: MarketTable, afterUs: number, factor: number): MarketTable {
  const mutated = structuredClone(table);
  for (let row = 0; row < table.rowCount; row += 1) {
    if (table.endUs[row]! <= afterUs) continue;
    for (const column of MARKET_VALUE_COLUMNS) {
      mutated[column][row] = Math.round(table[column][row]! * factor);
    }
  }
  return mutated;
}

describe('a run over synthetic sessions', () => {
  const tables = [...synthesize(SYNTH)];
  const original = recordsOf((date) => Promise.resolve(tableOf(tables, date)));

  it('trades both ways, so that what follows is about a run with orders and fills', async () => {
    const records = await original;
    for (const type of ['OrderIntended', 'OrderFilled', 'PositionOpened', 'PositionClosed']) {
      expect(records.filter((record) => record.includes(`"type":"${type}"`)).length).toBeGreaterThan(5);
    }
    expect(
      records.some((record) => record.includes('"purpose":"open"') && record.includes('"side":"sell"')),
    ).toBe(true);
    expect(
      records.some((record) => record.includes('"purpose":"open"') && record.includes('"side":"buy"')),
    ).toBe(true);
  });

  it('gives the same records when run again', async () => {
    expect(await recordsOf((date) => Promise.resolve(tableOf(tables, date)))).toEqual(await original);
  });

  it('never looks ahead: changing all data after a time changes no record up to it', async () => {
    const before = await original;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1 }),
        fc.integer({ min: 1, max: 389 }),
        fc.constantFrom(0.5, 0.97, 1.03, 2),
        async (sessionIx, minute, factor) => {
          const cut = tables[sessionIx]!;
          const afterUs = cut.endUs[0]! + (minute - 1) * 60_000_000;
          const after = await recordsOf((date) =>
            Promise.resolve(mutateFuture(tableOf(tables, date), afterUs, factor)),
          );
          const isPast = (record: string) => (JSON.parse(record) as { t: number }).t <= afterUs;
          expect(after.filter(isPast)).toEqual(before.filter(isPast));
          expect(after).not.toEqual(before);
        },
      ),
      { numRuns: 6 },
    );
  });
});
