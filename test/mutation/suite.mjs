/**
 * Stands in for vitest in a mutation run: the files are imported once and their tests run again and again in one
 * process, as starting vitest for each of thousands of mutants costs more than the tests do.
 */
import { format } from 'node:util';

export { expect } from 'vitest';

const stubbed = new Map();
export const vi = {
  stubEnv(name, value) {
    stubbed.set(name, process.env[name]);
    process.env[name] = value;
  },
  unstubAllEnvs() {
    for (const [name, value] of stubbed) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    stubbed.clear();
  },
};

/** @typedef {{ id: string, name: string, body: () => unknown }} Test */
/** @typedef {{ name: string, file: string, children: (Suite | Test)[], before: (() => unknown)[], after: (() => unknown)[] }} Suite */

/** @type {Map<string, Suite>} */
export const suites = new Map();
/** @type {Suite | undefined} */
let open;
const ids = new Set();
let leftOut = [];

/** Tests of these titles are not kept. */
export function leaveOut(titles) {
  leftOut = titles;
}

/** Imports a file and keeps what it describes. */
export async function collect(file, url) {
  open = { name: '', file, children: [], before: [], after: [] };
  suites.set(file, open);
  await import(url);
}

export function describe(name, body) {
  const parent = open;
  open = { name: `${parent.name} ${name}`.trim(), file: parent.file, children: [], before: [], after: [] };
  parent.children.push(open);
  body();
  open = parent;
}

export function it(title, body) {
  if (leftOut.includes(title)) return;
  const name = `${open.name} ${title}`.trim();
  let id = `${open.file}#${name}`;
  while (ids.has(id)) id += '+';
  ids.add(id);
  open.children.push({ id, name, body });
}

export const beforeAll = (hook) => open.before.push(hook);
export const afterAll = (hook) => open.after.push(hook);

const forEach = (declare) => (rows) => (title, body) =>
  rows.forEach((row) => {
    const values = Array.isArray(row) ? row : [row];
    if (leftOut.includes(title)) return;
    const named = title.replace(/\$(\w+)/g, (text, key) => String(row?.[key] ?? text));
    declare(format(named, ...values), () => body(...values));
  });
const skipIf = (declare) => (condition) => (condition ? () => undefined : declare);

describe.each = forEach(describe);
describe.skipIf = skipIf(describe);
it.each = forEach(it);
it.skipIf = skipIf(it);
