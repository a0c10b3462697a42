import { expectForkable } from '../config/fork-keys.ts';
import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import type { Override } from '../config/overrides.ts';
import { resolveSettings } from '../config/resolve.ts';
import { InputError } from '../domain/errors.ts';
import { type SettingChanges, settingChanges } from '../domain/setting-changes.ts';
import { settingOf, TIGHTENABLE_LIMITS } from '../domain/tighten.ts';
import { codeSha256 } from '../modes/code-identity.ts';
import type { RunIdentity } from '../modes/run-identity.ts';
import { COMPLETED } from '../modes/run-sessions.ts';
import { GENESIS } from '../tape/chain.ts';
import { readStoredHead } from '../tape/head-file.ts';
import { readTape } from '../tape/read-tape.ts';
import { runFolderAt } from '../tape/run-folder.ts';
import { loadRecordedScenario } from './recorded-scenario.ts';
import { isRecordedOnly } from './replay.ts';

/** Where a run can be left: what its tape says of a cycle. */
export interface ForkPoint {
  /** Chain head before the cycle fell due. */
  readonly chainHead: string;
  readonly cycles: number;
}

/**
 * Checks that a run can be made again from its tape and this code.
 * @throws InputError FORK_LIVE, FORK_OTHER_CODE, FORK_BEFORE_FORK
 */
export function expectForkableRun(runDir: string, identity: RunIdentity, cycle: number): void {
  const { mode, codeSha256: written, forks = [] } = identity;
  if (isRecordedOnly(identity)) {
    throw new InputError(
      'FORK_LIVE',
      `${runDir}: a ${mode?.kind} run with ${mode?.source} data and the ${mode?.broker} broker cannot be forked: what its market and broker would have answered is not known; run its scenario over a dataset and fork that`,
    );
  }
  const present = codeSha256();
  if (written !== present) {
    throw new InputError(
      'FORK_OTHER_CODE',
      `${runDir}: made by other code (${written.slice(0, 12)}), this is ${present.slice(0, 12)}; fork it with the version that made it, or run its scenario anew`,
    );
  }
  const last = forks.at(-1);
  if (last !== undefined && cycle < last.cycle) {
    throw new InputError(
      'FORK_BEFORE_FORK',
      `--at ${cycle}: the run is itself a fork from cycle ${last.cycle} on; fork run ${last.runId.slice(0, 12)}, which it left, or name a later cycle`,
    );
  }
}

/**
 * Reads the whole tape of a run that is to be forked, every byte checked.
 * @throws InputError FORK_RUN_UNFINISHED, CYCLE_UNKNOWN; TapeFaultError where it is damaged
 */
export function findForkPoint(runDir: string, cycle: number): ForkPoint {
  const { tapeDir } = runFolderAt(runDir);
  let before = GENESIS;
  let chainHead: string | undefined;
  let cycles = 0;
  let reason: unknown;
  for (const { record, chain } of readTape(tapeDir)) {
    if (record.type === 'CycleDue') {
      cycles = record.payload.cycle as number;
      if (cycles === cycle) chainHead = before;
    } else if (record.type === 'RunStopped') reason = record.payload.reason;
    before = chain;
  }
  if (reason !== COMPLETED || readStoredHead(tapeDir) === null) {
    const what = reason === undefined ? 'its tape is not closed' : `it stopped (${String(reason)})`;
    throw new InputError(
      'FORK_RUN_UNFINISHED',
      `${runDir}: did not run to its end: ${what}; fork a run that did, or run its scenario anew`,
    );
  }
  if (chainHead !== undefined) return { chainHead, cycles };
  throw new InputError('CYCLE_UNKNOWN', `--at ${cycle}: the run has cycles 1 to ${cycles}`);
}

/**
 * The scenario of a run with other values, and what these change.
 * @throws InputError FORK_KEY for a key that cannot change while a run goes on; ScenarioError for one that no scenario has
 */
export async function changedScenario(
  runDir: string,
  { identity, overrides }: { readonly identity: RunIdentity; readonly overrides: readonly Override[] },
): Promise<{ readonly scenario: LoadedScenario; readonly changes: SettingChanges }> {
  for (const override of overrides) expectForkable(override);
  const before = await loadRecordedScenario(runDir);
  const loaded = loadScenario({ file: before.resolvedPaths.scenarioFile, overrides });
  const settings = resolveSettings(loaded.scenario, identity.horizons);
  const changes = settingChanges(before.settings.engine, settings.engine);
  return {
    scenario: { ...loaded, settings },
    changes: { ...changes, ...namedLimits(overrides, settings.engine.risk) },
  };
}

/** A limit may have been tightened since the run began: named, it is what was asked for, also where that was it at first. */
function namedLimits(
  overrides: readonly Override[],
  risk: LoadedScenario['settings']['engine']['risk'],
): SettingChanges {
  const named = TIGHTENABLE_LIMITS.filter((limit) =>
    overrides.some(
      ({ path: [section, key], node }) =>
        section === 'risk' &&
        (key === limit || (key === undefined && node.kind === 'map' && node.entries.has(limit))),
    ),
  );
  return Object.fromEntries(
    named.map((limit) => {
      const key = settingOf(limit);
      return [key, risk[key.slice('risk.'.length) as 'maxGrossFrac']];
    }),
  );
}
