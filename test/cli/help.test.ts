import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { createProgram } from '../../src/cli/main.ts';

/** The help of a command as a person sees it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function withInner(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withInner)];
}

describe('help', () => {
  it('lists every command with one line', async () => {
    const help = helpOf(await createProgram(['--help']));
    for (const { name, summary } of COMMANDS) {
      expect(help).toMatch(new RegExp(`^ {2}${name} `, 'm'));
      expect(help).toContain(summary.slice(0, 30));
    }
  });

  it.each(COMMANDS.map(({ name }) => name))(
    'of %s and all below it has a description and examples that start with it',
    async (name) => {
      const program = await createProgram([name, '--help']);
      const command = program.commands.find((candidate) => candidate.name() === name);
      expect(command).toBeDefined();
      for (const each of command === undefined ? [] : withInner(command)) {
        const help = helpOf(each);
        expect(each.description(), pathOf(each)).toMatch(/^[A-Z].*\.$/s);
        const examples = help.slice(help.indexOf('Examples:'));
        expect(help, pathOf(each)).toContain('Examples:');
        expect(examples, pathOf(each)).toContain(`  $ ${pathOf(each)}`);
        for (const option of each.options)
          expect(option.description, `${pathOf(each)} ${option.flags}`).not.toBe('');
      }
    },
  );

  it('of replay says that the tape of an interrupted run is no success, though its bits are the same', async () => {
    const program = await createProgram(['replay', '--help']);
    const replay = program.commands.find((command) => command.name() === 'replay');
    expect(helpOf(replay ?? expect.fail('no replay'))).toMatch(
      /1: .*not closed.*interrupted.*2: not a run folder/s,
    );
  });

  it('prefers the module of the command that is asked for, and only that', async () => {
    const program = await createProgram(['help', 'config']);
    const loaded = program.commands.filter(
      (command) => command.options.length > 0 || command.commands.length > 0,
    );
    expect(loaded.map((command) => command.name())).toEqual(['config']);
  });
});
