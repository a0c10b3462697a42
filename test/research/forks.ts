import type { SettingChanges } from '../../src/domain/setting-changes.ts';
import type { Engine } from '../../src/engine/engine-state.ts';
import type { TapeRecord } from '../../src/events/record.ts';
import { type RunIdentity, runIdOf } from '../../src/modes/run-identity.ts';
import { runSessions, type SessionRun } from '../../src/modes/run-sessions.ts';
import { forkTape } from '../../src/research/fork.ts';
import { memoryTape } from '../../src/tape/memory-tape.ts';
import { type SyntheticRunOptions, syntheticRun } from '../engine/synthetic-run.ts';
import { datasetOf, linesOf } from './tapes.ts';

export interface MadeTape {
  readonly run: SessionRun;
  readonly identity: RunIdentity;
  readonly records: readonly TapeRecord[];
  readonly decisionHead: string;
  readonly cycles: number;
  readonly engine: Engine;
}

export async function madeTape(
  options: SyntheticRunOptions,
  alter = (run: SessionRun) => run,
): Promise<MadeTape> {
  const synthetic = syntheticRun(options);
  const run = alter(synthetic);
  const { engine } = await runSessions(run);
  const { records, decisionHead } = synthetic.tape;
  const cycles = records.filter(({ type }) => type === 'CycleCompleted').length;
  return { run, identity: run.identity, records, decisionHead, cycles, engine };
}

/** Forks a tape in memory. */
export async function forked(made: MadeTape, cycle: number, changes: SettingChanges): Promise<MadeTape> {
  const { run, identity } = made;
  const origin = { runId: runIdOf(identity), chainHead: '0'.repeat(64), cycle, changes };
  const forks = [...(identity.forks ?? []), origin];
  const tape = memoryTape({ keepRecords: true });
  const lines = linesOf(made.records);
  const ofFork = { ...identity, forks };
  const engine = await forkTape({ openTape: () => lines, identity: ofFork, dataset: datasetOf(run), tape });
  const { records, decisionHead } = tape;
  return { run, identity: ofFork, records, decisionHead, cycles: made.cycles, engine };
}

/** What records hold, without their numbers. */
export function contentsOf(records: readonly TapeRecord[]): string[] {
  return records.map(({ t, type, payload }) => JSON.stringify({ t, type, payload }));
}
