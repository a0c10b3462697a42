import { homedir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { readSecretFile } from '../files/read-secret.ts';
import { rememberSecret } from '../files/secret-values.ts';
import { type ConfigMap, type ConfigNode, formatPath, type ScenarioProblem } from './config-tree.ts';
import { type SchemaNode, scenarioJsonSchema } from './json-schema.ts';

const REFERENCE = /^\$\{(?:env:(?<variable>[A-Za-z_][A-Za-z0-9_]*)|file:(?<file>(?:\/|~\/)[^{}]+))\}$/;
const REFERENCE_START = '$' + '{';
const STRAY_REFERENCE = /\$\{(?:env|file):/;

/** Words that mark a key as secret to a person, also where it is mistyped. Every secret key of the schema has one. */
const SECRET_WORDS =
  /[\w.-]*(?:credential|secret|webhook|pass|token|auth|(?:api|access|private)_?key|key_?id)[\w.-]*/i;

/** A secret key of a scenario, and the environment variable or the file that holds its value, which is read when used. */
export type SecretReference =
  | { readonly key: string; readonly variable: string }
  | { readonly key: string; readonly file: string };

/** Keys of the schema that hold secrets, as `broker.credentials.secretKey`. */
export function secretKeys(
  schema: SchemaNode = scenarioJsonSchema(),
  path: readonly string[] = [],
): readonly string[] {
  if (schema.secret === true) return [path.join('.')];
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => secretKeys(child, [...path, key]));
}

/** Whether a value at this place of the schema is a secret or may hold one, and so is never quoted. */
export function holdsSecret(schema: SchemaNode | undefined): boolean {
  return schema !== undefined && secretKeys(schema).length > 0;
}

/** `${env:NAME}` or `${file:PATH}` anywhere but in a secret key: a run must not depend on what its identity does not hold. */
export function strayReferences(root: ConfigMap): ScenarioProblem[] {
  const secrets = secretKeys();
  const problems: ScenarioProblem[] = [];
  const visit = (node: ConfigNode, path: readonly (string | number)[]): void => {
    if (node.kind === 'map') {
      for (const [key, entry] of node.entries) visit(entry.node, [...path, key]);
    } else if (node.kind === 'list') {
      for (const [at, item] of node.items.entries()) visit(item, [...path, at]);
    } else if (typeof node.value === 'string' && STRAY_REFERENCE.test(node.value)) {
      const key = formatPath(path);
      if (secrets.includes(key)) return;
      const kind = node.value.includes(`${REFERENCE_START}env:`) ? 'env:NAME' : 'file:PATH';
      const message = `${key}: ${REFERENCE_START}${kind}} is accepted in secrets only (${secrets.join(', ')}); write the value out`;
      problems.push({ origin: node.origin, message });
    }
  };
  visit(root, []);
  return problems;
}

/** The secrets a scenario names, in code-unit order of key. */
export function secretReferences(values: unknown): readonly SecretReference[] {
  return [...secretKeys()].sort().flatMap((key): SecretReference[] => {
    let value: unknown = values;
    for (const part of key.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
    const { variable, file } = (typeof value === 'string' ? REFERENCE.exec(value)?.groups : undefined) ?? {};
    if (variable !== undefined) return [{ key, variable }];
    return file === undefined ? [] : [{ key, file }];
  });
}

/**
 * The value of a secret. Callers hand it to what needs it and keep it nowhere else.
 * @throws InputError SECRET_MISSING, SECRET_FILE_REFUSED, naming the key and where it should be, never a value
 */
export function readSecret(
  reference: SecretReference,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const value = 'file' in reference ? readFromFile(reference) : readFromEnvironment(reference, environment);
  rememberSecret(value);
  return value;
}

function readFromFile({ key, file }: { readonly key: string; readonly file: string }): string {
  const read = readSecretFile(file.startsWith('~/') ? join(homedir(), file.slice(2)) : file);
  if (read.kind === 'read') return read.value;
  throw new InputError('SECRET_FILE_REFUSED', `${key}: the file ${file} ${read.problem}`);
}

function readFromEnvironment(
  { key, variable }: { readonly key: string; readonly variable: string },
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const value = environment[variable];
  if (value !== undefined && value !== '') return value;
  throw new InputError(
    'SECRET_MISSING',
    `${key}: the environment variable ${variable} is ${value === undefined ? 'not set' : 'empty'}; set it to the secret`,
  );
}

/**
 * Text of an option `key.path=value` as messages may show it: the value only where the key is one of the schema and holds
 * a plain value that is no secret, and nothing after the name of a secret. A key that is not known may be a mistyped one.
 */
export function withoutSecrets(text: string): string {
  const shown = plainPart(text);
  const match = SECRET_WORDS.exec(shown);
  return match === null ? shown : `${shown.slice(0, match.index + match[0].length)}...`;
}

function plainPart(text: string): string {
  const equals = text.indexOf('=');
  if (equals < 0) {
    const key = /^[\w.-]*/.exec(text)?.[0] ?? '';
    return key === text ? text : `${key}...`;
  }
  const key = text.slice(0, equals);
  let schema: SchemaNode = scenarioJsonSchema();
  const path = key.trim().split('.');
  for (const [depth, part] of path.entries()) {
    const child = childOf(schema, part);
    if (child === undefined)
      return isAllSecret(schema) ? `${path.slice(0, depth).join('.')}...` : `${key}=...`;
    schema = child;
  }
  const isPlain =
    schema.secret !== true && [schema.properties, schema.oneOf].every((one) => one === undefined);
  return isPlain && !schema.additionalProperties ? text : `${key}=...`;
}

function childOf(
  { properties, additionalProperties, oneOf }: SchemaNode,
  part: string,
): SchemaNode | undefined {
  if (properties !== undefined && Object.hasOwn(properties, part)) return properties[part];
  const branch = oneOf?.find((one) => one.properties !== undefined && Object.hasOwn(one.properties, part));
  return branch?.properties?.[part] ?? (additionalProperties || undefined);
}

/** Whether a map is there for secrets only: then even a key that it does not know may be one in the wrong place. */
export function isAllSecret(schema: SchemaNode | undefined): boolean {
  const inner = Object.values(schema?.properties ?? {});
  return inner.length > 0 && inner.every(({ secret }) => secret === true);
}
