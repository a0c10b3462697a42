import { describe, expect, it } from 'vitest';
import { checkBarrels } from './house-rules.ts';
import { checkRatchets, MAX_FILE_LINES, MAX_FUNCTION_LINES } from './ratchets.ts';
import { parseSource } from './sources.ts';

const none = { files: {}, functions: {} };
const lines = (count: number): string => Array.from({ length: count }, () => '  let a = 1;').join('\n');
const source = (text: string) => parseSource('src/tape/sample.ts', text);

describe('line ratchets', () => {
  it('accept a file and a function at the limit', () => {
    const body = source(`function f() {\n${lines(MAX_FUNCTION_LINES - 2)}\n}\n`);
    expect(checkRatchets([body, source(`${lines(MAX_FILE_LINES)}\n`)], none)).toEqual([]);
  });

  it('refuse one line more, naming the file', () => {
    expect(checkRatchets([source(`${lines(MAX_FILE_LINES + 1)}\n`)], none).join()).toContain(
      `src/tape/sample.ts: ${MAX_FILE_LINES + 1} lines`,
    );
  });

  it.each([
    ['a function', (body: string) => `\nfunction long() {\n${body}\n}\n`],
    ['an arrow function', (body: string) => `\nconst long = () => {\n${body}\n};\n`],
    ['a method', (body: string) => `\nclass A { long() {\n${body}\n} }\n`],
  ])('refuse %s that is too long, naming it and its line', (_what, wrap) => {
    const problems = checkRatchets([source(wrap(lines(MAX_FUNCTION_LINES)))], none);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^src\/tape\/sample\.ts:2: long has/);
  });

  it('measure named functions inside a function by themselves', () => {
    const inner = (name: string) => `function ${name}() {\n${lines(50)}\n}`;
    expect(checkRatchets([source(`function outer() {\n${inner('a')}\n${inner('b')}\n}\n`)], none)).toEqual(
      [],
    );
  });

  it('accept a listed exception, and refuse one that is no longer needed', () => {
    const long = source(`${lines(MAX_FILE_LINES + 1)}\n`);
    const exceptions = { files: { 'src/tape/sample.ts': 'a table' }, functions: {} };
    expect(checkRatchets([long], exceptions)).toEqual([]);
    expect(checkRatchets([source('')], exceptions).join()).toContain('take it off the list');
  });
});

describe('barrels', () => {
  it('are refused everywhere but in the public API', () => {
    const text = "export { a } from './a.ts';\nexport * from './b.ts';\nexport const c = 1;\n";
    expect(checkBarrels(source(text))).toHaveLength(2);
    expect(checkBarrels(parseSource('src/index.ts', text))).toEqual([]);
  });
});
