/** Where a value was written, for messages: a place in a file, or the command-line option that set it. */
export interface Origin {
  /** The file as the user named it, or the whole option (`--set sizing.band=0.01`). */
  readonly source: string;
  /** 1-based; absent for an option. */
  readonly line?: number;
  readonly column?: number;
  /** Folder that relative paths written here start from. */
  readonly baseDir: string;
}

/** One thing wrong with a scenario. */
export interface ScenarioProblem {
  readonly origin: Origin;
  readonly message: string;
}

export type ConfigScalar = string | number | boolean | null;

export interface ConfigMap {
  readonly kind: 'map';
  readonly origin: Origin;
  readonly entries: ReadonlyMap<string, ConfigEntry>;
}

export interface ConfigEntry {
  readonly keyOrigin: Origin;
  readonly node: ConfigNode;
}

/** A parsed scenario layer. Unlike plain objects it knows the place of every key and cannot carry a prototype. */
export type ConfigNode =
  | ConfigMap
  | { readonly kind: 'list'; readonly origin: Origin; readonly items: readonly ConfigNode[] }
  | { readonly kind: 'scalar'; readonly origin: Origin; readonly value: ConfigScalar };

export type ConfigPath = readonly (string | number)[];

export function formatOrigin({ source, line, column }: Origin): string {
  return line === undefined ? source : `${source}:${line}:${column ?? 1}`;
}

export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  }
  return text;
}

/** Keys were refused by name when the tree was parsed, so none can reach a prototype. */
export function toPlain(node: ConfigNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toPlain);
  const plain: Record<string, unknown> = {};
  for (const [key, entry] of node.entries) plain[key] = toPlain(entry.node);
  return plain;
}

/**
 * The upper layer's keys win; maps merge key by key, lists and scalars are replaced. A map that names its `kind`
 * is one of several shapes, so it replaces the lower one instead of mixing with it.
 */
export function mergeLayers({
  lower,
  upper,
}: {
  readonly lower: ConfigMap;
  readonly upper: ConfigMap;
}): ConfigMap {
  const entries = new Map(lower.entries);
  for (const [key, entry] of upper.entries) {
    const below = entries.get(key);
    if (below?.node.kind === 'map' && entry.node.kind === 'map' && !entry.node.entries.has('kind')) {
      entries.set(key, {
        keyOrigin: entry.keyOrigin,
        node: mergeLayers({ lower: below.node, upper: entry.node }),
      });
    } else {
      entries.set(key, entry);
    }
  }
  return { kind: 'map', origin: upper.origin, entries };
}

/** Place of the deepest part of `path` that exists; for a map entry the place of its value. */
export function locateValue(root: ConfigNode, path: ConfigPath): Origin {
  let node = root;
  for (const part of path) {
    const next = childOf(node, part);
    if (next === undefined) break;
    node = next;
  }
  return node.origin;
}

/** Place of the key `key` of the map at `path`. */
export function locateKey({
  root,
  path,
  key,
}: {
  readonly root: ConfigNode;
  readonly path: ConfigPath;
  readonly key: string;
}): Origin {
  const node = nodeAt(root, path);
  const entry = node?.kind === 'map' ? node.entries.get(key) : undefined;
  return entry?.keyOrigin ?? locateValue(root, path);
}

export function nodeAt(root: ConfigNode, path: ConfigPath): ConfigNode | undefined {
  let node: ConfigNode | undefined = root;
  for (const part of path) {
    if (node === undefined) return undefined;
    node = childOf(node, part);
  }
  return node;
}

function childOf(node: ConfigNode, part: string | number): ConfigNode | undefined {
  if (node.kind === 'map') return node.entries.get(String(part))?.node;
  if (node.kind === 'list' && typeof part === 'number') return node.items[part];
  return undefined;
}
