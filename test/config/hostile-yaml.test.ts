import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { InputError } from '../../src/domain/errors.ts';
import { failure, load, MINIMAL, newFolder } from './workspace.ts';

describe('hostile YAML', () => {
  it.each([
    ['an anchor', 'a: &x 1\nb: *x\n', 's.yaml:1:4: anchors (&name) are not accepted; write the value out'],
    ['an alias', 'b: *x\n', 's.yaml:1:4: aliases (*name) are not accepted; write the value out'],
    [
      'a tag',
      'a: !!js/function x\n',
      's.yaml:1:4: tags (!name) are not accepted; write plain text, a number, true or false',
    ],
    [
      'a tag on a key',
      '!!str a: 1\n',
      's.yaml:1:1: tags (!name) are not accepted; write plain text, a number, true or false',
    ],
    ['__proto__', '__proto__: { polluted: 1 }\n', 's.yaml:1:1: the key "__proto__" is not accepted'],
    [
      '__proto__ in a section',
      'sizing:\n  "__proto__": { polluted: 1 }\n',
      's.yaml:2:3: the key "__proto__" is not accepted',
    ],
    ['constructor', 'risk: { constructor: 1 }\n', 's.yaml:1:9: the key "constructor" is not accepted'],
    ['prototype', 'prototype: 1\n', 's.yaml:1:1: the key "prototype" is not accepted'],
    ['a duplicate key', 'name: a\nname: b\n', 's.yaml:2:1: duplicate key "name"; keep one of them'],
    ['a duplicate key, quoted', 'name: a\n"name": b\n', 's.yaml:2:1: duplicate key "name"; keep one of them'],
    [
      'a duplicate key in a flow map',
      'sizing: { band: 0, band: 1 }\n',
      's.yaml:1:20: duplicate key "band"; keep one of them',
    ],
    ['a merge key', `${MINIMAL}sizing:\n  <<: { band: 1 }\n`, 'unknown key "<<" in sizing'],
    ['a list as key', '? [a, b]\n: 1\n', 's.yaml:1:3: a key is a list or map; keys are plain text'],
    [
      'a second document',
      `${MINIMAL}---\nname: b\n`,
      's.yaml:3:1: a second document (---) starts here; a scenario is one document',
    ],
    [
      'a second document after an end marker',
      `${MINIMAL}...\nname: b\n`,
      's.yaml:3:1: document end markers (...) are not accepted',
    ],
    [
      'a directive',
      '%YAML 1.1\n---\nname: a\n',
      's.yaml:1:1: directives (%NAME) are not accepted; a scenario is YAML 1.2',
    ],
    ['a tab as indentation', 'sizing:\n\tband: 1\n', 's.yaml:2:1: a tab is used as indentation; use spaces'],
    ['an open quote', 'name: "a\n', 'not valid YAML: Missing closing "quote'],
    ['nothing', '', 's.yaml: expected a map of keys such as "name: my-scenario", found nothing'],
    [
      'comments only',
      '# nothing\n',
      's.yaml: expected a map of keys such as "name: my-scenario", found nothing',
    ],
    ['a list', '- a\n', 's.yaml: expected a map of keys such as "name: my-scenario", found a list'],
    ['a word', 'hello\n', 's.yaml: expected a map of keys such as "name: my-scenario", found a single value'],
    [
      'text that is not UTF-8',
      Uint8Array.of(0x61, 0x3a, 0x20, 0xff, 0xfe),
      's.yaml: not UTF-8 text; save the scenario as UTF-8',
    ],
  ])('%s is refused in one line', (_what, text, expected) => {
    const error = failure(text);
    expect(error.message).toContain(expected);
    expect(error.message).not.toContain('\n');
    expect(error.exitCode).toBe(2);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  // Composing such text overflows the stack inside a regular expression, which ends the process: it must not get there.
  it.each([
    ['[', '['.repeat(200_000)],
    ['{a: ', '{a: '.repeat(60_000)],
    ['- ', '- '.repeat(100_000)],
    ['? ', '? '.repeat(100_000)],
    ['indentation', Array.from({ length: 600 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
    ['balanced lists', `a: ${'['.repeat(2000)}${']'.repeat(2000)}\n`],
  ])('deep nesting of %s is refused before it is composed', (_what, text) => {
    const started = performance.now();
    expect(failure(text).message).toMatch(/nested/);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('many keys are refused before they are compared with each other', () => {
    const text = Array.from({ length: 20_000 }, (_, at) => `k${at}: 1`).join('\n');
    const started = performance.now();
    expect(failure(text).message).toMatch(/more than 40000 YAML tokens/);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('a large file is refused before it is read', () => {
    expect(failure('#'.repeat(256 * 1024 + 1)).message).toBe(
      's.yaml: 262145 bytes; a scenario is at most 262144',
    );
  });

  it.each([
    ['a missing file', '/no/such/file.yaml', 'no such file'],
    ['a device without end', '/dev/zero', 'found a folder or device'],
    ['a folder', '/', 'found a folder or device'],
  ])('%s is answered', (_what, file, expected) => {
    expect(() => loadScenario({ file })).toThrow(InputError);
    expect(() => loadScenario({ file })).toThrow(expected);
  });

  it('what looks hostile inside quotes and comments is just text', () => {
    const loaded = load(`# *a &b !c --- %YAML\n---\n${MINIMAL}description: "*a &b !c --- [[[[ {{{{ - - -"\n`);
    expect(loaded.description).toBe('*a &b !c --- [[[[ {{{{ - - -');
  });

  it('a universe of three thousand symbols is accepted, in a flow list and as a block list', () => {
    const symbols = Array.from({ length: 3000 }, (_, at) => `S${at}`);
    const flow = load(`name: a\ndata: { dataset: x, symbols: [${symbols.join(', ')}] }\n`);
    const block = load(
      `name: a\ndata:\n  dataset: x\n  symbols:\n${symbols.map((name) => `    - ${name}\n`).join('')}`,
    );
    expect(flow.settings.symbols).toHaveLength(3000);
    expect(block.settings).toEqual(flow.settings);
  });

  it('any text either loads or gives one line with exit code 2', () => {
    const piece = fc.constantFrom(
      'name: a\n',
      'data: {dataset: x}\n',
      'sizing:\n',
      '  band: ',
      '0.1\n',
      '[',
      ']',
      '{',
      '}',
      ': ',
      '- ',
      '? ',
      '&a ',
      '*a',
      '!b ',
      '"',
      "'",
      '|\n',
      '>\n',
      '\n',
      '  ',
      '\t',
      '#',
      '---\n',
      '...\n',
      '%',
      ',',
      '\u0000',
      '\ufeff',
      '\u001f',
      '\u0002',
      '\u0018',
      '\r\n',
      '\r',
      '💥',
      '__proto__: 1\n',
      '.nan',
      '~',
    );
    const folder = newFolder();
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          load(pieces.join(''), [], folder);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          expect(error.message).not.toMatch(/[\r\n]/);
          expect(error.exitCode).toBe(2);
        }
      }),
      { numRuns: 400 },
    );
  });
});
