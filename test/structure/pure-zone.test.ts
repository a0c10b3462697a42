import { describe, expect, it } from 'vitest';
import { checkPureZone, PURE_ZONE } from './pure-zone.ts';
import { listSources, parseSource, projectRoot, readSource } from './sources.ts';

const scan = (code: string): string[] => checkPureZone(parseSource('src/engine/sample.ts', code));

describe('the pure zone scan', () => {
  it.each([
    ["import { readFileSync } from 'node:fs';", 'node:fs'],
    ["import fs from 'fs';", '"fs"'],
    ["import { Subject } from 'rxjs';", 'rxjs'],
    ["export { readFile } from 'node:fs/promises';", 'node:fs/promises'],
    ["const m = import('./other.ts');", 'dynamic import'],
    ['const t = Date.now();', 'Date'],
    ['const t = new Date();', 'Date'],
    ['const r = Math.random();', 'Math.random'],
    ['const r = Math.pow(2, 3);', 'Math.pow'],
    ['const r = Math.exp(1);', 'Math.exp'],
    ['const { exp } = Math;', 'Math as a value'],
    ["const r = Math['exp'](1);", 'Math as a value'],
    ['const m = Math; m.exp(1);', 'Math as a value'],
    ['const r = 2 ** 3;', '**'],
    ['let r = 2; r **= 3;', '**'],
    ['async function f() {}', 'async'],
    ['const f = async () => 1;', 'async'],
    ['function f(p: Promise<number>) {}', 'Promise'],
    ["const o = ['a'].sort((a, b) => a.localeCompare(b));", 'localeCompare'],
    ["const o = 'a'['localeCompare']('b');", 'localeCompare'],
    ['const s = (1).toLocaleString();', 'toLocaleString'],
    ['const s = new Intl.NumberFormat();', 'Intl'],
    ['const e = process.env.TZ;', 'process'],
    ["const b = Buffer.from('a');", 'Buffer'],
    ["console.log('a');", 'console'],
    ['globalThis.x = 1;', 'globalThis'],
    // Code inside a template literal is code.
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the sample is source text
    ['const s = `at ${Date.now()}`;', 'Date'],
    // A regular expression with a quote in it must not hide what follows.
    ["const q = /'/; const t = Date.now(); const s = 'x';", 'Date'],
  ])('refuses %s', (code, named) => {
    const problems = scan(code);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).toContain(named);
  });

  it.each([
    ['// Date.now() and Math.random() are not used here'],
    ['/** async, await, 2 ** 3, node:fs, console.log */ const a = 1;'],
    ["const s = 'Date.now() ** Math.exp(1) process Buffer';"],
    ['const s = `Promise await Intl`;'],
    ['const r = Math.sqrt(2) + Math.abs(-1) + Math.floor(1.5);'],
    ["import exp from '@stdlib/math-base-special-exp';"],
    ["import seedrandom from 'seedrandom';"],
    ["import { exp } from '../math/elementary.ts';"],
    ["type E = { readonly process: string }; const e: E = { process: 'x' }; const p = e.process;"],
    ["const normalized = 'a';"],
  ])('accepts %s', (code) => {
    expect(scan(code)).toEqual([]);
  });

  it('names file and line', () => {
    expect(scan('const a = 1;\n\nconst t = Date.now();\n')).toEqual([
      'src/engine/sample.ts:3: Date: time comes from events',
    ]);
  });

  it('finds nothing in this checkout, in every folder of the zone that has files', () => {
    const files = PURE_ZONE.flatMap((folder) => listSources(projectRoot, `src/${folder}`));
    expect(files.length).toBeGreaterThan(40);
    expect(files.flatMap((path) => checkPureZone(readSource(projectRoot, path)))).toEqual([]);
  });
});
