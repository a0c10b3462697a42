import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import { prepareRun } from '../../src/modes/prepare.ts';
import { useTempDir } from '../data/support.ts';

const temp = useTempDir();

beforeAll(async () => {
  await synthDataset({ dir: temp.path('dataset'), options: { symbols: ['AAA', 'BBB'], sessions: 1 } });
});

function prepare(rule: string, { from = 'scenario' }: { readonly from?: 'scenario' | 'profile' } = {}) {
  const file = temp.path('rules.yaml');
  const profile = temp.path('firm.yaml');
  const scenario = 'name: s\ndata: { dataset: ./dataset, symbols: [AAA] }\n';
  writeFileSync(profile, `${rule}\n`);
  writeFileSync(
    file,
    `${from === 'profile' ? 'extends: ./firm.yaml\n' : ''}${scenario}${from === 'scenario' ? `${rule}\n` : ''}`,
  );
  return prepareRun(loadScenario({ file }));
}

describe('a rule for single symbols', () => {
  const key = (rule: string) => rule.replace('TYPED', 'AAAA');

  it.each([
    { name: 'risk.restrictedSymbols', rule: 'risk: { restrictedSymbols: [BBB, TYPED] }' },
    { name: 'broker.borrow.unavailable', rule: 'broker: { borrow: { unavailable: [TYPED] } }' },
    {
      name: 'broker.borrow.annualBpsBySymbol',
      rule: 'broker: { borrow: { annualBpsBySymbol: { TYPED: 50 } } }',
    },
  ])(
    'of the scenario must name one of the dataset, of a profile may name others: $name',
    async ({ name, rule }) => {
      await expect(prepare(key(rule))).rejects.toMatchObject({
        code: 'SYMBOL_UNKNOWN',
        message: `${name}: AAAA is not in ./dataset, which holds AAA, BBB; did you mean AAA?`,
      });
      await expect(prepare(key(rule), { from: 'profile' })).resolves.toBeDefined();
      // one that the dataset has and the run does not trade
      await expect(
        prepare(rule.replace('TYPED', 'BBB').replace('[BBB, BBB]', '[BBB]')),
      ).resolves.toBeDefined();
    },
  );
});
