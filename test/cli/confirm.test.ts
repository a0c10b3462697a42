import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { confirmTyped } from '../../src/cli/confirm.ts';

/** A person at a terminal who types this, or leaves. */
function confirm(typed: string | null, { isTTY = true } = {}): { done: Promise<void>; asked: () => string } {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = new PassThrough();
  let said = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const done = confirmTyped({
    word: 'DU123',
    question: 'It will trade.',
    unattended: '--yes',
    input,
    output,
  });
  if (typed === null) input.end();
  else input.write(typed);
  return { done, asked: () => said };
}

describe('a typed confirmation', () => {
  it('is the whole word, and the question says which', async () => {
    const { done, asked } = confirm('DU123\n');
    await expect(done).resolves.toBeUndefined();
    expect(asked()).toContain('It will trade. Type DU123 to confirm: ');
  });

  it.each(['y\n', 'yes\n', '\n', 'du123\n', 'DU1234\n', null])('is not %j', async (typed) => {
    await expect(confirm(typed).done).rejects.toThrow('expected DU123; nothing was done');
  });

  it('is asked of a terminal only', async () => {
    const { done, asked } = confirm('DU123\n', { isTTY: false });
    await expect(done).rejects.toThrow('nobody can be asked; nothing was done. --yes confirms beforehand');
    expect(asked()).toBe('');
  });
});
