import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { codeSha256, DECIDING_FOLDERS, OTHER_FOLDERS } from '../../src/modes/code-identity.ts';

const source = fileURLToPath(new URL('../../src/', import.meta.url));
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** One file in every folder, some of them changed. */
function tree(changed: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'sametape-code-'));
  folders.push(root);
  for (const folder of [...DECIDING_FOLDERS, ...OTHER_FOLDERS]) {
    mkdirSync(join(root, folder, 'inner'), { recursive: true });
    writeFileSync(join(root, folder, 'inner/a.ts'), changed[folder] ?? 'export const a = 1;\n');
  }
  return root;
}

const hashOf = (root: string): string => codeSha256(undefined, root);

it('knows every folder of the sources: it decides what a tape holds, or cannot', () => {
  const present = readdirSync(source, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  expect([...DECIDING_FOLDERS, ...OTHER_FOLDERS].sort()).toEqual(present.sort());
});

it('changes with any file of a deciding folder, and with no other', () => {
  const base = hashOf(tree());
  expect(hashOf(tree())).toBe(base);
  for (const folder of DECIDING_FOLDERS)
    expect(hashOf(tree({ [folder]: 'export {};\n' })), folder).not.toBe(base);
  for (const folder of OTHER_FOLDERS) expect(hashOf(tree({ [folder]: 'export {};\n' })), folder).toBe(base);
});

it('does not depend on how lines end', () => {
  expect(hashOf(tree({ runtime: 'export const a = 1;\r\n' }))).toBe(hashOf(tree()));
});

it('changes with one line of what drives, answers, feeds or starts a run, in a copy of the sources', () => {
  const root = mkdtempSync(join(tmpdir(), 'sametape-code-'));
  folders.push(root);
  cpSync(source, root, { recursive: true });
  const base = hashOf(root);
  expect(base).toBe(codeSha256());
  const files = [
    ...['runtime/run-loop.ts', 'models/onnx-session.ts', 'models/signal-layout.ts', 'modes/run-sessions.ts'],
    ...['modes/prepare.ts', 'sources/session-timeline.ts', 'data/dataset.ts', 'tape/node-base64.ts'],
  ];
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    writeFileSync(join(root, file), `${text}// another\n`);
    expect(hashOf(root), file).not.toBe(base);
    writeFileSync(join(root, file), text);
  }
  expect(hashOf(root)).toBe(base);
});
