import type { Command } from 'commander';
import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import { parseSetOptions, textOverride } from '../config/overrides.ts';

export interface ScenarioOptions {
  readonly set?: readonly string[];
  readonly predictions?: string;
}

/** Adds `--set` and says how it reads values. */
export function withSetOption(command: Command): Command {
  return command.option(
    '--set <key=value>',
    'set a scenario key for this run, value as YAML; repeat it for more',
    (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
  );
}

/** Loads a scenario with what the command line changes. Paths on the command line start from the current directory. */
export function loadWithOptions(file: string, options: ScenarioOptions): LoadedScenario {
  const baseDir = process.cwd();
  const overrides = parseSetOptions(options.set ?? [], baseDir);
  if (options.predictions !== undefined) {
    overrides.push(
      textOverride({
        option: '--predictions',
        path: ['models', 'predictions'],
        value: options.predictions,
        baseDir,
      }),
    );
  }
  return loadScenario({ file, overrides });
}
