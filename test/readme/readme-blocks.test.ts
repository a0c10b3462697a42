import { describe, expect, it } from 'vitest';
import { shellBlocks, withoutCiSteps } from './readme-blocks.ts';

describe('runnable blocks of a page', () => {
  it('are those fenced as sh, with their line', () => {
    const page = [
      '# Title',
      '```sh',
      'one',
      'two \\',
      '  more',
      '```',
      '```console',
      '$ not run',
      '```',
      '```sh title',
      'not run',
      '```',
      '- item:',
      '  ```sh',
      '  three',
      '  ```',
      '````text',
      '```sh',
      'quoted, not run',
      '```',
      '````',
    ].join('\n');
    expect(shellBlocks(page)).toEqual([
      { line: 2, script: 'one\ntwo \\\n  more' },
      { line: 14, script: 'three' },
    ]);
  });

  it.each([
    ['npm ci && npm run quickstart', ' true && npm run quickstart'],
    ['npm test', ' true '],
    ['cd x\nnpm ci\nnpm test', 'cd x\n true \n true '],
    ['npm test -- test/config', 'npm test -- test/config'],
    ['echo npm ci', 'echo npm ci'],
  ])('%j has what CI did taken as done', (script, expected) => {
    expect(withoutCiSteps(script).replaceAll('  ', ' ')).toBe(expected);
  });
});
