import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/domain/errors.ts';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import type { ModelColumn, SignalLayout } from '../../src/events/layout.ts';
import { createPrng } from '../../src/math/prng.ts';
import { type PredictionKeyParts, predictionKey } from '../../src/models/prediction-key.ts';
import { createPredictionWriter } from '../../src/models/prediction-writer.ts';
import { createRecordedInference } from '../../src/models/recorded-inference.ts';
import { temporaryFolder } from './fixtures.ts';

const base = await temporaryFolder();
let files = 0;

function column(id: string): ModelColumn {
  const [target, view, family] = id.split('/') as [string, string, string];
  return {
    id,
    target,
    view,
    family,
    kind: 'return',
    horizon: parseHorizon('5m'),
    modelSha256: 'ab'.repeat(32),
    shape: 'tabular',
    features: ['ret_1d'],
    intervalMinutes: 1,
    sequenceLength: 1,
    takesNan: false,
  };
}

const LAYOUT: SignalLayout = {
  symbols: ['A', 'B', 'C'],
  columns: [column('ret_5m/ALL/Ridge'), column('ret_5m/ALL/Trees')],
};
const KEY = 'k'.repeat(64);

async function record(cycles: readonly Predictions[], layout = LAYOUT): Promise<string> {
  files++;
  const path = join(base, `predictions-${files}.arrow`);
  const writer = await createPredictionWriter({ path, layout, key: KEY });
  for (const predictions of cycles) writer.append(predictions);
  expect(await writer.finish()).toBe(cycles.length);
  return path;
}

function predictionsOf(cycle: number): Predictions {
  const values = Float32Array.from({ length: 6 }, (_, i) => Math.fround(cycle + i / 7));
  const valid = Uint8Array.from({ length: 6 }, (_, i) => ((cycle + i) % 5 === 0 ? 0 : 1));
  values.forEach((_, i) => {
    if (valid[i] === 0) values[i] = 0;
  });
  return { cycle, values, valid };
}

const ask = (cycle: number) => ({ cycle, batches: [], usable: new Uint8Array(6).fill(1) });
const open = (path: string, layout = LAYOUT, expectedKey = KEY) =>
  createRecordedInference({ path, layout, expectedKey });

describe('recorded predictions', () => {
  it('come back bit for bit, in any order, across batches, without waiting', async () => {
    const recorded = Array.from({ length: 2100 }, (_, i) => predictionsOf(i * 2 + 1));
    const path = await record(recorded);
    const inference = open(path);
    expect(inference.cycles).toBe(2100);
    for (const expected of [...recorded, recorded[0]!, recorded[1400]!]) {
      expect(inference.infer(ask(expected.cycle))).toEqual(expected);
    }
    await inference.close();
  });

  it('come back with the models that failed and the digest of what was asked', async () => {
    const path = join(base, 'faulty.arrow');
    const writer = await createPredictionWriter({ path, layout: LAYOUT, key: KEY });
    const faults = [{ column: 1, reason: 'not_finite', symbols: [0, 2], detail: 'output NaN "é"' }] as const;
    const missing = { ...predictionsOf(2), valid: new Uint8Array(6), values: new Float32Array(6) };
    writer.append(predictionsOf(1), 'd1');
    writer.append({ ...missing, faults });
    writer.append(predictionsOf(3), 'd3');
    await writer.finish();
    const inference = open(path);
    expect(inference.infer(ask(1))).toEqual(predictionsOf(1));
    expect(inference.infer(ask(2))).toEqual({ ...missing, faults });
    expect([1, 2, 3].map((cycle) => inference.featuresOf(cycle))).toEqual(['d1', undefined, 'd3']);
    await inference.close();
  });

  it('come back for any numbers', async () => {
    const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0);
    const cell = fc.option(float, { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 6, maxLength: 6 }), { maxLength: 8 }),
        async (rows) => {
          const cycles = rows.map((row, cycle) => ({
            cycle,
            values: Float32Array.from(row, (x) => x ?? 0),
            valid: Uint8Array.from(row, (x) => (x === undefined ? 0 : 1)),
          }));
          const inference = open(await record(cycles));
          expect(cycles.map(({ cycle }) => inference.infer(ask(cycle)))).toEqual(cycles);
          await inference.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  it('are never valid where the request has no usable row', async () => {
    const inference = open(await record([predictionsOf(1)]));
    const request = { ...ask(1), usable: Uint8Array.of(0, 1, 1, 1, 1, 1) };
    expect(inference.infer(request).valid[0]).toBe(0);
    expect(inference.infer(request).values[0]).toBe(0);
    await inference.close();
  });

  it('are an ordinary Arrow file of about four bytes a value', async () => {
    const path = await record(Array.from({ length: 1000 }, (_, i) => predictionsOf(i)));
    const bytes = await readFile(path);
    expect(bytes.length).toBeLessThan(1000 * (6 * 4 + 4 + 1 + 8) + 8000);
    const table = tableFromIPC(bytes);
    expect(table.numRows).toBe(1000);
    expect(table.getChild('ret_5m/ALL/Ridge')!.get(6).toJSON()).toEqual([
      ...predictionsOf(6).values.subarray(0, 3),
    ]);
    expect(table.getChild('ret_5m/ALL/Ridge')!.get(4).toJSON()[1]).toBeNull();
  });

  it('have the same bytes for the same predictions', async () => {
    const cycles = [predictionsOf(1), predictionsOf(2)];
    expect(await readFile(await record(cycles))).toEqual(await readFile(await record(cycles)));
  });

  it('appear under their name only when finished', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'cut.arrow');
    const writer = await createPredictionWriter({ path, layout: LAYOUT, key: KEY });
    writer.append(predictionsOf(1));
    expect(await readdir(folder)).toEqual(['cut.arrow.partial']);
    await writer.abort();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('given recorded predictions that do not fit the run', () => {
  it('names the key expected and found', async () => {
    const path = await record([predictionsOf(1)]);
    expect(() => open(path, LAYOUT, 'other')).toThrow(`key expected other, found ${KEY}`);
  });

  it('names the first model or symbol that differs', async () => {
    const path = await record([predictionsOf(1)]);
    const fewer = { ...LAYOUT, columns: LAYOUT.columns.slice(0, 1) };
    expect(() => open(path, fewer)).toThrow('model 1 expected none, found ret_5m/ALL/Trees');
    expect(() => open(path, { ...LAYOUT, symbols: ['A', 'B', 'D'] })).toThrow('symbol 2 expected D, found C');
  });

  it('names a cycle that is not there, and those that are', async () => {
    const inference = open(await record([predictionsOf(3), predictionsOf(5)]));
    expect(() => inference.infer(ask(4))).toThrow(/cycle 4 is not recorded, found cycles 3 to 5/);
    expect(() => inference.infer(ask(6))).toThrow(InputError);
    await inference.close();
    const none = open(await record([]));
    expect(() => none.infer(ask(1))).toThrow(/cycle 1 is not recorded, found cycles none/);
    expect(none.cycles).toBe(0);
    await none.close();
  });

  it('finds every cycle of many batches in any order, and none between two of them', async () => {
    const recorded = Array.from({ length: 2200 }, (_, k) => predictionsOf(k < 1024 ? k : k + 40));
    const inference = open(await record(recorded));
    const draw = createPrng(['any order']);
    for (let k = 0; k < 60; k++) {
      const { cycle, values } = recorded[Math.floor(draw() * recorded.length)]!;
      expect(inference.infer(ask(cycle)).values).toEqual(values);
      expect(() => inference.infer(ask(1024 + Math.floor(draw() * 40)))).toThrow(/found cycles 0 to 2239/);
    }
    for (const cycle of [0, 1023, 1064, 2087, 2088, 2239]) {
      expect(inference.infer(ask(cycle)).cycle).toBe(cycle);
    }
    expect(() => inference.infer(ask(2240))).toThrow(InputError);
    expect(inference.cycles).toBe(2200);
    await inference.close();
  });

  it('refuses a file cut anywhere, another file, and no file', async () => {
    const bytes = await readFile(await record([predictionsOf(1), predictionsOf(2)]));
    const path = join(base, 'damaged.arrow');
    for (let length = 0; length < bytes.length; length += 7) {
      await writeFile(path, bytes.subarray(0, length));
      expect(() => open(path), `${length} bytes`).toThrow(InputError);
    }
    await writeFile(path, 'cycle,value\n1,2\n');
    expect(() => open(path)).toThrow(/damaged or incomplete/);
    expect(() => open(join(base, 'nowhere.arrow'))).toThrow(/no such file/);
  });

  it('refuses a file with any byte flipped, before decoding it', async () => {
    const bytes = await readFile(await record([predictionsOf(1), predictionsOf(2)]));
    const path = join(base, 'flipped.arrow');
    for (let at = 0; at < bytes.length; at += 5) {
      const copy = Uint8Array.from(bytes);
      copy[at] = copy[at]! ^ 0x55;
      await writeFile(path, copy);
      expect(() => open(path), `byte ${at}`).toThrow(/damaged or incomplete/);
    }
  });
});

describe('predictionKey', () => {
  const parts: PredictionKeyParts = {
    layout: LAYOUT,
    datasetSha256: 'd'.repeat(64),
    sessions: ['2024-01-02'],
    cycleMinutes: 1,
    featuresVersion: '1',
    runtimeVersion: '1.30.0',
  };

  it('depends on everything that decides a prediction', () => {
    const variants: PredictionKeyParts[] = [
      parts,
      { ...parts, datasetSha256: 'e'.repeat(64) },
      { ...parts, sessions: ['2024-01-03'] },
      { ...parts, cycleMinutes: 5 },
      { ...parts, featuresVersion: '2' },
      { ...parts, runtimeVersion: '1.31.0' },
      { ...parts, layout: { ...LAYOUT, symbols: ['A', 'B'] } },
      { ...parts, layout: { ...LAYOUT, columns: [{ ...LAYOUT.columns[0]!, modelSha256: 'cd'.repeat(32) }] } },
    ];
    expect(new Set(variants.map(predictionKey)).size).toBe(variants.length);
    expect(predictionKey(parts)).toMatch(/^[0-9a-f]{64}$/);
    expect(predictionKey({ ...parts })).toBe(predictionKey(parts));
  });
});
