import { isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLError } from 'yaml';
import { InputError } from '../domain/errors.ts';
import type { ConfigEntry, ConfigMap, ConfigNode, ConfigScalar, Origin } from './config-tree.ts';
import { formatOrigin } from './config-tree.ts';
import { scanYaml } from './yaml-scan.ts';

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Makes an origin of an offset into the text being parsed. */
type Locate = (offset: number) => Origin;

/**
 * Parses the text of a scenario file into a tree that knows its places.
 * @param source the file as the user named it
 * @throws InputError YAML_INVALID or YAML_REFUSED, one line that starts with `file:line:col`
 */
export function parseScenarioText(
  text: string,
  { source, baseDir }: { readonly source: string; readonly baseDir: string },
): ConfigMap {
  const lines = new LineCounter();
  let isCounted = false;
  const locate: Locate = (offset) => {
    if (!isCounted) addLineStarts(lines, text);
    isCounted = true;
    const { line, col } = lines.linePos(offset);
    return { source, line, column: col, baseDir };
  };
  const node = parseNode(text, locate);
  if (node === undefined || node.kind !== 'map') {
    const found = node === undefined ? 'nothing' : node.kind === 'list' ? 'a list' : 'a single value';
    throw new InputError(
      'YAML_INVALID',
      `${source}: expected a map of keys such as "name: my-scenario", found ${found}`,
    );
  }
  return node;
}

/**
 * Parses the value of a command-line option as YAML: a scalar, or a flow list or map.
 * @throws InputError YAML_INVALID or YAML_REFUSED naming the option
 */
export function parseOptionValue(text: string, origin: Origin): ConfigNode {
  return parseNode(text, () => origin) ?? { kind: 'scalar', origin, value: null };
}

function addLineStarts(lines: LineCounter, text: string): void {
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
}

function parseNode(text: string, locate: Locate): ConfigNode | undefined {
  const refused = scanYaml(text);
  if (refused !== undefined) throw refusal(locate(refused.offset), refused.problem);
  const documents = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    resolveKnownTags: false,
    merge: false,
    logLevel: 'silent',
  });
  const document = documents[0];
  if (document === undefined) return undefined;
  const error = document.errors[0];
  if (error !== undefined) {
    throw new InputError('YAML_INVALID', `${formatOrigin(locate(error.pos[0]))}: ${explain(error, text)}`);
  }
  return document.contents === null ? undefined : toConfigNode(document.contents, locate);
}

function explain(error: YAMLError, text: string): string {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return `duplicate key ${keyAt(text, error.pos[0])}; keep one of them`;
    case 'TAB_AS_INDENT':
      return 'a tab is used as indentation; use spaces';
    case 'NON_STRING_KEY':
      return 'a key is a list or map; keys are plain text';
    default:
      return `not valid YAML: ${error.message.split('\n')[0]}`;
  }
}

function keyAt(text: string, offset: number): string {
  const key = /^("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^:\n]*)/.exec(text.slice(offset, offset + 80));
  return JSON.stringify((key?.[0] ?? '').replace(/^["']|["']$/g, '').trim());
}

function refusal(origin: Origin, problem: string): InputError {
  return new InputError('YAML_REFUSED', `${formatOrigin(origin)}: ${problem}`);
}

function toConfigNode(node: Node, locate: Locate): ConfigNode {
  const origin = locate(node.range?.[0] ?? 0);
  if (isScalar(node)) return { kind: 'scalar', origin, value: scalarValue(node.value) };
  if (isSeq<Node>(node)) {
    return { kind: 'list', origin, items: node.items.map((item) => toConfigNode(item, locate)) };
  }
  if (!isMap<Node, Node | null>(node)) throw refusal(origin, 'this kind of YAML node is not accepted');
  const entries = new Map<string, ConfigEntry>();
  for (const { key, value } of node.items) {
    const keyOrigin = locate(key.range?.[0] ?? 0);
    const name = isScalar(key) ? String(key.value) : '';
    if (FORBIDDEN_KEYS.has(name)) throw refusal(keyOrigin, `the key "${name}" is not accepted`);
    const child: ConfigNode =
      value === null ? { kind: 'scalar', origin: keyOrigin, value: null } : toConfigNode(value, locate);
    entries.set(name, { keyOrigin, node: child });
  }
  return { kind: 'map', origin, entries };
}

function scalarValue(value: unknown): ConfigScalar {
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return null;
}
