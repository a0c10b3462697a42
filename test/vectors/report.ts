import type { CaseReport, ComponentReport } from './harness.ts';

interface Row {
  readonly component: string;
  readonly cases: number;
  readonly passed: number;
  readonly partly: number;
  readonly deviates: number;
  readonly failed: number;
  readonly ulp: string;
}

/** True when no case failed and every vector file has an adapter or is listed as not implemented. */
export function allGood(reports: readonly ComponentReport[]): boolean {
  return reports.every((report) => report.kind !== 'no_adapter' && failuresOf(report).length === 0);
}

/** Failed cases that count; `~ulp` cases are reported apart and do not. */
export function failuresOf(report: ComponentReport): readonly CaseReport[] {
  if (report.kind !== 'ran') return [];
  return report.cases.filter(({ isUlp, outcome }) => !isUlp && outcome.kind === 'failed');
}

/** A failed case in one line. */
export function failureText(component: string, { name, outcome }: CaseReport): string {
  if (outcome.kind !== 'failed') return `${component} ${name}: ${outcome.kind}`;
  const { path, expected, actual } = outcome.difference;
  return `${component} ${name} at ${path === '' ? '(output)' : path}: expected ${show(expected)}, found ${show(actual)}`;
}

function show(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value)?.slice(0, 200) ?? 'nothing';
}

/**
 * Table of all components, then every deviation with its reason and count, then every failure.
 */
export function reportText(
  reports: readonly ComponentReport[],
  options: { readonly verbose: boolean },
): string {
  const rows = reports.map(rowOf);
  const total = rows.reduce((sum, row) => ({ ...addRows(sum, row), component: 'total', ulp: '' }));
  const lines = ['component: passed / deviates / failed'];
  for (const row of [...rows, total]) lines.push(rowText(row));
  const unbuilt = reports.filter((report) => report.kind === 'not_implemented');
  const unbuiltCases = unbuilt.reduce((sum, report) => sum + report.caseCount, 0);
  lines.push(
    '',
    `not implemented yet: ${unbuilt.length} components, ${unbuiltCases} cases (not counted as passed)`,
  );
  lines.push('', 'deviations, each decided:');
  for (const report of reports) lines.push(...deviationLines(report));
  for (const report of reports) {
    if (report.kind === 'no_adapter') lines.push(`FAILED ${report.component}: no adapter in components/`);
    for (const failure of failuresOf(report)) lines.push(`FAILED ${failureText(report.component, failure)}`);
    if (options.verbose) lines.push(...ulpLines(report));
  }
  return lines.join('\n');
}

function rowOf(report: ComponentReport): Row {
  const { component } = report;
  if (report.kind !== 'ran') {
    return {
      component,
      cases: report.caseCount,
      passed: 0,
      partly: 0,
      deviates: 0,
      failed: 0,
      ulp: '',
    };
  }
  const plain = report.cases.filter(({ isUlp }) => !isUlp);
  const ulp = report.cases.filter(({ isUlp }) => isUlp);
  return {
    component,
    cases: report.cases.length,
    passed: countOf(plain, 'passed'),
    partly: countOf(plain, 'partly'),
    deviates: countOf(plain, 'deviates') + countOf(plain, 'partly'),
    failed: countOf(plain, 'failed'),
    ulp:
      ulp.length === 0
        ? ''
        : `${countOf(ulp, 'passed')} / ${countOf(ulp, 'partly') + countOf(ulp, 'deviates')} / ${countOf(ulp, 'failed')}`,
  };
}

function countOf(cases: readonly CaseReport[], kind: CaseReport['outcome']['kind']): number {
  return cases.filter(({ outcome }) => outcome.kind === kind).length;
}

function addRows(a: Row, b: Row): Row {
  return {
    component: a.component,
    cases: a.cases + b.cases,
    passed: a.passed + b.passed,
    partly: a.partly + b.partly,
    deviates: a.deviates + b.deviates,
    failed: a.failed + b.failed,
    ulp: '',
  };
}

function rowText({ component, cases, passed, partly, deviates, failed, ulp }: Row): string {
  const numbers = [passed, deviates, failed].map((n) => String(n).padStart(4)).join(' /');
  const inFields = partly === 0 ? '' : `, ${partly} of the deviating in listed fields only`;
  const apart = ulp === '' ? '' : `; ~ulp apart: ${ulp}`;
  return `${`${component}:`.padEnd(30)}${numbers}   of ${cases} cases${inFields}${apart}`;
}

function deviationLines(report: ComponentReport): readonly string[] {
  if (report.kind !== 'ran') return [];
  const counts = new Map<string, number>();
  for (const { outcome } of report.cases) {
    if (outcome.kind !== 'deviates' && outcome.kind !== 'partly') continue;
    for (const reason of outcome.reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `  ${report.component}: ${reason} (${count})`);
}

function ulpLines(report: ComponentReport): readonly string[] {
  if (report.kind !== 'ran') return [];
  return report.cases
    .filter(({ isUlp, outcome }) => isUlp && outcome.kind === 'failed')
    .map((failure) => `ulp    ${failureText(report.component, failure)}`);
}
