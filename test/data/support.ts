import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll } from 'vitest';
import { InputError, type SametapeError } from '../../src/domain/errors.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';

/** A folder for the tests of a file, removed after them. */
export function useTempDir(): { readonly path: (...parts: string[]) => string } {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'sametape-data-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return { path: (...parts) => join(dir, ...parts) };
}

/** Everything of a table as plain values, for comparison. */
export function plain(table: MarketTable): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [
      key,
      ArrayBuffer.isView(value) ? Array.from(value as never) : value,
    ]),
  );
}

/** Every file of a folder with its bytes. */
export function folderBytes(dir: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(dir.length)] = readFileSync(path, 'latin1');
  }
  return files;
}

export async function inputErrorOf(promise: Promise<unknown>): Promise<InputError> {
  const error: unknown = await promise.then(
    () => new Error('resolved'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof InputError)) throw error;
  if ((error as SametapeError).message.includes('\n')) throw new Error('the message has more than one line');
  return error;
}

/** Runs statements in an in-memory DuckDB and returns the rows of the last as JSON values. */
export async function duckdb(...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) {
      const reader = await connection.runAndReadAll(statement);
      rows = reader.getRowObjectsJson() as Record<string, unknown>[];
    }
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
