/**
 * Just enough of a WebAssembly assembler to write a small kernel by hand (W3C WebAssembly Core 1.0, binary format).
 * Code is nested arrays of bytes; structured instructions nest like the text format does. Integer and IEEE 754 arithmetic
 * is fully specified there, so a kernel gives the same bits on every machine.
 */
export type Code = readonly (number | Code)[];

/** A local variable or parameter, by index. */
export type Local = number;

export const VALUE_TYPE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, v128: 0x7b } as const;

export const get = (local: Local): Code => [0x20, local];
export const set = (local: Local, value: Code): Code => [value, 0x21, local];

/** A load or store: alignment as a power of two, and what is added to the address. */
const memoryAccess = (opcode: readonly number[], align: number, offset: number): Code => [
  opcode,
  align,
  unsignedLeb(offset),
];

export const i32 = {
  const: (value: number): Code => [0x41, signedLeb(value)],
  load: (address: Code, offset = 0): Code => [address, memoryAccess([0x28], 2, offset)],
  load16: (address: Code, offset = 0): Code => [address, memoryAccess([0x2f], 1, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [address, value, memoryAccess([0x36], 2, offset)],
  store16: (address: Code, value: Code): Code => [address, value, memoryAccess([0x3b], 1, 0)],
  eq: (a: Code, b: Code): Code => [a, b, 0x46],
  isZero: (a: Code): Code => [a, 0x45],
  lessUnsigned: (a: Code, b: Code): Code => [a, b, 0x49],
  add: (a: Code, b: Code): Code => [a, b, 0x6a],
  sub: (a: Code, b: Code): Code => [a, b, 0x6b],
  and: (a: Code, b: Code): Code => [a, b, 0x71],
  or: (a: Code, b: Code): Code => [a, b, 0x72],
  xor: (a: Code, b: Code): Code => [a, b, 0x73],
  shiftLeft: (a: Code, bits: number): Code => [a, i32.const(bits), 0x74],
  shiftRight: (a: Code, bits: number): Code => [a, i32.const(bits), 0x76],
  shiftRightSigned: (a: Code, bits: number): Code => [a, i32.const(bits), 0x75],
  countOnes: (a: Code): Code => [a, 0x69],
};

export const i64 = {
  const: (value: number): Code => [0x42, signedLeb(value)],
  load: (address: Code, offset = 0): Code => [address, memoryAccess([0x29], 3, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [address, value, memoryAccess([0x37], 3, offset)],
  load16: (address: Code, offset = 0): Code => [address, memoryAccess([0x33], 1, offset)],
  store16: (address: Code, value: Code, offset = 0): Code => [
    address,
    value,
    memoryAccess([0x3d], 1, offset),
  ],
  fromUnsigned32: (a: Code): Code => [a, 0xad],
  add: (a: Code, b: Code): Code => [a, b, 0x7c],
  sub: (a: Code, b: Code): Code => [a, b, 0x7d],
  mul: (a: Code, b: Code): Code => [a, b, 0x7e],
  shiftRight: (a: Code, bits: number): Code => [a, i64.const(bits), 0x88],
};

export const f32 = {
  load: (address: Code, offset = 0): Code => [address, memoryAccess([0x2a], 2, offset)],
  store: (address: Code, value: Code): Code => [address, value, memoryAccess([0x38], 2, 0)],
  eq: (a: Code, b: Code): Code => [a, b, 0x5b],
  less: (a: Code, b: Code): Code => [a, b, 0x5d],
};

export const f64 = {
  store: (address: Code, value: Code, offset = 0): Code => [address, value, memoryAccess([0x39], 3, offset)],
  fromSigned64: (a: Code): Code => [a, 0xb9],
};

/** Adds to a local: a pointer moves on. */
export const advance = (local: Local, by: number): Code => set(local, i32.add(get(local), i32.const(by)));

const vector = (opcode: number): number[] => [0xfd, ...unsignedLeb(opcode)];

/** 128 bits at once. */
export const v128 = {
  zero: [vector(12), new Array<number>(16).fill(0)] as Code,
  load: (address: Code, offset = 0): Code => [address, memoryAccess(vector(0), 1, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [
    address,
    value,
    memoryAccess(vector(11), 1, offset),
  ],
  and: (a: Code, b: Code): Code => [a, b, vector(78)],
  isAnyTrue: (a: Code): Code => [a, vector(83)],
};

/** Eight 16-bit integers at once. */
export const i16x8 = {
  splat: (a: Code): Code => [a, vector(16)],
  sub: (a: Code, b: Code): Code => [a, b, vector(145)],
  lessUnsigned: (a: Code, b: Code): Code => [a, b, vector(48)],
  /** A bit for the sign of each, the first lowest. */
  signs: (a: Code): Code => [a, vector(132)],
  /** The bytes of `a` that the bytes of `places` name, 0 for a place beyond 15. */
  pickBytes: (a: Code, places: Code): Code => [a, places, vector(14)],
};

/** Four floats at once. */
export const f32x4 = {
  splat: (a: Code): Code => [a, vector(19)],
  /** All ones where a <= b. */
  atMost: (a: Code, b: Code): Code => [a, b, vector(69)],
  /** A bit for the sign of each, the first lowest. */
  signs: (a: Code): Code => [a, vector(164)],
};

/** `exit` leaves it: branch depth counts enclosing blocks, loops and ifs from the inside. */
export const block = (...body: Code): Code => [0x02, 0x40, body, 0x0b];
/** Runs once; a branch to it starts it again. */
export const loop = (...body: Code): Code => [0x03, 0x40, body, 0x0b];
export const when = (condition: Code, then: Code, otherwise: Code = []): Code => [
  condition,
  0x04,
  0x40,
  then,
  0x05,
  otherwise,
  0x0b,
];
export const branch = (depth: number): Code => [0x0c, depth];
export const branchIf = (depth: number, condition: Code): Code => [condition, 0x0d, depth];

export interface KernelFunction {
  readonly name: string;
  /** All parameters are i32; locals follow them in index order. No result. */
  readonly parameterCount: number;
  readonly locals: readonly { readonly type: keyof typeof VALUE_TYPE; readonly count: number }[];
  readonly body: Code;
}

/** A module with these functions, exported by name, over an imported memory `host.memory`. */
export function assembleModule(kernels: readonly KernelFunction[]): Uint8Array<ArrayBuffer> {
  const types = kernels.map(({ parameterCount }) => [
    0x60,
    parameterCount,
    new Array<number>(parameterCount).fill(VALUE_TYPE.i32),
    0,
  ]);
  const codes = kernels.map(({ locals, body }) => {
    const localTypes = locals.map(({ type, count }) => [count, VALUE_TYPE[type]]);
    const code = flatten([locals.length, localTypes, body, 0x0b]);
    return [unsignedLeb(code.length), code];
  });
  const count = kernels.length;
  const module: Code = [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, [count, types]),
    section(2, [1, text('host'), text('memory'), 0x02, 0x00, 1]),
    section(3, [count, kernels.map((_, index) => index)]),
    section(7, [count, kernels.map(({ name }, index) => [text(name), 0x00, index])]),
    section(10, [count, codes]),
  ];
  return Uint8Array.from(flatten(module));
}

function section(id: number, content: Code): Code {
  const bytes = flatten(content);
  return [id, unsignedLeb(bytes.length), bytes];
}

function text(value: string): Code {
  return [value.length, Array.from(value, (character) => character.charCodeAt(0))];
}

function flatten(code: Code): number[] {
  const bytes: number[] = [];
  for (const part of code) {
    if (typeof part === 'number') bytes.push(part);
    else bytes.push(...flatten(part));
  }
  return bytes;
}

function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** Safe integers, in 64-bit two's complement where negative. */
function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = ((rest % 128) + 128) % 128;
    rest = Math.floor(rest / 128);
    const isDone = (rest === 0 && low < 64) || (rest === -1 && low >= 64);
    bytes.push(isDone ? low : low + 128);
    if (isDone) return bytes;
  }
}
