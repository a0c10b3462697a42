import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { InputError } from '../domain/errors.ts';
import {
  type ConfigMap,
  type ConfigPath,
  formatOrigin,
  formatPath,
  locateKey,
  locateValue,
  nodeAt,
  type ScenarioProblem,
  toPlain,
} from './config-tree.ts';
import { type SchemaNode, scenarioJsonSchema } from './json-schema.ts';
import { holdsSecret, isAllSecret } from './secrets.ts';

/** A scenario that does not follow the schema. Its message is the first problem; `problems` has them all. */
export class ScenarioError extends InputError {
  readonly problems: readonly ScenarioProblem[];

  constructor(problems: readonly ScenarioProblem[]) {
    const first = problems[0];
    const others = problems.length - 1;
    const more = others > 0 ? ` (and ${others} more; "sametape config validate" lists them)` : '';
    super('SCENARIO_INVALID', `${first === undefined ? 'invalid scenario' : formatProblem(first)}${more}`);
    this.problems = problems;
  }
}

export function formatProblem({ origin, message }: ScenarioProblem): string {
  return `${formatOrigin(origin)}: ${message}`;
}

/** What the schema found wrong, as lines a person can act on, in the order of the file. */
export function problemsOf(error: z.ZodError, root: ConfigMap): ScenarioProblem[] {
  const problems = error.issues.flatMap((issue) => issueProblems(issue, root)).sort(byPlace);
  // One value can break several rules of the schema; the message names what is expected as a whole.
  return problems.filter(
    (problem, at) => at === 0 || formatProblem(problem) !== formatProblem(problems[at - 1]!),
  );
}

function byPlace(a: ScenarioProblem, b: ScenarioProblem): number {
  return (
    (a.origin.line ?? Number.MAX_SAFE_INTEGER) - (b.origin.line ?? Number.MAX_SAFE_INTEGER) ||
    (a.origin.column ?? 0) - (b.origin.column ?? 0)
  );
}

function issueProblems(issue: z.core.$ZodIssue, root: ConfigMap): ScenarioProblem[] {
  const path = issue.path as ConfigPath;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        origin: locateKey({ root, path, key }),
        message: unknownKeyMessage({ root, path, key }),
      }));
    case 'invalid_key': {
      const key = String(path.at(-1));
      const parent = path.slice(0, -1);
      const names = schemaAt(root, parent)?.propertyNames;
      return [
        {
          origin: locateKey({ root, path: parent, key }),
          message: `unknown key ${quote(key)} in ${formatPath(parent)}: expected ${expectedOf(names)}`,
        },
      ];
    }
    case 'custom':
      return [
        {
          origin: locateValue(root, path),
          message: `${formatPath(path)}: ${issue.message}${foundSuffix(root, path)}`,
        },
      ];
    default:
      return [{ origin: locateValue(root, path), message: valueMessage(root, path) }];
  }
}

function foundSuffix(root: ConfigMap, path: ConfigPath): string {
  const node = nodeAt(root, path);
  return node?.kind === 'scalar' ? `, found ${found(node.value)}` : '';
}

function valueMessage(root: ConfigMap, path: ConfigPath): string {
  const schema = schemaAt(root, path);
  const expected = expectedOf(schema);
  const node = nodeAt(root, path);
  if (node === undefined) return `${formatPath(path)} is missing: expected ${expected}`;
  if (holdsSecret(schema)) {
    return `${formatPath(path)}: expected ${expected}, found a value that is not shown`;
  }
  return `${formatPath(path)}: expected ${expected}, found ${found(toPlain(node))}`;
}

/** A value as messages show it: JSON, cut short, with its type where the text alone would mislead. */
function found(value: unknown): string {
  if (value === null) return 'nothing (an empty value)';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'number') return String(value);
  const text = quote(String(value));
  return typeof value === 'boolean' ? `${value} (write "${value}" in quotes where text is meant)` : text;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

function expectedOf(schema: SchemaNode | undefined): string {
  if (schema === undefined) return 'another value';
  if (schema.secret === true)
    return `the environment variable or the file (absolute, or from ~/) that holds it, as ${schema.examples?.join(' or ')}`;
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.const !== undefined) return schema.const;
  if (schema.anyOf !== undefined) return schema.anyOf.map(expectedOf).join(', or ');
  if (schema.oneOf !== undefined) {
    const kinds = schema.oneOf.map((branch) => branch.properties?.kind?.const ?? '');
    return `a map whose kind is one of ${kinds.join(', ')}`;
  }
  switch (schema.type) {
    case 'integer':
      return `a whole number${rangeOf(schema)}`;
    case 'number':
      return `a number${rangeOf(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${schema.minItems === undefined ? '' : ` of at least ${schema.minItems}`}, such as [${schema.items?.examples?.join(', ') ?? ''}]`;
    case 'object':
      return 'a map of keys';
    default:
      return schema.examples === undefined ? 'text' : `text such as ${schema.examples.join(' or ')}`;
  }
}

function rangeOf({ minimum, exclusiveMinimum, maximum }: SchemaNode): string {
  const low =
    exclusiveMinimum !== undefined
      ? ` above ${exclusiveMinimum}`
      : minimum === undefined
        ? ''
        : ` from ${minimum}`;
  if (maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER) return low;
  return exclusiveMinimum !== undefined ? `${low} and up to ${maximum}` : `${low} to ${maximum}`;
}

/** Schema of the value at `path`; a union is resolved by the `kind` that was written. */
function schemaAt(root: ConfigMap, path: ConfigPath): SchemaNode | undefined {
  let schema: SchemaNode | undefined = scenarioJsonSchema();
  for (const [depth, part] of path.entries()) {
    if (schema?.oneOf !== undefined)
      schema = branchOf(schema, root, path.slice(0, depth)) ?? unionOf(schema, part);
    if (typeof part === 'number') schema = listOf(schema)?.items;
    else schema = schema?.properties?.[part] ?? (schema?.additionalProperties || undefined);
  }
  return schema;
}

function listOf(schema: SchemaNode | undefined): SchemaNode | undefined {
  return schema?.anyOf?.find(({ items }) => items !== undefined) ?? schema;
}

function branchOf(schema: SchemaNode, root: ConfigMap, path: ConfigPath): SchemaNode | undefined {
  const kind = nodeAt(root, [...path, 'kind']);
  if (kind?.kind !== 'scalar') return undefined;
  return schema.oneOf?.find((branch) => branch.properties?.kind?.const === kind.value);
}

/** Stands for a union whose `kind` is missing or unknown: the only key it has is `kind`, one of all. */
function unionOf(schema: SchemaNode, part: string | number): SchemaNode | undefined {
  if (part !== 'kind') return undefined;
  const kinds = schema.oneOf?.map((branch) => branch.properties?.kind?.const ?? '') ?? [];
  return { properties: { kind: { enum: kinds } } };
}

interface UnknownKey {
  readonly root: ConfigMap;
  readonly path: ConfigPath;
  readonly key: string;
}

function unknownKeyMessage({ root, path, key }: UnknownKey): string {
  const where = path.length === 0 ? 'at the top level' : `in ${formatPath(path)}`;
  const shown = isAllSecret(schemaAt(root, path)) ? 'that is not shown' : quote(key);
  return `unknown key ${shown} ${where}${suggestKey({ root, path, key })}`;
}

/** The nearest key of the same map; failing a near one, the same name in another section; failing that, all keys. */
function suggestKey({ root, path, key }: UnknownKey): string {
  let here = schemaAt(root, path);
  if (here?.oneOf !== undefined) here = branchOf(here, root, path);
  const siblings = Object.keys(here?.properties ?? {});
  const wanted = plainName(key);
  const ranked = siblings
    .map((name) => ({ name, steps: distance(wanted, plainName(name)) }))
    .sort((a, b) => a.steps - b.steps);
  const nearest = ranked[0];
  if (nearest === undefined) return '';
  const isWithin = (share: number): boolean =>
    nearest.steps <= Math.max(1, Math.floor(wanted.length * share));
  const name = isWithin(1 / 3)
    ? nearest.name
    : (sameNameElsewhere(wanted) ?? (isWithin(2 / 3) ? nearest.name : undefined));
  return name === undefined ? `; its keys are ${siblings.join(', ')}` : `; did you mean ${quote(name)}?`;
}

function sameNameElsewhere(wanted: string): string | undefined {
  for (const [name, section] of Object.entries(scenarioJsonSchema().properties ?? {})) {
    if (plainName(name) === wanted) return name;
    for (const inner of Object.keys(section.properties ?? {})) {
      if (plainName(inner) === wanted) return `${name}.${inner}`;
    }
  }
  return undefined;
}

/** `enable_spread_gate`, `enableSpreadGate` and `EnableSpreadGate` are the same name to a person. */
function plainName(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase().slice(0, 64);
}
