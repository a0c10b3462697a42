import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson } from '../events/canonical.ts';
import type { Json } from '../events/record.ts';
import { readStoredHead } from '../tape/head-file.ts';
import { readJson, runFolderAt, writeJsonAtomic } from '../tape/run-folder.ts';
import type { PlannedTrial } from './sweep-plan.ts';

/** Where everything of a sweep lies. */
export interface SweepFolder {
  readonly dir: string;
  /** Run folders of the trials that are kept. */
  readonly runsDir: string;
  /** What each finished trial came to: what a second start goes on with. */
  readonly trialsDir: string;
}

export function sweepFolderAt(dir: string): SweepFolder {
  return { dir, runsDir: join(dir, 'runs'), trialsDir: join(dir, 'trials') };
}

const nullableNumber = z.number().nullable();

/** What a sweep reads of the summary of a run. */
const summarySchema = z.object({
  runId: z.string(),
  chainHead: z.string(),
  decisionHead: z.string(),
  orders: z.int(),
  fills: z.int(),
  statistics: z.object({
    sessions: z.array(z.object({ date: z.string(), equityMicros: z.number() })).min(1),
    initialEquityMicros: z.number(),
    finalEquityMicros: z.number(),
    netPnlMicros: z.number(),
    grossPnlMicros: z.number(),
    feesMicros: z.number(),
    borrowFeesMicros: z.number(),
    turnover: nullableNumber,
    sharpe: nullableNumber,
    maxDrawdown: z.object({ frac: z.number() }),
    roundTrips: z.object({ count: z.int() }),
  }),
});

export type TrialSummary = z.infer<typeof summarySchema>;

/** What the run folder of a trial says it came to; undefined where there is none, or one of another run. */
export function readSummary(folder: SweepFolder, trial: PlannedTrial): TrialSummary | undefined {
  const { summaryFile } = runFolderAt(runDirOf(folder, trial));
  return existsSync(summaryFile) ? summaryOf(trial, readJson(summaryFile)) : undefined;
}

/** Keeps what a finished run came to, apart from its folder, which may not be kept. */
export function writeRecord(folder: SweepFolder, trial: PlannedTrial): void {
  const summary = readJson(runFolderAt(runDirOf(folder, trial)).summaryFile);
  writeJsonAtomic(recordFile(folder, trial), { sha256: sealOf(summary), summary });
}

/** What a trial came to; undefined where it has not run, or what is there is damaged, edited, or of another run. */
export function readRecord(folder: SweepFolder, trial: PlannedTrial): TrialSummary | undefined {
  const path = recordFile(folder, trial);
  if (!existsSync(path)) return undefined;
  try {
    const { sha256, summary } = readJson(path) as { readonly sha256?: Json; readonly summary: Json };
    return sha256 === sealOf(summary) ? summaryOf(trial, summary) : undefined;
  } catch {
    return undefined;
  }
}

function summaryOf(trial: PlannedTrial, summary: Json): TrialSummary | undefined {
  const { success, data } = summarySchema.safeParse(summary);
  return success && data.runId === trial.runId ? data : undefined;
}

function recordFile({ trialsDir }: SweepFolder, { runName }: PlannedTrial): string {
  return join(trialsDir, `${runName}.json`);
}

function sealOf(summary: Json): string {
  return createHash('sha256').update(canonicalJson(summary)).digest('hex');
}

export function runDirOf({ runsDir }: SweepFolder, { runName }: PlannedTrial): string {
  return join(runsDir, runName);
}

/** Whether the folder of a run is there, closed, with the tape that the record tells of. */
export function isKept(folder: SweepFolder, trial: PlannedTrial, { chainHead }: TrialSummary): boolean {
  const stored = readStoredHead(runFolderAt(runDirOf(folder, trial)).tapeDir);
  return stored !== null && stored !== 'unreadable' && stored.head === chainHead;
}
