import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { synthesize } from '../../src/data/synth.ts';
import { MARKET_VALUE_COLUMNS, type MarketTable } from '../../src/domain/market-table.ts';
import { US_PER_MINUTE } from '../../src/domain/units.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import {
  auditRuns,
  type LookAheadReport,
  type OtherData,
  type RepeatableRun,
} from '../../src/research/look-ahead.ts';
import { mutateAfter } from '../../src/research/mutate-future.ts';
import { sametape } from '../cli/sametape.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';

/** Twenty minutes of data a session are enough to decide on, and fast. */
const SYNTH = { symbols: 2, sessions: 2, seed: 3, haltRate: 0 };

function audit(
  openRun: (data: OtherData) => RepeatableRun,
  { cuts = 3, seed = 1 }: { cuts?: number; seed?: number } = {},
): Promise<LookAheadReport> {
  return auditRuns({
    openRun: (data) => Promise.resolve(openRun(data)),
    cuts,
    seed,
    progress: silentProgress,
  });
}

function honest(data: OtherData): RepeatableRun {
  const run = syntheticRun({ synth: SYNTH });
  return { ...run, loadSession: async (date) => data.tableOf(await run.loadSession(date)) };
}

/** Models that are shown the close of the bar after the newest one. */
function peeking(data: OtherData): RepeatableRun {
  const run = honest(data);
  let table: MarketTable | undefined;
  const { inference } = run;
  return {
    ...run,
    loadSession: async (date) => {
      table = await run.loadSession(date);
      return table;
    },
    inference: {
      ...inference!,
      infer: (request) => {
        const answer = inference!.infer(request);
        if (answer instanceof Promise) throw new Error('the rule of thumb answers at once');
        // 389 cycles a session, the first a minute after the open, where the first bar ends
        const nowUs = table!.endUs[0]! + ((request.cycle - 1) % 389) * US_PER_MINUTE;
        const row = table!.endUs.findIndex((endUs) => endUs > nowUs);
        const hint = row < 0 ? 0 : table!.closeE4[row]! / 1e9;
        return {
          ...answer,
          values: answer.values.map((value, k) => (answer.valid[k] === 1 ? value + hint : 0)),
        };
      },
    },
  };
}

describe('the audit of look-ahead', () => {
  it('finds that what the engine decides does not depend on the future', async () => {
    // a seed whose first draw is in the upper half, where the last of two sessions lies
    const { ok, cuts } = await audit(honest, { seed: 2 });
    expect(ok).toBe(true);
    expect(cuts).toHaveLength(3);
    expect(cuts[0]).toMatchObject({ date: '2024-01-02', minute: 390 });
    for (const cut of cuts) expect(cut).toMatchObject({ hasChangedFuture: true });
    expect(cuts.every(({ leak }) => leak === undefined)).toBe(true);
    expect(Math.max(...cuts.map(({ recordsBefore }) => recordsBefore))).toBeGreaterThan(500);
  });

  it('names the first record of models that see the next bar', async () => {
    const { ok, cuts } = await audit(peeking, { seed: 4 });
    expect(ok).toBe(false);
    const inside = cuts.filter(({ minute }) => minute > 0 && minute < 390);
    expect(inside.length).toBeGreaterThan(0);
    for (const { leak, minute } of inside) {
      expect(leak?.stage).toBe('predictions');
      expect((leak!.cycle - 1) % 389).toBe(minute - 1);
    }
  });

  it('does not pass when there was no future to change', async () => {
    const { ok, cuts } = await audit((data) => {
      const run = honest(data);
      const [first] = run.sessions;
      const load = async (date: string): Promise<MarketTable> => upTo(await run.loadSession(date), 3);
      return { ...run, sessions: [first!], inference: undefined, identity: limited(run), loadSession: load };
    });
    expect(ok).toBe(false);
    expect(cuts.every(({ hasChangedFuture, leak }) => !hasChangedFuture && leak === undefined)).toBe(true);
  });

  it('is a command', async () => {
    const { code, stdout } = await sametape([
      ...['audit', 'look-ahead', 'scenarios/quickstart.yaml', '--cuts', '1', '--json'],
      ...['--set', 'data.to=2024-01-10', '--set', 'models.runRoot=null', '--set', 'data.symbols=[AAA]'],
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, cuts: [{ hasChangedFuture: true }] });
    const refused = await sametape(['audit', 'look-ahead', 'scenarios/quickstart.yaml', '--cuts', '0']);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--cuts: expected a whole number'),
    });
  });
});

/** The first minutes of a session. */
function upTo(table: MarketTable, minutes: number): MarketTable {
  const endUs = table.endUs[0]! + (minutes - 1) * US_PER_MINUTE;
  return { ...table, rowCount: table.endUs.findIndex((each) => each > endUs) };
}

function limited({ identity }: RepeatableRun): RepeatableRun['identity'] {
  const { risk } = identity.settings;
  const settings = { ...identity.settings, strict: false, risk: { ...risk, maxDataGapMinutes: 1000 } };
  return { ...identity, settings, layout: { ...identity.layout, columns: [] } };
}

function bytes({ buffer, byteOffset, byteLength }: Float64Array | Int32Array | Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

describe('a changed future', () => {
  const [table] = [...synthesize({ ...SYNTH, sessions: 1 })];

  it('leaves every row up to the cut alone, changes those after it, and keeps bars in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 389 }), fc.integer({ min: 0, max: 1000 }), (minute, seed) => {
        const cutUs = table!.endUs[0]! + (minute - 1) * US_PER_MINUTE;
        const changed = mutateAfter(table!, cutUs, [seed]);
        const before = table!.endUs.findIndex((endUs) => endUs > cutUs);
        for (const name of [...MARKET_VALUE_COLUMNS, 'endUs', 'symbolIx', 'flags'] as const) {
          expect(
            bytes(changed[name].subarray(0, before)).equals(bytes(table![name].subarray(0, before))),
          ).toBe(true);
        }
        expect(bytes(changed.closeE4).equals(bytes(table!.closeE4))).toBe(false);
        expect(changed.rowCount).toBe(changed.endUs.length);
        const odd = changed.endUs.findIndex(
          (endUs, row) =>
            changed.bidCloseE4[row]! > changed.askCloseE4[row]! ||
            changed.lowE4[row]! > changed.highE4[row]! ||
            (row > 0 && endUs < changed.endUs[row - 1]!),
        );
        expect(odd).toBe(-1);
      }),
      { numRuns: 20 },
    );
  });

  it('is the same for the same seed', () => {
    const cutUs = table!.endUs[100]!;
    expect(mutateAfter(table!, cutUs, [1])).toEqual(mutateAfter(table!, cutUs, [1]));
    expect(mutateAfter(table!, cutUs, [1])).not.toEqual(mutateAfter(table!, cutUs, [2]));
  });
});
