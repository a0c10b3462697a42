import type { InferenceSession } from 'onnxruntime-node';
import { InputError } from '../domain/errors.ts';

/** The part of `onnxruntime-node` we use, as loaded. */
export type OnnxRuntime = typeof import('onnxruntime-node');

/**
 * With these, one fixed batch size and pre-packing left on, outputs had the same bits across runs; other thread
 * counts did not. The log level keeps the runtime's own multi-line reports off stderr: our errors carry its message.
 */
export const SESSION_OPTIONS: Readonly<InferenceSession.SessionOptions> = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
};

/**
 * Loads the runtime, an optional dependency with native binaries, only when a run needs live inference.
 * @throws InputError ONNX_RUNTIME_MISSING when it is not installed or has no binary for this platform
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  // Else official binaries send names and hashes of models to their maker, and keep a database in the home folder.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  try {
    const module: OnnxRuntime & { readonly default?: OnnxRuntime } = await import('onnxruntime-node');
    return module.default ?? module;
  } catch (error) {
    throw new InputError(
      'ONNX_RUNTIME_MISSING',
      `models need the package onnxruntime-node, which could not be loaded (${oneLine(error)}); install it with "npm install onnxruntime-node --ignore-scripts", or run on recorded predictions`,
      { cause: error },
    );
  }
}

/** A runtime error's message on one line, cut to a readable length. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').trim().slice(0, 240);
}
