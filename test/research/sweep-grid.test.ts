import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combinationsOf,
  combinationText,
  overridesOf,
  parseVaryOption,
} from '../../src/research/sweep-grid.ts';

describe('--vary', () => {
  it.each([
    ['sizing.grossTarget=0.2,0.4', ['0.2', '0.4']],
    ['risk.allowShort=true, false', ['true', 'false']],
    ['horizons=[5m],[5m, 15m]', ['[5m]', '[5m, 15m]']],
    ['x={a: 1, b: 2},"1,2",\'3,4\'', ['{a: 1, b: 2}', '"1,2"', "'3,4'"]],
    ['x=0.1:0.5:0.1', ['0.1', '0.2', '0.3', '0.4', '0.5']],
    ['x=1:0:-0.25', ['1', '0.75', '0.5', '0.25', '0']],
    ['x=-10:10:10', ['-10', '0', '10']],
    ['x=-0.05:0.05:0.05', ['-0.05', '0', '0.05']],
    ['x=10:30:10', ['10', '20', '30']],
    ['x=5:5:1', ['5']],
  ])('%s', (text, values) => {
    expect(parseVaryOption(text).values).toEqual(values);
  });

  it.each([
    ['sizing.grossTarget', /^--vary sizing.grossTarget: expected key=v1,v2/],
    ['x=1,,2', /a value before and after each comma/],
    ['x=', /a value before and after/],
    ['x=0:1:0.3', /the steps end at 0.9, not at 1;/],
    ['x=0:1:0', /a step that leads/],
    ['x=0:1:-1', /a step that leads/],
    ['x=0:10000:1', /10001 combinations/],
    ['__proto__.x=1,2', /not a key/],
    ['x=[1,2', /^--vary x=...: not valid YAML/],
    [
      'broker.credentials.secretKey=hush,hush2',
      /^--vary broker.credentials.secretKey: a secret is no setting to try/,
    ],
    ['broker={credentials: {secretKey: hush}}', /a secret is no setting/],
  ])('%s is refused', (text, message) => {
    expect(() => parseVaryOption(text)).toThrow(message);
    expect(() => parseVaryOption(text)).not.toThrow(/hush/);
  });

  it('has the values of a range to the digit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -999, max: 999 }),
        fc.integer({ min: 1, max: 99 }),
        fc.integer({ min: 0, max: 50 }),
        (from, step, steps) => {
          const text = (units: number): string => (units / 1000).toFixed(3);
          const { values } = parseVaryOption(`x=${text(from)}:${text(from + step * steps)}:${text(step)}`);
          expect(values.map(Number)).toEqual(
            Array.from({ length: steps + 1 }, (_, k) => Number(text(from + k * step))),
          );
        },
      ),
    );
  });
});

describe('the combinations of a sweep', () => {
  const axes = ['a=1,2', 'b=x,y,z'].map(parseVaryOption);

  it('are all of them, the last key fastest', () => {
    expect(combinationsOf(axes).map((values) => values.join(''))).toEqual([
      '1x',
      '1y',
      '1z',
      '2x',
      '2y',
      '2z',
    ]);
    const known = ['sizing.grossTarget=0.2', 'risk.allowShort=true'].map(parseVaryOption);
    expect(combinationText(known, ['0.2', 'true'])).toBe('sizing.grossTarget=0.2 risk.allowShort=true');
    expect(combinationText(axes, ['2', 'y'])).toBe('a=... b=...');
  });

  it('are drawn without repeats, the same for the same seed, in the order of the grid', () => {
    const wide = ['a=1:100:1', 'b=1:100:1', 'c=1:100:1', 'd=1:100:1'].map(parseVaryOption);
    const drawn = combinationsOf(wide, { count: 200, seed: 7 }).map((values) => values.join());
    expect(new Set(drawn).size).toBe(200);
    expect(combinationsOf(wide, { count: 200, seed: 7 }).map((values) => values.join())).toEqual(drawn);
    expect(combinationsOf(wide, { count: 200, seed: 8 }).map((values) => values.join())).not.toEqual(drawn);
    const all = combinationsOf(axes).map(String);
    const five = combinationsOf(axes, { count: 5, seed: 1 }).map(String);
    expect(five).toEqual(all.filter((values) => five.includes(values)));
    expect(five).toHaveLength(5);
  });

  it('are refused where there are too many, or none are left to draw', () => {
    const wide = ['a=1:200:1', 'b=1:200:1'].map(parseVaryOption);
    expect(() => combinationsOf(wide)).toThrow(/40000 combinations; expected at most 10000/);
    expect(() => combinationsOf(wide, { count: 10_001, seed: 1 })).toThrow(
      /^--random 10001: expected at most 10000/,
    );
    const endless = 'abcde'.split('').map((key) => parseVaryOption(`${key}=1:10000:1`));
    expect(() => combinationsOf(endless, { count: 5, seed: 1 })).toThrow(
      /^--random 5: cannot draw from 100000000000000000000 combinations; expected at most 1125899906842624/,
    );
    expect(() => combinationsOf(axes, { count: 6, seed: 1 })).toThrow(/the grid has 6 combinations only/);
  });

  it('change a key once', () => {
    expect(overridesOf({ set: ['c=1'], axes }, ['2', 'z'], '.').map(({ path }) => path.join('.'))).toEqual([
      'c',
      'a',
      'b',
    ]);
    expect(() => overridesOf({ set: ['a=1'], axes }, ['2', 'z'], '.')).toThrow(
      /--vary a=...: a is set already, by --set a=.../,
    );
  });
});
