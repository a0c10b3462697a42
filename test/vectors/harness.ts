import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FieldDeviation, VectorCase, VectorComponent } from './types.ts';

/** Vector files whose component is not built yet: counted and named, never as passed. */
export const NOT_IMPLEMENTED_YET: readonly string[] = [];

const ABSOLUTE_TOLERANCE = 1e-12;
const RELATIVE_TOLERANCE = 1e-9;

/** Where a case differs from its vector, and by what. */
export interface Difference {
  /** `steps.3.alpha`; empty for the whole output. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export type CaseOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'partly' | 'deviates'; readonly reasons: readonly string[] }
  | { readonly kind: 'failed'; readonly difference: Difference };

export interface CaseReport {
  readonly name: string;
  readonly isUlp: boolean;
  readonly outcome: CaseOutcome;
}

export type ComponentReport =
  | { readonly component: string; readonly kind: 'ran'; readonly cases: readonly CaseReport[] }
  | { readonly component: string; readonly kind: 'not_implemented'; readonly caseCount: number }
  | { readonly component: string; readonly kind: 'no_adapter'; readonly caseCount: number };

export function vectorsFolder(): string {
  const override = process.env.SAMETAPE_VECTORS;
  return override ?? fileURLToPath(new URL('../../../shared/vectors', import.meta.url));
}

/** Why the vectors cannot be read here, or undefined when they can. */
export function vectorsMissing(): string | undefined {
  const folder = vectorsFolder();
  return existsSync(folder)
    ? undefined
    : `the vectors folder ${folder} does not exist (set SAMETAPE_VECTORS)`;
}

/** The components there are vector files of. */
export function vectorComponents(): readonly string[] {
  return readdirSync(vectorsFolder())
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => file.slice(0, -'.json'.length));
}

/** Runs every vector file through its adapter. */
export async function runAllVectors(): Promise<readonly ComponentReport[]> {
  const reports: ComponentReport[] = [];
  for (const component of vectorComponents()) reports.push(await runVectors(component));
  return reports;
}

/** Runs the vector file of one component through its adapter. */
export async function runVectors(component: string): Promise<ComponentReport> {
  const cases = readCases(join(vectorsFolder(), `${component}.json`));
  const adapter = await loadAdapter(component);
  if (adapter !== undefined) {
    return { component, kind: 'ran', cases: cases.map((c) => runCase(adapter, c)) };
  }
  const kind = NOT_IMPLEMENTED_YET.includes(component) ? 'not_implemented' : 'no_adapter';
  return { component, kind, caseCount: cases.length };
}

async function loadAdapter(component: string): Promise<VectorComponent | undefined> {
  const path = fileURLToPath(new URL(`./components/${component}.ts`, import.meta.url));
  if (!existsSync(path)) return undefined;
  const loaded: { readonly vectorComponent?: VectorComponent } = await import(
    /* @vite-ignore */ pathToFileURL(path).href
  );
  return loaded.vectorComponent;
}

function readCases(path: string): readonly VectorCase[] {
  const raw = decode(JSON.parse(readFileSync(path, 'utf8')) as unknown);
  if (!Array.isArray(raw)) throw new Error(`${path}: expected a list of {name, input, output}`);
  return raw.map((item: unknown, k) => {
    if (isRecord(item) && typeof item.name === 'string' && 'input' in item && 'output' in item) {
      return { name: item.name, input: item.input, output: item.output };
    }
    throw new Error(`${path}: case ${k}: expected {name, input, output}`);
  });
}

const NON_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** Turns the strings that stand for non-finite numbers into those numbers. */
export function decode(value: unknown): unknown {
  if (typeof value === 'string') return Object.hasOwn(NON_FINITE, value) ? NON_FINITE[value] : value;
  if (Array.isArray(value)) return value.map(decode);
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decode(inner)]));
  }
  return value;
}

/**
 * One case: failed when it differs from its vector, or from what a decided rule makes of that, in a field that is not
 * listed, also when the adapter throws. Else passed when it agrees with the vector, partly when it differs in listed
 * fields, deviates when it is what the rule says or the adapter lists the whole case.
 */
export function runCase(adapter: VectorComponent, vectorCase: VectorCase): CaseReport {
  const isUlp = vectorCase.name.endsWith('~ulp');
  const absolute = isUlp ? (adapter.ulpTolerance ?? ABSOLUTE_TOLERANCE) : ABSOLUTE_TOLERANCE;
  return { name: vectorCase.name, isUlp, outcome: judge(adapter, vectorCase, absolute) };
}

const PASSED = { kind: 'passed' } as const;

function judge(adapter: VectorComponent, vectorCase: VectorCase, absolute: number): CaseOutcome {
  const { input, output } = vectorCase;
  const facts = { input, output };
  let actual: unknown;
  try {
    actual = adapter.run(input);
  } catch (error) {
    actual = error;
  }
  const differences = differencesOf(output, actual, absolute);
  const agrees = differences.length === 0;
  const wholeReason = adapter.deviates?.(facts);
  if (wholeReason !== undefined) return agrees ? PASSED : { kind: 'deviates', reasons: [wholeReason] };
  const restated = adapter.restate?.(facts);
  const reasons = new Set(restated?.reasons);
  const remaining = restated === undefined ? differences : differencesOf(restated.output, actual, absolute);
  const fields = adapter.deviatingFields?.(facts) ?? {};
  for (const difference of remaining) {
    const reason = reasonFor(difference, fields);
    if (reason === undefined) return { kind: 'failed', difference };
    reasons.add(reason);
  }
  if (agrees) return PASSED;
  return { kind: remaining.length === 0 ? 'deviates' : 'partly', reasons: [...reasons] };
}

function differencesOf(expected: unknown, actual: unknown, absolute: number): Difference[] {
  if (actual instanceof Error) return [{ path: '', expected, actual }];
  const differences: Difference[] = [];
  compare(expected, actual, { path: '', absolute }, differences);
  return differences;
}

/** The reason of the pattern that covers a path or one of its parents, if the difference is within its bound. */
function reasonFor(
  { path, expected, actual }: Difference,
  fields: Readonly<Record<string, FieldDeviation>>,
): string | undefined {
  const parts = path.split('.');
  for (const [pattern, deviation] of Object.entries(fields)) {
    const wanted = pattern.split('.');
    const covers =
      wanted.length <= parts.length && wanted.every((part, k) => part === '*' || part === parts[k]);
    if (!covers || path === '') continue;
    if (typeof deviation === 'string') return deviation;
    const distance =
      typeof expected === 'number' && typeof actual === 'number' ? Math.abs(expected - actual) : NaN;
    if (distance <= deviation.within) return deviation.reason;
  }
  return undefined;
}

function compare(
  expected: unknown,
  actual: unknown,
  at: { readonly path: string; readonly absolute: number },
  differences: Difference[],
): void {
  const below = (key: string) => ({ ...at, path: at.path === '' ? key : `${at.path}.${key}` });
  if (typeof expected === 'number' && typeof actual === 'number') {
    if (!isClose(expected, actual, at.absolute)) differences.push({ path: at.path, expected, actual });
  } else if (isList(expected) && isList(actual) && expected.length === actual.length) {
    for (let k = 0; k < expected.length; k++) compare(expected[k], actual[k], below(String(k)), differences);
  } else if (isRecord(expected) && isRecord(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      if (Object.hasOwn(expected, key) && Object.hasOwn(actual, key)) {
        compare(expected[key], actual[key], below(key), differences);
      } else {
        const there = { path: below(key).path, expected: expected[key], actual: actual[key] };
        differences.push(there);
      }
    }
  } else if (expected !== actual) {
    differences.push({ path: at.path, expected, actual });
  }
}

export function isClose(a: number, b: number, absolute: number = ABSOLUTE_TOLERANCE): boolean {
  if (Object.is(a, b) || a === b) return true;
  return (
    Math.abs(a - b) <= absolute + RELATIVE_TOLERANCE * Math.max(Math.abs(a), Math.abs(b)) &&
    Number.isFinite(a - b)
  );
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !isList(value);
}
