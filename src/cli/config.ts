import type { Command } from 'commander';
import { scenarioJsonSchemaText } from '../config/json-schema.ts';
import { formatProblem, ScenarioError } from '../config/problems.ts';
import { showScenario } from '../config/show-scenario.ts';
import { EXIT } from './errors.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';
import { createPainter } from './terminal.ts';

interface ShowOptions extends ScenarioOptions {
  readonly json?: boolean;
}

export function registerConfigCommand(program: Command): void {
  const config = program
    .command('config')
    .summary('show, check and document scenarios')
    .description('Show, check and document scenarios.')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config validate scenarios/quickstart.yaml
  $ sametape config show scenarios/quickstart.yaml
  $ sametape config schema > scenario.schema.json`,
    );
  addShow(config);
  addValidate(config);
  addSchema(config);
}

function addShow(config: Command): void {
  const command = config
    .command('show')
    .summary('print a scenario with every default filled in')
    .description(
      'Print a scenario as a scenario file with every default filled in. A comment says where each value that is not a default was written.',
    )
    .argument('<scenario>', 'scenario .yaml file')
    .option(
      '--json',
      'print the settings in engine units, the part that a run is identified by, as one JSON object',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config show scenarios/quickstart.yaml
  $ sametape config show scenarios/quickstart.yaml --set extends=reference
  $ sametape config show scenarios/quickstart.yaml --json | jq .engine.sizing`,
    )
    .action((file: string, options: ShowOptions) => {
      const loaded = loadWithOptions(file, options);
      process.stdout.write(
        options.json === true ? `${JSON.stringify(loaded.settings)}\n` : showScenario(loaded, process.cwd()),
      );
    });
  withSetOption(command);
}

function addValidate(config: Command): void {
  const command = config
    .command('validate')
    .summary('check a scenario and list every problem')
    .description('Check a scenario and list every problem with its place. Exit code 2 when there is one.')
    .argument('<scenario>', 'scenario .yaml file')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config validate scenarios/quickstart.yaml
  $ sametape config validate my.yaml --set horizons=[5m,30m]`,
    )
    .action((file: string, options: ScenarioOptions) => {
      try {
        const { settings } = loadWithOptions(file, options);
        const green = createPainter(process.stdout).green;
        process.stdout.write(
          `${green('ok')}  ${file}: scenario ${settings.name}, horizons ${settings.horizons.map((horizon) => horizon.label).join(' ')}\n`,
        );
      } catch (error) {
        if (!(error instanceof ScenarioError)) throw error;
        for (const problem of error.problems) process.stderr.write(`sametape: ${formatProblem(problem)}\n`);
        process.exitCode = EXIT.badInput;
      }
    });
  withSetOption(command);
}

function addSchema(config: Command): void {
  config
    .command('schema')
    .summary('print the JSON Schema of scenario files')
    .description(
      'Print the JSON Schema of scenario files, for editors: name it in the first line of a scenario, "# yaml-language-server: $schema=./scenario.schema.json".',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config schema > scenarios/scenario.schema.json`,
    )
    .action(() => {
      process.stdout.write(scenarioJsonSchemaText());
    });
}
