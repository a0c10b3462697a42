import { readFileSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { InputError } from '../domain/errors.ts';
import { withoutSecretValues } from '../files/secret-values.ts';
import { TapeFaultError } from '../tape/faults.ts';
import { COMMANDS, type CommandEntry } from './commands.ts';
import { describeFailure, EXIT, oneLine, systemText } from './errors.ts';

/** A topic of `help` that is no command. */
const JSON_TOPIC = 'json';

const HELP_AFTER = `
Examples:
  $ sametape run scenarios/quickstart.yaml
  $ sametape replay runs/RUN_ID
  $ sametape explain runs/RUN_ID --cycle 100 --symbol AAA
  $ sametape config validate scenarios/quickstart.yaml
  $ sametape run --help
  $ sametape help json     the keys of everything that --json prints

Exit codes:
  0    ok
  1    a check failed: a difference was found
  2    bad usage or input
  3    internal error: a bug in sametape
  130  interrupted by Ctrl-C: a run is left partial, and is gone on with`;

/**
 * Runs one command line.
 * @param args arguments after the program's name
 * @returns the exit code: 0 ok, 1 a check failed, 2 bad usage or input, 3 internal; 130 where it was interrupted
 */
export async function main(args: readonly string[]): Promise<number> {
  survivesClosedPipes();
  try {
    if (args[0] === 'help' && args[1] === JSON_TOPIC) {
      process.stdout.write((await import('./json-shapes.ts')).jsonHelp());
      return EXIT.ok;
    }
    const program = await createProgram(args);
    expectHelpTopic(program, args);
    await program.parseAsync([...args], { from: 'user' });
    // A command that only reports (`verify`) may have set the code itself.
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    const { exitCode, message } = describeFailure(error);
    if (error instanceof TapeFaultError && args.includes('--json')) {
      process.stdout.write(`${JSON.stringify({ ok: false, fault: error.fault })}\n`);
    }
    if (message !== '') process.stderr.write(`sametape: ${withoutSecretValues(message)}\n`);
    if (process.env.SAMETAPE_DEBUG === '1' && error instanceof Error && exitCode !== EXIT.ok) {
      process.stderr.write(`${withoutSecretValues(error.stack ?? '')}\n`);
    }
    return exitCode;
  }
}

/** Builds the program with the module of the command that `args` name, and only that one, loaded. */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('sametape')
    .description(
      'Deterministic, event-sourced trading simulator: the same tape gives the same decisions, bit for bit.',
    )
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', HELP_AFTER)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${oneLine(text.replace(/^error: /, 'sametape: '))}\n`),
    });
  const wanted = wantedCommand(args);
  for (const entry of COMMANDS) {
    if (entry.name === wanted) await entry.register(program);
    else addStub(program, entry);
  }
  for (const command of program.commands) inheritManners(command, program);
  return program;
}

function wantedCommand(args: readonly string[]): string | undefined {
  const words = args.filter((arg) => !arg.startsWith('-'));
  return words[0] === 'help' ? words[1] : words[0];
}

/** Commander prints the whole help for a topic it does not know, and says nothing of it. */
function expectHelpTopic(program: Command, args: readonly string[]): void {
  const [first, topic] = args;
  if (first !== 'help' || topic === undefined || topic.startsWith('-') || topic === 'help') return;
  const names = [...program.commands.map((command) => command.name()), JSON_TOPIC];
  if (names.includes(topic)) return;
  throw new InputError('USAGE', `help: unknown command "${topic}"; expected one of ${names.join(', ')}`);
}

function addStub(program: Command, { name, summary }: CommandEntry): void {
  program.command(name).summary(summary).description(summary);
}

/** Commander copies settings only to commands made by `.command()`; this reaches those added ready-made too. */
function inheritManners(command: Command, program: Command): void {
  command.copyInheritedSettings(program);
  for (const inner of command.commands) inheritManners(inner, program);
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/**
 * `sametape … | head` closes our output early: what is not read is dropped, the work goes on. Output that cannot be
 * written for another reason, such as a full disk, is a failure: a cut answer must not pass for a whole one.
 */
function survivesClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', dropWhenClosed).on('error', dropWhenClosed);
  }
}

function dropWhenClosed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  try {
    writeSync(2, `sametape: the output cannot be written (${systemText(error)})\n`);
  } catch {
    // stderr may be what failed
  }
  process.exit(EXIT.badInput);
}
