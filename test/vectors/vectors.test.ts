import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  type ComponentReport,
  decode,
  isClose,
  runAllVectors,
  runCase,
  runVectors,
  vectorComponents,
  vectorsMissing,
} from './harness.ts';
import { allGood, failuresOf, failureText, reportText } from './report.ts';
import type { VectorComponent } from './types.ts';

const missing = vectorsMissing();
if (missing !== undefined) console.log(`skipped: ${missing}`);

describe.skipIf(missing !== undefined)('reference vectors', () => {
  const components = missing === undefined ? vectorComponents() : [];
  const reports: ComponentReport[] = [];
  afterAll(() => console.log(reportText(reports, { verbose: false })));

  it('finds vector files', () => {
    expect(components.length).toBeGreaterThan(0);
  });

  it.each(components)('%s: every case passes or deviates for a stated reason', async (component) => {
    const report = await runVectors(component);
    reports.push(report);
    expect(report.kind, 'has no adapter in components/').not.toBe('no_adapter');
    expect(failuresOf(report).map((failure) => failureText(report.component, failure))).toEqual([]);
  });
});

describe('vector harness', () => {
  const adapter: VectorComponent = {
    component: 'sample',
    run: (input) => ({ steps: [{ a: input, b: 2 }] }),
    deviatingFields: () => ({ 'steps.*.b': 'b is decided otherwise' }),
  };

  it('fails a difference nobody listed, and names its path', () => {
    const report = runCase(adapter, { name: 'x#1', input: 1, output: { steps: [{ a: 1.1, b: 2 }] } });
    expect(report.outcome).toEqual({
      kind: 'failed',
      difference: { path: 'steps.0.a', expected: 1.1, actual: 1 },
    });
  });

  it('still compares the other fields of a deviating case', () => {
    const deviating = runCase(adapter, { name: 'x#1', input: 1, output: { steps: [{ a: 1, b: 3 }] } });
    const broken = runCase(adapter, { name: 'x#1', input: 1, output: { steps: [{ a: 9, b: 3 }] } });
    expect(deviating.outcome).toEqual({ kind: 'partly', reasons: ['b is decided otherwise'] });
    expect(broken.outcome.kind).toBe('failed');
  });

  it('compares with what a decided rule makes of the vector, and knows no names', () => {
    const seen: unknown[] = [];
    const restating: VectorComponent = {
      component: 'sample',
      run: (input) => ({ a: input, b: 2 }),
      restate(facts) {
        seen.push(Object.keys(facts));
        return { output: { ...(facts.output as object), b: 2 }, reasons: ['b is 2'] };
      },
    };
    const outcomeOf = (output: unknown) => runCase(restating, { name: 'x#1', input: 1, output }).outcome;
    expect(outcomeOf({ a: 1, b: 3 })).toEqual({ kind: 'deviates', reasons: ['b is 2'] });
    expect(outcomeOf({ a: 1, b: 2 }).kind).toBe('passed');
    expect(outcomeOf({ a: 9, b: 3 }).kind).toBe('failed');
    expect(new Set(seen.flat())).toEqual(new Set(['input', 'output']));
  });

  it('fails what agrees with a vector that a decided rule does not', () => {
    const rebellious: VectorComponent = {
      component: 'sample',
      run: () => ({ a: 1 }),
      restate: () => ({ output: { a: 2 }, reasons: ['a is 2'] }),
    };
    const { outcome } = runCase(rebellious, { name: 'x#1', input: 0, output: { a: 1 } });
    expect(outcome).toEqual({ kind: 'failed', difference: { path: 'a', expected: 2, actual: 1 } });
  });

  it('holds a bounded deviation to its bound', () => {
    const bounded: VectorComponent = {
      component: 'sample',
      run: () => ({ a: 1 }),
      deviatingFields: () => ({ a: { reason: 'rounded', within: 0.1 } }),
    };
    const kindOf = (a: unknown) => runCase(bounded, { name: 'x#1', input: 0, output: { a } }).outcome.kind;
    expect([kindOf(1), kindOf(1.05), kindOf(1.2), kindOf(null)]).toEqual([
      'passed',
      'partly',
      'failed',
      'failed',
    ]);
  });

  it('reads the folder it is told to, where a component it does not know is a failure', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sametape-vectors-'));
    vi.stubEnv('SAMETAPE_VECTORS', folder);
    try {
      writeFileSync(join(folder, 'surprise.json'), '[{"name":"x#1","input":1,"output":1}]');
      const [report] = await runAllVectors();
      expect(report).toEqual({ component: 'surprise', kind: 'no_adapter', caseCount: 1 });
      expect(allGood([report!])).toBe(false);
      writeFileSync(join(folder, 'surprise.json'), '[{"name":"x#1"}]');
      await expect(runAllVectors()).rejects.toThrow('surprise.json: case 0: expected {name, input, output}');
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  it('fails on missing and extra keys, on another length, and on an adapter that throws', () => {
    const outcomeOf = (output: unknown, run: VectorComponent['run'] = adapter.run) =>
      runCase({ component: 'sample', run }, { name: 'x#1', input: 1, output }).outcome.kind;
    expect(outcomeOf({ steps: [{ a: 1, b: 2, c: 3 }] })).toBe('failed');
    expect(outcomeOf({ steps: [{ a: 1 }] })).toBe('failed');
    expect(outcomeOf({ steps: [] })).toBe('failed');
    const throwing = (): never => {
      throw new Error('broken');
    };
    expect(outcomeOf({}, throwing)).toBe('failed');
  });

  it('decodes non-finite numbers and compares them exactly', () => {
    expect(decode({ a: ['NaN', '-Infinity', 'x'] })).toEqual({
      a: [Number.NaN, Number.NEGATIVE_INFINITY, 'x'],
    });
    expect(isClose(Number.NaN, Number.NaN)).toBe(true);
    expect(isClose(Number.POSITIVE_INFINITY, 1e308)).toBe(false);
    expect(isClose(1, 1 + 5e-10)).toBe(true);
    expect(isClose(1, 1 + 5e-9)).toBe(false);
  });
});
