import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { factsOf } from '../../src/research/promote.ts';
import { projectRoot, sametape } from '../cli/sametape.ts';

const [, written = ''] =
  /```yaml\n(extends: [^`]+)```/.exec(readFileSync(join(projectRoot, 'README.md'), 'utf8')) ?? [];
const folder = mkdtempSync(join(tmpdir(), 'sametape-live-scenario-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('the live scenario of the README is the one that comes with sametape, and holds no key', () => {
  const committed = readFileSync(join(projectRoot, 'scenarios', 'live.yaml'), 'utf8');
  expect(parse(written)).toEqual(parse(committed));
  expect(Object.values(parse(committed).broker.credentials)).toEqual([
    expect.stringMatching(/^\$\{env:\w+\}$/),
    expect.stringMatching(/^\$\{env:\w+\}$/),
  ]);
});

it('it is valid as written, and asks for its keys only when they are needed', async () => {
  const file = join(folder, 'mine.yaml');
  writeFileSync(
    file,
    written.replace('./quickstart.yaml', join(projectRoot, 'scenarios', 'quickstart.yaml')),
  );
  expect(await sametape(['config', 'validate', file])).toMatchObject({ code: 0, stderr: '' });
  const env = { ALPACA_KEY_ID: '', ALPACA_SECRET_KEY: '' };
  const asked = await sametape(['config', 'validate', file, '--secrets'], { env });
  expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('ALPACA_KEY_ID is empty') });
});

it('its certificate is that of the scenario it extends: only sources differ', async () => {
  const [live, base] = await Promise.all(
    ['live', 'quickstart'].map((name) =>
      factsOf(
        loadScenario({ file: join(projectRoot, 'scenarios', `${name}.yaml`) }),
        join(projectRoot, 'golden'),
      ),
    ),
  );
  expect(live).toEqual(base);
});
