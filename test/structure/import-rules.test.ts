import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkImports } from './import-rules.ts';
import { listSources, projectRoot } from './sources.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A project of the given source files under our rules. */
function projectOf(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'sametape-structure-'));
  folders.push(root);
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    cpSync(join(projectRoot, name), join(root, name));
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

async function problemsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = projectOf(files);
  return (await checkImports(root, listSources(root, 'src').length)).problems;
}

const money = { 'src/domain/money.ts': 'export type Money = number;\n' };

describe('the import rules', () => {
  it('accept what the table allows', async () => {
    const problems = await problemsOf({
      ...money,
      'src/tape/chain.ts': "import type { Money } from '../domain/money.ts';\nexport type Chain = Money;\n",
      'src/cli/main.ts': "import type { Chain } from '../tape/chain.ts';\nexport type Main = Chain;\n",
    });
    expect(problems).toEqual([]);
  });

  it.each([
    [
      'an import against the direction',
      'domain-imports',
      {
        'src/domain/money.ts': "import type { Chain } from '../tape/chain.ts';\nexport type Money = Chain;\n",
        'src/tape/chain.ts': 'export type Chain = number;\n',
      },
    ],
    [
      'one adapter importing another',
      'tape-imports',
      {
        'src/tape/chain.ts': "import { a } from '../models/a.ts';\nexport const chain = a;\n",
        'src/models/a.ts': 'export const a = 1;\n',
      },
    ],
    [
      'a cycle',
      'no-cycles',
      {
        'src/domain/a.ts': "import { b } from './b.ts';\nexport const a = () => b;\n",
        'src/domain/b.ts': "import { a } from './a.ts';\nexport const b = () => a;\n",
      },
    ],
    [
      'node in the pure zone',
      'pure-zone-no-node',
      {
        'src/engine/step.ts': "import { readFileSync } from 'node:fs';\nexport const step = readFileSync;\n",
      },
    ],
    [
      'rxjs in the pure zone',
      'pure-zone-npm',
      {
        'src/engine/step.ts': "import { Subject } from 'rxjs';\nexport const step = Subject;\n",
      },
    ],
    [
      'a development package in src',
      'no-dev-dependencies',
      {
        'src/data/gen.ts': "import fc from 'fast-check';\nexport const gen = fc;\n",
      },
    ],
    [
      'a missing module',
      'resolvable',
      { 'src/cli/main.ts': "import { a } from './gone.ts';\nexport const m = a;\n" },
    ],
    [
      'a folder without a rule',
      'known-folders',
      {
        ...money,
        'src/helpers/a.ts': "import type { Money } from '../domain/money.ts';\nexport type A = Money;\n",
      },
    ],
  ])('refuse %s', async (_what, rule, files) => {
    const problems = await problemsOf({ ...money, ...files });
    expect(problems.join('\n')).toContain(rule);
  });

  it('refuse to pass when fewer modules are seen than exist', async () => {
    const report = await checkImports(projectOf(money), 5);
    expect(report.problems[0]).toContain('only 1 of 5 source files were seen');
  });
});
