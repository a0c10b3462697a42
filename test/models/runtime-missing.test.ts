import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import { createOnnxInference } from '../../src/models/onnx-inference.ts';
import { loadRunRoot } from '../../src/models/run-root.ts';
import { buildLayout } from '../../src/models/signal-layout.ts';
import { EVERY_KIND, FEATURES, temporaryFolder, writeRunRoot } from './fixtures.ts';

vi.mock('onnxruntime-node', () => {
  throw new Error('no binary for this platform');
});

const base = await temporaryFolder();

it('reads a run root without the runtime, and says what to install when predictions are asked for', async () => {
  const dir = await writeRunRoot(join(base, 'root'), [EVERY_KIND[0]!]);
  const runRoot = await loadRunRoot(dir, { strict: true, knownFeatures: FEATURES });
  const layout = buildLayout(runRoot, { symbols: ['A'], horizons: [parseHorizon('5m')] });
  await expect(createOnnxInference({ runRoot, layout })).rejects.toMatchObject({
    code: 'ONNX_RUNTIME_MISSING',
    exitCode: 2,
    message: expect.stringMatching(/^models need the package onnxruntime-node.*npm install onnxruntime-node/),
  });
});
