/**
 * The inner loops of the rolling rank correlation as WebAssembly kernels: they run over 24 windows of 20,000 values every
 * 30 cycles at the standard load, where loops in JavaScript took more than everything else in a cycle together.
 *
 * An entry of a window's order is a quarter of the memory that a value with its place would take, and the order stays in
 * cache between sweeps. Nothing but integers and comparisons of floats: same results everywhere.
 */
import { type MergeKernel, mergeKernel } from './merge-kernel.ts';
import { type RankKernel, rankKernel } from './rank-kernel.ts';
import { type SortKernel, sortKernel } from './sort-kernel.ts';
import { assembleModule } from './wasm-assembler.ts';

export interface RankKernels {
  readonly sort: SortKernel;
  readonly merge: MergeKernel;
  readonly rank: RankKernel;
}

/** The part of the WebAssembly API used here; the standard library types that have it bring the whole DOM along. */
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => KernelMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: RankKernels };
};

interface KernelMemory {
  readonly buffer: ArrayBuffer;
}

const PAGE_BYTES = 65_536;

let compiled: object | undefined;

/** Gives the kernels, compiled once, a memory of their own. */
export function createRankKernels(memoryBytes: number): RankKernels & { readonly memory: KernelMemory } {
  compiled ??= new WebAssembly.Module(assembleModule([sortKernel, mergeKernel, rankKernel]));
  const memory = new WebAssembly.Memory({ initial: Math.ceil(memoryBytes / PAGE_BYTES) });
  const { sort, merge, rank } = new WebAssembly.Instance(compiled, { host: { memory } }).exports;
  return { sort, merge, rank, memory };
}
