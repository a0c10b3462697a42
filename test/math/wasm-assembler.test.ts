import { describe, expect, it } from 'vitest';
import { assembleModule, get, i32, i64 } from '../../src/math/wasm-assembler.ts';

/** The part of the API used here; TypeScript has the types of it with the whole DOM only. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  readonly Memory: new (options: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

describe('assembler', () => {
  it('writes a module that WebAssembly accepts, and one that it refuses when the code is wrong', () => {
    const kernel = { name: 'store', parameterCount: 2, locals: [], body: i32.store16(get(0), get(1)) };
    expect(WebAssembly.validate(assembleModule([kernel]))).toBe(true);
    expect(WebAssembly.validate(assembleModule([{ ...kernel, body: i32.store16(get(0), get(2)) }]))).toBe(
      false,
    );
  });

  it('encodes constants of either sign and any size', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const words = new Int32Array(memory.buffer);
    for (const value of [0, 63, 64, -64, -65, 0x7ff00000, -0x80000000]) {
      const upper = i32.shiftRight(i32.const(value), 16);
      const body = [i32.store16(i32.const(0), i32.const(value)), i32.store16(i32.const(2), upper)];
      const module = new WebAssembly.Module(
        assembleModule([{ name: 'run', parameterCount: 0, locals: [], body }]),
      );
      const { run } = new WebAssembly.Instance(module, { host: { memory } }).exports as {
        readonly run: () => void;
      };
      run();
      expect(words[0]).toBe(value);
    }
    const wide = (value: number) => (i64.const(value)[1] as readonly number[]).length;
    expect([wide(0xffffffff), wide(-0x100000000), wide(-1)]).toEqual([5, 5, 1]);
  });
});
