import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../structure/sources.ts';

const MAX_COLUMNS = 120;

it('the README fits the width it is written for', () => {
  const lines = readFileSync(join(projectRoot, 'README.md'), 'utf8').split('\n');
  const long = lines.flatMap((line, at) =>
    [...line].length > MAX_COLUMNS ? [`line ${at + 1}: ${line}`] : [],
  );
  expect(long).toEqual([]);
});
