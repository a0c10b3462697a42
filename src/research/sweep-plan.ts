import { createHash } from 'node:crypto';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import { predictionKeyOf } from '../modes/open-inference.ts';
import { identifyRun, prepareRun } from '../modes/prepare.ts';
import { type RunIdentity, runIdOf } from '../modes/run-identity.ts';
import type { Progress } from '../ports/progress.ts';
import { cyclesIn } from '../sources/session-timeline.ts';
import {
  type Combination,
  combinationsOf,
  combinationText,
  type SweepSpec,
  scenarioOf,
} from './sweep-grid.ts';

/** One combination, checked, and the run it will be. */
export interface PlannedTrial {
  /** From 1, in the order of the grid. */
  readonly trial: number;
  readonly values: Combination;
  /** For messages: `sizing.grossTarget=0.4`. */
  readonly text: string;
  readonly runId: string;
  /** Name of its run folder. */
  readonly runName: string;
  readonly cycles: number;
}

export interface SweepPlan {
  readonly spec: SweepSpec;
  readonly scenario: string;
  /** Hash of the ids of its runs: of everything that decides them, code, models and data included. */
  readonly sweepId: string;
  readonly trials: readonly PlannedTrial[];
  /** Dates; undefined where trials do not have the same. */
  readonly sessions: readonly string[] | undefined;
  /** Of the trial that has the fewest. */
  readonly fewestSessions: number;
}

/**
 * Checks every combination, before any of them runs.
 * @throws InputError SWEEP_REFUSED naming the first that a run would refuse, SWEEP_REPEATS for two that are one run
 */
export async function planSweep(spec: SweepSpec, progress: Progress): Promise<SweepPlan> {
  const combinations = combinationsOf(spec.axes, spec.draw);
  const dates: (readonly string[])[] = [];
  let scenarioName: string | undefined;
  const trials: PlannedTrial[] = [];
  const refused: { readonly at: number; readonly error: InputError }[] = [];
  const isOpenable = openableOnce();
  for (const [at, values] of combinations.entries()) {
    progress.update(at, combinations.length, 'checking');
    try {
      const scenario = scenarioOf(spec, values, process.cwd());
      const { identity, sessions } = await identifyRun(scenario);
      await isOpenable(scenario, identity);
      const runId = runIdOf(identity);
      const { cycleMinutes } = identity.settings;
      scenarioName ??= identity.scenario;
      dates.push(identity.sessions);
      trials.push({
        trial: at + 1,
        values,
        text: combinationText(spec.axes, values),
        runId,
        runName: `${scenario.name}-${runId.slice(0, 12)}`,
        cycles: sessions.reduce((sum, session) => sum + cyclesIn(session, cycleMinutes), 0),
      });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      refused.push({ at, error });
    }
  }
  progress.stop();
  const first = refused[0];
  if (first !== undefined) {
    const text = combinationText(spec.axes, combinations[first.at]!);
    throw new InputError(
      'SWEEP_REFUSED',
      `${refused.length} of ${combinations.length} combinations cannot run, and none was started; the first, ${text}: ${first.error.message}`,
      { cause: first.error },
    );
  }
  expectDistinct(trials);
  return {
    spec,
    scenario: scenarioName!,
    sweepId: sha256(canonicalJson(trials.map(({ runId }) => runId))),
    trials,
    sessions: commonSessions(dates),
    fewestSessions: dates.reduce((fewest, { length }) => Math.min(fewest, length), Number.POSITIVE_INFINITY),
  };
}

/** Opens models and recordings once for all trials that ask the same of them: most sweeps vary something else. */
function openableOnce(): (scenario: LoadedScenario, identity: RunIdentity) => Promise<void> {
  const opened = new Set<string>();
  return async (scenario, identity) => {
    const { runRootDir, predictionsFile } = scenario.resolvedPaths;
    const { deadline } = identity.settings.prediction;
    const key = JSON.stringify([predictionKeyOf(identity), runRootDir, predictionsFile, deadline]);
    if (opened.has(key)) return;
    const { inference } = await prepareRun(scenario);
    await inference?.close();
    opened.add(key);
  };
}

/** Counted as two trials, one run would pass for evidence twice. */
function expectDistinct(trials: readonly PlannedTrial[]): void {
  const seen = new Map<string, PlannedTrial>();
  for (const trial of trials) {
    const same = seen.get(trial.runId);
    if (same !== undefined) {
      throw new InputError(
        'SWEEP_REPEATS',
        `--vary: ${same.text} and ${trial.text} are the same run, so that nothing is varied between them; leave one out`,
      );
    }
    seen.set(trial.runId, trial);
  }
}

function commonSessions(dates: readonly (readonly string[])[]): readonly string[] | undefined {
  const first = dates[0]!.join();
  return dates.every((sessions) => sessions.join() === first) ? dates[0] : undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
