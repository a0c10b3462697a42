import { createInterface } from 'node:readline/promises';
import { InputError } from '../domain/errors.ts';

/**
 * Asks a person to type a word. Only a terminal is asked: a pipe could hold anything.
 * @param unattended the option that says yes beforehand
 * @throws InputError CONFIRMATION_MISSING where nobody can be asked, or something else was typed
 */
export async function confirmTyped({
  word,
  question,
  unattended,
}: {
  readonly word: string;
  readonly question: string;
  readonly unattended: string;
}): Promise<void> {
  if (process.stdin.isTTY !== true) {
    throw new InputError(
      'CONFIRMATION_MISSING',
      `standard input is no terminal, so nobody can be asked; nothing was done. ${unattended} confirms beforehand`,
    );
  }
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const typed = await reader.question(`${question} Type ${word} to confirm: `);
    if (typed.trim() === word) return;
  } finally {
    reader.close();
  }
  throw new InputError('CONFIRMATION_MISSING', `expected ${word}; nothing was done`);
}
