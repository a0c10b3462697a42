import { describe, expect, it } from 'vitest';
import { failure, MINIMAL, problems } from './workspace.ts';

describe('typos in keys', () => {
  it.each([
    [
      'sizing:\n  grossTraget: 0.5\n',
      's.yaml:4:3: unknown key "grossTraget" in sizing; did you mean "grossTarget"?',
    ],
    ['executoin: {}\n', 's.yaml:3:1: unknown key "executoin" at the top level; did you mean "execution"?'],
    [
      'gating: { enable_spread_gate: false }\n',
      's.yaml:3:11: unknown key "enable_spread_gate" in gating; did you mean "enableSpreadGate"?',
    ],
    [
      'grossTarget: 0.5\n',
      's.yaml:3:1: unknown key "grossTarget" at the top level; did you mean "sizing.grossTarget"?',
    ],
    [
      'sizing:\n  maxGross: 1\n',
      's.yaml:4:3: unknown key "maxGross" in sizing; did you mean "risk.maxGross"?',
    ],
    [
      'broker:\n  fee: { kind: bps, bps: 1, minimum: 2 }\n',
      's.yaml:4:29: unknown key "minimum" in broker.fee; its keys are kind, bps',
    ],
    [
      'cycle: { qqqqqqqq: 1 }\n',
      's.yaml:3:10: unknown key "qqqqqqqq" in cycle; its keys are minutes, heartbeatMinutes',
    ],
    [
      'blending: { temperature: { 5min: 1 } }\n',
      's.yaml:3:28: unknown key "5min" in blending.temperature: expected text such as 5m or 1h or 1d',
    ],
  ])('%j', (text, expected) => {
    expect(problems(MINIMAL + text)).toEqual([expected]);
  });

  it('are answered for options too, naming the option', () => {
    expect(problems(MINIMAL, ['sizing.grosTarget=0.4'])).toEqual([
      '--set sizing.grosTarget=...: unknown key "grosTarget" in sizing; did you mean "grossTarget"?',
    ]);
  });
});

describe('wrong values', () => {
  it.each([
    [
      'sizing: { grossTarget: half }\n',
      's.yaml:3:24: sizing.grossTarget: expected a number above 0 and up to 10, found "half"',
    ],
    ['sizing: { band: -0.1 }\n', 's.yaml:3:17: sizing.band: expected a number from 0 to 1, found -0.1'],
    [
      'sizing: { icRef: .nan }\n',
      's.yaml:3:18: sizing.icRef: expected a number above 0 and up to 1, found NaN',
    ],
    [
      'sizing: { zMax: .inf }\n',
      's.yaml:3:17: sizing.zMax: expected a number above 0 and up to 100, found Infinity',
    ],
    ['seed: 1.5\n', 's.yaml:3:7: seed: expected a whole number from 0 to 4294967295, found 1.5'],
    ['seed: 1_000\n', 's.yaml:3:7: seed: expected a whole number from 0 to 4294967295, found "1_000"'],
    ['strict: yes\n', 's.yaml:3:9: strict: expected true or false, found "yes"'],
    ['risk:\n', 's.yaml:3:6: risk: expected a map of keys, found nothing (an empty value)'],
    ['risk: 3\n', 's.yaml:3:7: risk: expected a map of keys, found 3'],
    [
      'horizons: 5m\n',
      's.yaml:3:11: horizons: expected a list of at least 1, such as [5m, 1h, 1d], or discover, found "5m"',
    ],
    [
      'horizons: []\n',
      's.yaml:3:11: horizons: expected a list of at least 1, such as [5m, 1h, 1d], or discover, found a list of 0',
    ],
    [
      'horizons: find\n',
      's.yaml:3:11: horizons: expected a list of at least 1, such as [5m, 1h, 1d], or discover, found "find"',
    ],
    [
      'horizons: discover\n',
      's.yaml:3:11: horizons: discover needs models.runRoot, whose target names it reads them from',
    ],
    [
      'models: { families: [Ridge] }\n',
      's.yaml:3:21: models.families: expected models.runRoot beside it, whose models it chooses from',
    ],
    ['horizons: [5m, 1w]\n', 's.yaml:3:16: horizons[1]: expected text such as 5m or 1h or 1d, found "1w"'],
    ['horizons: [5m, 60m, 1h]\n', 's.yaml:3:21: horizons[2]: 1h is the same length as 60m; keep one'],
    [
      'execution: { orderType: mkt }\n',
      's.yaml:3:25: execution.orderType: expected one of market, limit, marketable_limit, found "mkt"',
    ],
    [
      'broker: { fee: { kind: foo } }\n',
      's.yaml:3:24: broker.fee.kind: expected one of bps, per_share, found "foo"',
    ],
    [
      'broker: { fee: { bps: 1 } }\n',
      's.yaml:3:16: broker.fee.kind is missing: expected one of bps, per_share',
    ],
    [
      'broker: { fee: { kind: bps } }\n',
      's.yaml:3:16: broker.fee.bps is missing: expected a number from 0 to 10000',
    ],
    [
      'risk: { tickDollars: 0.00015 }\n',
      's.yaml:3:22: risk.tickDollars: expected a multiple of 0.0001 dollars, found 0.00015',
    ],
    [
      'horizons: [5m]\nblending: { temperature: { 10m: 1 } }\n',
      's.yaml:4:28: blending.temperature: 10m is not one of the horizons of this scenario (5m)',
    ],
    [
      'prediction: { standardizeWindowCycles: 50 }\n',
      's.yaml:3:40: prediction.standardizeWindowCycles: expected at least standardizeMinSamples 100, found 50',
    ],
    [
      'cycle: { minutes: 60 }\n',
      's.yaml:3:19: prediction.standardizeWindowCycles: expected at least standardizeMinSamples 100, found 65, the cycles of 10 days at cycle.minutes 60; set one of the three',
    ],
    [
      'cycle: { minutes: 390 }\n',
      's.yaml:3:19: cycle.minutes: expected a whole number from 1 to 389, found 390',
    ],
    [
      'prediction: { icMinPairs: 30000 }\n',
      's.yaml:3:27: prediction.icMinPairs: expected at most icWindowPairs 20000, found 30000',
    ],
  ])('%j', (text, expected) => {
    expect(problems(MINIMAL + text)).toEqual([expected]);
  });

  it.each([
    [
      '[SPY, TRUE]',
      's.yaml:2:36: data.symbols[1]: expected text such as SPY or BRK.B, found true (write "true" in quotes where text is meant)',
    ],
    ['[spy]', 's.yaml:2:31: data.symbols[0]: expected text such as SPY or BRK.B, found "spy"'],
    ['[SPY, IBM, SPY]', 's.yaml:2:41: data.symbols[2]: SPY is listed twice; keep one'],
    ['[../../etc]', 's.yaml:2:31: data.symbols[0]: expected text such as SPY or BRK.B, found "../../etc"'],
  ])('symbols %s', (symbols, expected) => {
    expect(problems(`name: a\ndata: { dataset: x, symbols: ${symbols} }\n`)).toEqual([expected]);
  });

  it.each([
    ['2023-02-29', 'no such day in the calendar, found "2023-02-29"'],
    ['2023-13-01', 'no such day in the calendar, found "2023-13-01"'],
    ['2023-1-1', 'expected text such as 2024-03-04, found "2023-1-1"'],
    ['20230101', 'expected text such as 2024-03-04, found 20230101'],
  ])('date %s', (date, expected) => {
    expect(problems(`name: a\ndata: { dataset: x, from: ${date} }\n`)).toEqual([
      `s.yaml:2:27: data.from: ${expected}`,
    ]);
  });

  it('accepts 29 February of a leap year and refuses a range that ends before it starts', () => {
    expect(problems('name: a\ndata: { dataset: x, from: 2024-02-29, to: 2024-02-28 }\n')).toEqual([
      's.yaml:2:43: data.to: expected a session at or after data.from 2024-02-29, found 2024-02-28',
    ]);
  });

  it('refuses cycles that fall due before a live source gives their bar', () => {
    expect(problems('name: a\ndata: { dataset: x, source: alpaca, graceMilliseconds: 500 }\n')).toEqual([
      's.yaml:2:56: data.graceMilliseconds: expected more than data.alpaca.graceMs 500, found 500; cycles would fall due before their bar is given',
    ]);
  });

  it('names what is missing', () => {
    expect(problems('seed: 1\n')).toEqual([
      's.yaml:1:1: name is missing: expected text such as quickstart',
      's.yaml:1:1: data is missing: expected a map of keys',
    ]);
  });

  it('cuts long values short and keeps control characters out of the message', () => {
    const [problem] = problems(`${MINIMAL}strict: "\\e[31m\\n${'x'.repeat(500)}"\n`);
    expect(problem?.length).toBeLessThan(160);
    expect(problem).toContain('\\u001b[31m\\n');
  });

  it('are all listed in the order of the file; the error is one line with the first and the count', () => {
    const error = failure(`${MINIMAL}risk: { dailyLos: 0.1 }\nseed: x\nsizing: { band: 2 }\n`);
    expect(error.message).toBe(
      's.yaml:3:9: unknown key "dailyLos" in risk; did you mean "dailyLoss"? (and 2 more; "sametape config validate" lists them)',
    );
    expect(error.exitCode).toBe(2);
  });
});
