import ts from 'typescript';
import { placeOf, type SourceText } from './sources.ts';

/** Folders whose code is a function of its arguments and nothing else. */
export const PURE_ZONE = ['domain', 'math', 'events', 'learning', 'pipeline', 'exchange', 'engine'] as const;

/** Exact on every Node version and processor. */
const EXACT_MATH: ReadonlySet<string> = new Set([
  'sqrt',
  'abs',
  'floor',
  'ceil',
  'trunc',
  'round',
  'min',
  'max',
  'sign',
  'fround',
  'imul',
  'PI',
  'E',
  'LN2',
  'LN10',
  'SQRT2',
  'SQRT1_2',
]);

const FORBIDDEN_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    Date: 'time comes from events',
    Intl: 'locale data differs between machines',
    Promise: 'the pure zone is synchronous',
    process: 'the pure zone knows no process',
    Buffer: 'use Uint8Array',
    console: 'effects are data here',
    globalThis: 'the pure zone has no globals',
    global: 'the pure zone has no globals',
    performance: 'time comes from events',
    crypto: 'randomness comes from a seeded generator',
    fetch: 'effects are data here',
    require: 'import at the top',
    setTimeout: 'time comes from events',
    setInterval: 'time comes from events',
    setImmediate: 'time comes from events',
    queueMicrotask: 'the pure zone is synchronous',
    structuredClone: 'use the engine snapshot',
    eval: 'code is written, not made',
    Function: 'code is written, not made',
    WeakRef: 'garbage collection is not reproducible',
    FinalizationRegistry: 'garbage collection is not reproducible',
  }),
);

const FORBIDDEN_MEMBERS = /^(localeCompare|toLocale\w*|normalize)$/;
const NPM_ALLOWED = /^(@stdlib\/math-base-special-[a-z0-9]+|ml-matrix|seedrandom)$/;

/** Finds what would make a result depend on the machine, the time or the order of things outside. */
export function checkPureZone(file: SourceText): string[] {
  const problems: string[] = [];
  const report = (node: ts.Node, what: string): void => {
    problems.push(`${placeOf(file, node)}: ${what}`);
  };
  const visit = (node: ts.Node): void => {
    const problem = importProblem(node) ?? asyncProblem(node) ?? powerProblem(node) ?? nameProblem(node);
    if (problem !== undefined) report(node, problem);
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return problems;
}

function importProblem(node: ts.Node): string | undefined {
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return 'dynamic import';
  if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return undefined;
  const specifier = node.moduleSpecifier;
  if (specifier === undefined || !ts.isStringLiteral(specifier)) return undefined;
  const name = specifier.text;
  if (name.startsWith('./') || name.startsWith('../') || NPM_ALLOWED.test(name)) return undefined;
  return `import of "${name}": only arithmetic packages enter the pure zone`;
}

function asyncProblem(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async: the pure zone is synchronous';
  if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)) {
    return 'await: the pure zone is synchronous';
  }
  return undefined;
}

function powerProblem(node: ts.Node): string | undefined {
  const isPower =
    node.kind === ts.SyntaxKind.AsteriskAsteriskToken ||
    node.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken;
  return isPower ? '**: differs between Node versions, use math/elementary.ts' : undefined;
}

function nameProblem(node: ts.Node): string | undefined {
  if (
    ts.isStringLiteralLike(node) &&
    ts.isElementAccessExpression(node.parent) &&
    FORBIDDEN_MEMBERS.test(node.text)
  ) {
    return `${node.text}: locale data differs between machines`;
  }
  if (!ts.isIdentifier(node)) return undefined;
  if (isMemberName(node)) {
    return FORBIDDEN_MEMBERS.test(node.text)
      ? `${node.text}: locale data differs between machines`
      : undefined;
  }
  if (node.text === 'Math') return mathProblem(node);
  const reason = FORBIDDEN_NAMES.get(node.text);
  return reason === undefined ? undefined : `${node.text}: ${reason}`;
}

/** Names after a dot or before a colon belong to someone else's object: `event.process`, `{ Date: 1 }`. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isMethodDeclaration(parent)) &&
    parent.name === node
  );
}

function mathProblem(node: ts.Identifier): string | undefined {
  const { parent } = node;
  if (!ts.isPropertyAccessExpression(parent) || parent.expression !== node) {
    return 'Math as a value: name the function, such as Math.sqrt, so that it can be checked';
  }
  const name = parent.name.text;
  if (EXACT_MATH.has(name)) return undefined;
  return `Math.${name}: not the same bits everywhere, use math/elementary.ts or the seeded generator`;
}
