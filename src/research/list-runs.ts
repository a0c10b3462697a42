import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError, SametapeError } from '../domain/errors.ts';
import { describeUnreadable, readBounded } from '../files/read-bounded.ts';
import { type RunIdentity, runIdOf } from '../modes/run-identity.ts';
import { readStoredHead } from '../tape/head-file.ts';
import { type RunFolder, runFolderAt } from '../tape/run-folder.ts';
import { tapeWriterOf } from '../tape/tape-lock.ts';
import { recordedIdentity } from './recorded-scenario.ts';

/** A run folder at a glance: who it is, from the first record of its tape, and what it came to, from its summary. */
export interface ListedRun {
  readonly name: string;
  /** `running` while a process writes its tape; `partial` where none does and the tape is not closed. */
  readonly state: 'ended' | 'running' | 'partial' | 'unreadable';
  /** Why it is unreadable, or has no result. */
  readonly problem?: string;
  readonly identity?: RunIdentity;
  readonly runId?: string;
  /** When its folder was made, by the clock of its host; ISO 8601. */
  readonly madeAt?: string;
  /** As its summary says; `verify` and `replay` prove it. */
  readonly result?: RunResult;
}

const resultSchema = z.object({
  runId: z.string(),
  decisionHead: z.string().regex(/^[0-9a-f]{64}$/),
  cycles: z.number(),
  fills: z.number(),
  statistics: z.object({
    sessions: z.array(z.unknown()),
    netPnlMicros: z.number(),
    totalReturn: z.number(),
    sharpe: z.number().nullable(),
    maxDrawdown: z.object({ frac: z.number() }),
  }),
});
export type RunResult = z.infer<typeof resultSchema>;
const hostSchema = z.object({ writtenAt: z.iso.datetime() });

/** Far more than any of them holds. */
const MAX_VIEW_BYTES = 16 * 1024 * 1024;

/**
 * The runs that lie in a folder, the oldest first. Reads the first record of each tape and the views beside it, never
 * a whole tape.
 * @throws InputError RUNS_UNREADABLE when the folder cannot be read
 */
export function listRuns(dir: string): ListedRun[] {
  return foldersIn(dir)
    .map((name) => runFolderAt(join(dir, name)))
    .filter(({ tapeDir }) => existsSync(tapeDir))
    .map(listedRun)
    .sort((a, b) => compareCodeUnits(a.madeAt ?? '', b.madeAt ?? '') || compareCodeUnits(a.name, b.name));
}

function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'no such folder' : `cannot be read (${code})`;
    throw new InputError('RUNS_UNREADABLE', `${dir}: ${what}; name one that holds runs`, { cause });
  }
}

function listedRun(folder: RunFolder): ListedRun {
  const name = basename(folder.dir);
  const { value: host } = readView(folder.hostFile, hostSchema);
  const made = host === undefined ? {} : { madeAt: host.writtenAt };
  let identity: RunIdentity;
  let state: ListedRun['state'];
  try {
    identity = recordedIdentity(folder.tapeDir);
    const isClosed = readStoredHead(folder.tapeDir) !== null;
    state = isClosed ? 'ended' : tapeWriterOf(folder.tapeDir) === undefined ? 'partial' : 'running';
  } catch (error) {
    if (!(error instanceof SametapeError)) throw error;
    return { name, state: 'unreadable', problem: error.message, ...made };
  }
  const runId = runIdOf(identity);
  const listed = { name, state, identity, runId, ...made };
  if (state !== 'ended') return listed;
  const { value: result, problem } = readView(folder.summaryFile, resultSchema);
  if (result === undefined) return { ...listed, problem: `summary.json: ${problem}` };
  if (result.runId !== runId) return { ...listed, problem: 'summary.json: is that of another run' };
  return { ...listed, result };
}

/** A view is for convenience: one that cannot be read says so, and nothing stops. */
function readView<T>(path: string, schema: z.ZodType<T>): { readonly value?: T; readonly problem?: string } {
  const read = readBounded(path, { maxBytes: MAX_VIEW_BYTES });
  if (read.kind !== 'read') return { problem: describeUnreadable(read) };
  try {
    const parsed = schema.safeParse(JSON.parse(read.bytes.toString('utf8')));
    return parsed.success ? { value: parsed.data } : { problem: 'does not hold what a summary holds' };
  } catch {
    return { problem: 'is not JSON' };
  }
}
