import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { InferenceRequest } from '../../src/events/inference.ts';
import type { SignalLayout } from '../../src/events/layout.ts';
import { createOnnxInference, type OnnxInference } from '../../src/models/onnx-inference.ts';
import { encodeOnnxModel } from '../../src/models/onnx-writer.ts';
import { loadRunRoot, type RunRoot } from '../../src/models/run-root.ts';
import { buildLayout } from '../../src/models/signal-layout.ts';
import {
  EVERY_KIND,
  FEATURES,
  linearBytes,
  type ModelSpec,
  modelFolder,
  temporaryFolder,
  writeRunRoot,
} from './fixtures.ts';

const base = await temporaryFolder();
const HORIZONS = [parseHorizon('5m'), parseHorizon('1h')];
let folders = 0;

async function open(
  models: readonly ModelSpec[],
  options: { readonly symbols?: readonly string[]; readonly strict?: boolean } = {},
): Promise<{ readonly runRoot: RunRoot; readonly layout: SignalLayout; readonly inference: OnnxInference }> {
  const { symbols = ['A', 'B', 'C'], strict = true } = options;
  folders++;
  const dir = await writeRunRoot(join(base, `root-${folders}`), models);
  const runRoot = await loadRunRoot(dir, { strict, knownFeatures: FEATURES });
  const horizons = HORIZONS.filter(({ minutes }) =>
    runRoot.models.some((m) => m.horizon.minutes === minutes),
  );
  const layout = buildLayout(runRoot, { symbols, horizons });
  return { runRoot, layout, inference: await createOnnxInference({ runRoot, layout }) };
}

/** Plausible numbers, the same every time. */
function requestFor(layout: SignalLayout, cycle = 1): InferenceRequest {
  const rows = Math.max(layout.symbols.length, 2);
  const batches = layout.columns.map((column) => {
    const batch = new Float32Array(rows * column.sequenceLength * column.features.length);
    for (let i = 0; i < batch.length; i++) batch[i] = ((i * 37 + cycle * 11) % 23) / 230 - 0.05;
    return batch;
  });
  return { cycle, batches, usable: new Uint8Array(layout.columns.length * layout.symbols.length).fill(1) };
}

const only = (bytes: Uint8Array, meta: Readonly<Record<string, unknown>> = {}): ModelSpec[] => [
  { target: 'ret_5m', family: 'Odd', bytes, meta },
];

describe('createOnnxInference', () => {
  it('computes what the graphs say, one column a model', async () => {
    const { layout, inference } = await open(EVERY_KIND);
    const request = requestFor(layout);
    const answer = await inference.infer(request);
    expect([...answer.valid]).toEqual(new Array(18).fill(1));
    const ridge = layout.columns.findIndex((column) => column.id === 'ret_5m/ALL/Ridge');
    for (let i = 0; i < 3; i++) {
      const x = request.batches[ridge]!.subarray(i * 3, i * 3 + 3);
      const scaled = [x[0]! / 0.01, (x[1]! - 0.01) / 0.02, (x[2]! - 50) / 20].map((z) =>
        Math.min(Math.max(z, -5), 5),
      );
      const expected = 0.5 * scaled[0]! - scaled[1]! + 0.25 * scaled[2]! + 0.125;
      expect(answer.values[ridge * 3 + i]).toBeCloseTo(expected, 5);
    }
    const peak = layout.columns.findIndex((column) => column.kind === 'peak');
    const probabilities = answer.values.subarray(peak * 3, peak * 3 + 3);
    expect(probabilities.every((p) => p > 0 && p < 1)).toBe(true);
    await inference.close();
  });

  it('gives the same bits run after run, in another session, and whatever ran before', async () => {
    const first = await open(EVERY_KIND);
    const second = await open(EVERY_KIND);
    const answers: Float32Array[] = [];
    for (const { layout, inference } of [first, second, first]) {
      answers.push((await inference.infer(requestFor(layout, 7))).values);
      await inference.infer(requestFor(layout, 8));
    }
    const bits = answers.map((values) => Buffer.from(values.buffer).toString('hex'));
    expect(new Set(bits).size).toBe(1);
    await first.inference.close();
    await second.inference.close();
  });

  it('pads a universe of one and answers for its one symbol', async () => {
    const { layout, inference } = await open(EVERY_KIND, { symbols: ['A'] });
    const answer = await inference.infer(requestFor(layout));
    expect(answer.values).toHaveLength(6);
    expect([...answer.valid]).toEqual([1, 1, 1, 1, 1, 1]);
    await inference.close();
  });

  it('leaves masked rows and outputs that are not finite missing, with 0 in the slot', async () => {
    const { layout, inference } = await open([EVERY_KIND[0]!]);
    const request = requestFor(layout);
    request.usable[1] = 0;
    request.batches[0]![2 * 3] = Number.NaN;
    const answer = await inference.infer(request);
    expect([...answer.valid]).toEqual([1, 0, 0]);
    expect([...answer.values.subarray(1)]).toEqual([0, 0]);
    expect(answer.faults).toEqual([
      { column: 0, reason: 'not_finite', symbols: [2], detail: expect.stringContaining('output') },
    ]);
    await inference.close();
  });

  it('never gives minus zero', async () => {
    const values = [
      { name: 'minus_zero', dims: [1], values: [-0] },
      { name: 'ones', dims: [3, 1], values: [0, 0, 0] },
    ];
    const bytes = encodeOnnxModel({
      name: 'minus-zero',
      input: { name: 'features', dims: ['N', 3] },
      output: { name: 'prediction', dims: ['N', 1] },
      constants: values,
      nodes: [
        { op: 'MatMul', inputs: ['features', 'ones'], outputs: ['zero'] },
        { op: 'Abs', inputs: ['zero'], outputs: ['plus_zero'] },
        { op: 'Neg', inputs: ['plus_zero'], outputs: ['prediction'] },
      ],
    });
    const { layout, inference } = await open(only(bytes));
    const answer = await inference.infer(requestFor(layout));
    expect([...answer.valid]).toEqual([1, 1, 1]);
    expect([...answer.values].map((value) => Object.is(value, 0))).toEqual([true, true, true]);
    await inference.close();
  });

  it('takes the second of two class probabilities', async () => {
    const bytes = encodeOnnxModel({
      name: 'two-classes',
      input: { name: 'features', dims: ['N', 3] },
      output: { name: 'probabilities', dims: ['N', 2] },
      constants: [
        { name: 'w', dims: [3, 2], values: [0, 0, 0, 0, 0, 0] },
        { name: 'b', dims: [2], values: [0.25, 0.75] },
      ],
      nodes: [{ op: 'Gemm', inputs: ['features', 'w', 'b'], outputs: ['probabilities'] }],
    });
    const { layout, inference } = await open([
      { target: 'will_peak_5m', family: 'Forest', bytes },
      EVERY_KIND[0]!,
    ]);
    const answer = await inference.infer(requestFor(layout));
    const peak = layout.columns.findIndex((column) => column.kind === 'peak');
    expect([...answer.values.subarray(peak * 3, peak * 3 + 3)]).toEqual([0.75, 0.75, 0.75]);
    await inference.close();
  });

  it.each([
    [
      'more features than its metadata',
      { feature_list: ['ret_1d'] },
      /input features float32 \[N, 3\], expected .*\[N, 1\]/,
    ],
    [
      'another rank than its metadata',
      { sequence_length: 8 },
      /input features float32 \[N, 3\], expected .*\[N, 8, 3\]/,
    ],
    ['no output of the name it gives', { output: 'score' }, /no output "score".*found prediction float32/],
  ])('refuses at load a model with %s', async (_, meta, expected) => {
    const { inference } = await open(only(linearBytes(), meta));
    await expect(inference.load()).rejects.toThrow(expected);
    await inference.close();
  });

  it('refuses a graph the runtime cannot run, on one line', async () => {
    const bytes = encodeOnnxModel({
      name: 'unknown-operator',
      input: { name: 'features', dims: ['N', 3] },
      output: { name: 'prediction', dims: ['N', 1] },
      constants: [],
      nodes: [{ op: 'NoSuchOperator', inputs: ['features'], outputs: ['prediction'] }],
    });
    const { inference } = await open(only(bytes));
    const error: Error = await inference.load().then(
      () => new Error('loaded'),
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: 'MODEL_LOAD_FAILED', exitCode: 2 });
    expect(error.message).not.toMatch(/\n/);
  });

  describe('given a model whose output has another shape than it declares', () => {
    // leaves out the rows whose largest feature is not above 1000: here all of them
    const bytes = encodeOnnxModel({
      name: 'fewer-rows',
      input: { name: 'features', dims: ['N', 3] },
      output: { name: 'prediction', dims: ['M', 1] },
      constants: [
        { name: 'limit', dims: [1], values: [1000] },
        { name: 'w', dims: [3, 1], values: [1, 1, 1] },
      ],
      nodes: [
        {
          op: 'ReduceMax',
          inputs: ['features'],
          outputs: ['largest'],
          attributes: [
            { name: 'axes', kind: 'ints', value: [1] },
            { name: 'keepdims', kind: 'int', value: 0 },
          ],
        },
        { op: 'Greater', inputs: ['largest', 'limit'], outputs: ['kept'] },
        {
          op: 'Compress',
          inputs: ['features', 'kept'],
          outputs: ['rows'],
          attributes: [{ name: 'axis', kind: 'int', value: 0 }],
        },
        { op: 'MatMul', inputs: ['rows', 'w'], outputs: ['prediction'] },
      ],
    });

    it('says so in its answer, cycle by cycle, and the other models go on', async () => {
      const { layout, inference } = await open([...only(bytes), EVERY_KIND[0]!]);
      for (const cycle of [1, 2]) {
        const answer = await inference.infer(requestFor(layout, cycle));
        expect([...answer.valid]).toEqual([0, 0, 0, 1, 1, 1]);
        expect(answer.faults).toEqual([
          {
            column: 0,
            reason: 'wrong_shape',
            detail: 'output came as float32 [0, 1], expected float [N, 1] or [N] with N = 3',
          },
        ]);
      }
    });
  });

  it('says of a model that throws that it failed, and runs the others', async () => {
    // float features as indices into a table of one row: out of bounds while running
    const bytes = encodeOnnxModel({
      name: 'out-of-bounds',
      input: { name: 'features', dims: ['N', 3] },
      output: { name: 'prediction', dims: ['N', 3] },
      constants: [
        { name: 'table', dims: [1], values: [1] },
        { name: 'far', dims: [], values: [1000] },
      ],
      nodes: [
        { op: 'Add', inputs: ['features', 'far'], outputs: ['shifted'] },
        {
          op: 'Cast',
          inputs: ['shifted'],
          outputs: ['index'],
          attributes: [{ name: 'to', kind: 'int', value: 7 }],
        },
        { op: 'Gather', inputs: ['table', 'index'], outputs: ['prediction'] },
      ],
    });
    const quantiles = { output_kind: 'quantiles', quantiles: [0.1, 0.5, 0.9], statistic: 'median' };
    const { layout, inference } = await open([...only(bytes, quantiles), EVERY_KIND[0]!]);
    const answer = await inference.infer(requestFor(layout));
    expect([...answer.valid]).toEqual([0, 0, 0, 1, 1, 1]);
    expect(answer.faults).toMatchObject([{ column: 0, reason: 'failed' }]);
    expect(answer.faults![0]!.detail).not.toMatch(/\n/);
    await inference.close();
  });

  it('refuses a model that changed after its checksum was verified', async () => {
    const { runRoot, inference } = await open([EVERY_KIND[0]!]);
    await writeFile(join(runRoot.dir, modelFolder(EVERY_KIND[0]!), 'model.onnx'), linearBytes([9, 9, 9]));
    await expect(inference.load()).rejects.toMatchObject({ code: 'MODEL_CHANGED' });
  });

  it('stays far below 20 ms a cycle', async () => {
    const { layout, inference } = await open(EVERY_KIND);
    const request = requestFor(layout);
    const times: number[] = [];
    for (let i = 0; i < 60; i++) {
      const start = performance.now();
      await inference.infer(request);
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    expect(times[30]).toBeLessThan(20);
    await inference.close();
  });
});
