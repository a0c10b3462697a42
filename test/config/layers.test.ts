import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { failure, load, MINIMAL, newFolder, writeIn } from './workspace.ts';

describe('--set', () => {
  it('wins over the file', () => {
    const { engine } = load(`${MINIMAL}sizing: { band: 0.1, icRef: 0.2 }\n`, [
      'sizing.band=0.3',
      'risk.allowShort=false',
    ]).settings;
    expect(engine.sizing).toMatchObject({ band: 0.3, icRef: 0.2 });
    expect(engine.risk.allowShort).toBe(false);
  });

  it.each([
    [
      ['seed=1', 'strict=true', 'seed=2'],
      '--set seed=2: seed is set already, by --set seed=1; keep one of them',
    ],
    [
      ['risk={ maxGross: 0.2, allowShort: true }', 'risk.maxGross=0.1'],
      'risk.maxGross is set already, by --set risk=',
    ],
    [
      ['broker.fee.bps=1', 'broker={ fee: { bps: 1 } }'],
      'broker.fee.bps is set already, by --set broker.fee.bps=1',
    ],
  ])('sets a key once, as a file does: %j', (sets, message) => {
    expect(() => load(MINIMAL, sets)).toThrow(message);
  });

  it('may set the keys of a section one by one', () => {
    const { engine } = load(MINIMAL, ['sizing={ band: 0.3 }', 'sizing.icRef=0.4']).settings;
    expect(engine.sizing).toMatchObject({ band: 0.3, icRef: 0.4 });
  });

  it('reads lists and maps; a map that names its kind replaces the one of the file', () => {
    const { symbols, engine } = load(`${MINIMAL}broker: { fee: { kind: bps, bps: 3 } }\n`, [
      'data.symbols=[SPY, IBM]',
      'broker.fee={kind: per_share, perShareDollars: 0.01}',
    ]).settings;
    expect(symbols).toEqual(['IBM', 'SPY']);
    expect(engine.exchange.fee).toEqual({ kind: 'per_share', perShareMicros: 10_000, minimumMicros: 0 });
  });

  it('keeps the rest of a path after the first equals sign', () => {
    expect(load(MINIMAL, ['description=a=b']).description).toBe('a=b');
  });

  it.each([
    [
      'sizing.grossTarget',
      '--set sizing.grossTarget: expected key=value, such as --set sizing.grossTarget=0.4',
    ],
    ['=1', '--set =...: expected key=value'],
    ['sizing..band=1', 'is not a key'],
    ['__proto__.polluted=1', '"__proto__" is not a key'],
    ['sizing.constructor=1', '"constructor" is not a key'],
    ['seed=*x', '--set seed=*x: aliases (*name) are not accepted'],
    ['seed=[', '--set seed=[: not valid YAML'],
    ['seed=', '--set seed=: seed: expected a whole number from 0 to 4294967295, found nothing'],
    ['sizing.band=2', '--set sizing.band=2: sizing.band: expected a number from 0 to 1, found 2'],
    ['sizing.band.x=2', '--set sizing.band.x=...: sizing.band: expected a number from 0 to 1, found a map'],
    ['sizing={__proto__: 1}', '--set sizing=...: the key "__proto__" is not accepted'],
  ])('%s is refused, naming the option', (set, expected) => {
    expect(failure(MINIMAL, [set]).message).toContain(expected);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('paths', () => {
  it('start from the file that names them; those of an option from the given folder', () => {
    const folder = newFolder();
    const elsewhere = newFolder();
    writeIn(folder, 'base/base.yaml', 'data: { dataset: ../data }\nmodels: { runRoot: m, predictions: p }\n');
    const file = writeIn(
      folder,
      'top/s.yaml',
      'name: a\nextends: ../base/base.yaml\nmodels: { runRoot: mine }\n',
    );
    const { resolvedPaths } = loadScenario({
      file,
      overrides: [parseSetOption('models.predictions=q', elsewhere)],
    });
    expect(resolvedPaths).toEqual({
      scenarioFile: file,
      datasetDir: join(folder, 'data'),
      runRootDir: join(folder, 'top', 'mine'),
      predictionsFile: join(elsewhere, 'q'),
    });
  });
});

describe('extends', () => {
  it('takes the keys of a profile where the file has none', () => {
    const { engine } = load(`${MINIMAL}extends: reference\ngating: { maxSpreadBps: 7 }\n`).settings;
    expect(engine.arbitration).toMatchObject({ k1: 1, k2: 0.15, k3: 1, entryThresholdBps: 2, reserve: 0.5 });
    expect(engine.gating).toMatchObject({ maxSpreadBps: 7, maxQuoteAgeSeconds: 0.2 });
    expect(engine.exchange).toMatchObject({ slippageBps: 5, fee: { kind: 'bps', bps: 1 } });
  });

  it('can be chosen on the command line', () => {
    expect(load(MINIMAL, ['extends=reference']).settings.engine.arbitration.k2).toBe(0.15);
  });

  it('follows files that extend others, the nearest winning, and says which file is wrong', () => {
    const folder = newFolder();
    writeIn(folder, 'far.yaml', 'extends: reference\nseed: 1\nsizing: { band: 0.1 }\n');
    writeIn(folder, 'near.yaml', 'extends: ./far.yaml\nseed: 2\n');
    const { engine } = load(`${MINIMAL}extends: near.yaml\n`, [], folder).settings;
    expect([engine.seed, engine.sizing.band, engine.arbitration.k2]).toEqual([2, 0.1, 0.15]);
    writeIn(folder, 'far.yaml', 'sizing: { bamd: 0.1 }\n');
    expect(() => load(`${MINIMAL}extends: near.yaml\n`, [], folder)).toThrow(
      './far.yaml:1:11: unknown key "bamd" in sizing; did you mean "band"?',
    );
  });

  it('refuses a cycle with the way it went, and a chain that is too long', () => {
    const folder = newFolder();
    writeIn(folder, 'b.yaml', 'extends: sub/c.yaml\n');
    writeIn(folder, 'sub/c.yaml', 'extends: ../s.yaml\n');
    const text = `${MINIMAL}extends: ./b.yaml\n`;
    expect(() => load(text, [], folder)).toThrow(
      /^sub\/c\.yaml:1:10: extends: leads back to itself: .*\/s\.yaml -> \.\/b\.yaml -> sub\/c\.yaml -> \.\.\/s\.yaml$/,
    );
    for (let k = 1; k <= 9; k += 1) writeIn(folder, `f${k}.yaml`, `extends: ./f${k + 1}.yaml\n`);
    writeIn(folder, 'f9.yaml', 'seed: 7\n');
    const chain = (first: number) => load(`${MINIMAL}extends: ./f${first}.yaml\n`, [], folder);
    expect(chain(2).settings.engine.seed).toBe(7);
    expect(() => chain(1)).toThrow('./f8.yaml:1:10: extends: leads through more than 8 files: ');
  });

  it('lets a profile speak of horizons that the scenario does not have', () => {
    const { engine } = load(`${MINIMAL}extends: reference\nhorizons: [5m]\n`).settings;
    expect(engine.blending.temperature).toEqual({ '5m': 0.75 });
  });

  it.each([
    [
      'a profile that does not exist',
      'refrence',
      'expected a profile (reference) or the path of a .yaml file, found "refrence"',
    ],
    ['a name every object has', 'toString', 'expected a profile (reference)'],
    ['a file that does not exist', './gone.yaml', './gone.yaml: no such file'],
    ['itself', './s.yaml', 'leads back to itself'],
    ['a number', '3', 'extends: expected text such as reference or ./base.yaml, found 3'],
  ])('refuses %s', (_what, base, expected) => {
    expect(failure(`${MINIMAL}extends: ${base}\n`).message).toContain(expected);
  });
});
