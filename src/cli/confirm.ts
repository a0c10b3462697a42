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
  input = process.stdin,
  output = process.stderr,
}: {
  readonly word: string;
  readonly question: string;
  readonly unattended: string;
  readonly input?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output?: NodeJS.WritableStream;
}): Promise<void> {
  if (input.isTTY !== true) {
    throw new InputError(
      'CONFIRMATION_MISSING',
      `standard input is no terminal, so nobody can be asked; nothing was done. ${unattended} confirms beforehand`,
    );
  }
  const reader = createInterface({ input, output });
  const closed = new Promise<string>((done) => reader.once('close', () => done('')));
  try {
    // the input may end without an answer
    const typed = await Promise.race([reader.question(`${question} Type ${word} to confirm: `), closed]);
    if (typed.trim() === word) return;
  } finally {
    reader.close();
  }
  throw new InputError('CONFIRMATION_MISSING', `expected ${word}; nothing was done`);
}
