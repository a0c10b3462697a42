import { describe, expect, it } from 'vitest';
import { describeFailure } from '../../src/cli/errors.ts';
import { createProgress, progressLine } from '../../src/cli/progress.ts';
import { createPainter, hasColours, renderTable, screenWidth } from '../../src/cli/terminal.ts';
import { CheckFailedError, InputError, InvariantError } from '../../src/domain/errors.ts';
import { silentProgress } from '../../src/ports/progress.ts';

const terminal = { isTTY: true, write: () => true };
const pipe = { write: () => true };

describe('colours', () => {
  it.each([
    ['a terminal', terminal, {}, true],
    ['a pipe', pipe, {}, false],
    ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, false],
    ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, false],
  ])('%s', (_what, stream, environment, expected) => {
    expect(hasColours(stream, environment)).toBe(expected);
    expect(createPainter(stream, environment).red('x') !== 'x').toBe(expected);
  });
});

describe('tables', () => {
  it('align by the widest cell, numbers to the right, without trailing spaces', () => {
    const table = renderTable(
      [{ title: 'reason' }, { title: 'count', align: 'right' }, { title: '' }],
      [
        ['below_threshold', '1,234', ''],
        ['spread', '5', 'x'],
      ],
    );
    expect(table).toBe('reason           count\nbelow_threshold  1,234\nspread               5  x');
  });

  it('measure coloured text by what is seen, and leave out an empty heading', () => {
    const { green } = createPainter(terminal, {});
    const lines = renderTable(
      [{ title: '' }, { title: '' }],
      [
        [green('ok'), 'a'],
        ['longer', 'b'],
      ],
    ).split('\n');
    expect(lines).toEqual([`${green('ok')}      a`, 'longer  b']);
  });
});

describe('progress', () => {
  it('is silent in a pipe', () => {
    expect(createProgress(pipe)).toBe(silentProgress);
  });

  it('says share, counts, rate and time to go', () => {
    expect(progressLine({ done: 620, total: 1000, seconds: 4, label: '2024-03-04' }, 10)).toBe(
      '[██████░░░░] 62 %  620/1,000  155/s  ETA 2 s  2024-03-04',
    );
    expect(progressLine({ done: 620, total: 0, seconds: 4, label: 'cycles' })).toBe('620  155/s  cycles');
    expect(progressLine({ done: 0, total: 0, seconds: 0, label: '' })).toBe('0  0/s');
    expect(progressLine({ done: 12, total: 10, seconds: 1, label: '' }, 4)).toContain('100 %');
  });

  it('draws no more often where the total is not known', () => {
    const frames: string[] = [];
    let now = 0;
    const stream = { isTTY: true, columns: 60, write: (text: string) => frames.push(text) };
    const progress = createProgress(stream, () => now);
    for (; now < 1000; now++) progress.update(now, 0, 'cycles');
    expect(frames).toHaveLength(10);
  });

  it('draws on a terminal, ten times a second at most, and always the end', () => {
    let written = '';
    const stream = {
      isTTY: true,
      columns: 60,
      write: (text: string) => {
        written += text;
      },
    };
    let now = 0;
    const progress = createProgress(stream, () => now);
    for (let done = 1; done <= 1000; done++) {
      now += 1;
      progress.update(done, 1000, 'day');
    }
    progress.stop();
    const frames = written.split('\r').slice(1);
    expect(frames).toHaveLength(12);
    for (const frame of frames) expect([...frame].length).toBeLessThan(60 + 3);
    expect(frames.at(-2)).toContain('100 %');
    expect(frames.at(-1)).toBe('\u001b[K');
  });
});

describe('a table on a narrow screen', () => {
  const columns = [
    { title: 'symbol' },
    { title: 'rows', align: 'right', isExtra: true },
    { title: 'note', isExtra: true },
  ] as const;
  const rows = [['AAA', '12', 'a note that is long']];

  it('is whole where it fits, and in a pipe', () => {
    const whole = 'symbol  rows  note\nAAA       12  a note that is long';
    expect(renderTable(columns, rows, 33)).toBe(whole);
    expect(renderTable(columns, rows, undefined)).toBe(whole);
  });

  it('leaves extra columns out from the right, and names them', () => {
    expect(renderTable(columns, rows, 32)).toBe(
      'symbol  rows\nAAA       12\n(note: on a wider screen, or with --json)',
    );
    expect(renderTable(columns, rows, 8)).toBe(
      'symbol\nAAA\n(rows, note: on a wider screen, or with --json)',
    );
  });

  it('gives each row lines of its own where that does not help', () => {
    expect(renderTable(columns, [...rows, ['BBB', '', 'x']], 5)).toBe(
      'symbol  AAA\nrows    12\nnote    a note that is long\n\nsymbol  BBB\nnote    x',
    );
  });

  it('knows a screen from a pipe', () => {
    const write = (): void => undefined;
    expect(screenWidth({ write, isTTY: true, columns: 60 })).toBe(60);
    expect(screenWidth({ write, columns: 60 })).toBeUndefined();
    expect(screenWidth({ write, isTTY: true })).toBeUndefined();
  });
});

describe('failures', () => {
  it.each([
    ['input', new InputError('X', 'bad\ninput'), 2, 'bad input'],
    ['a failed check', new CheckFailedError('X', 'differs'), 1, 'differs'],
    [
      'the operating system',
      Object.assign(new Error('x'), { code: 'EACCES', syscall: 'open', path: '/a' }),
      2,
      '/a: permission denied (open)',
    ],
    [
      'the operating system, which names no path where it writes to an open file',
      Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write' }),
      2,
      'no space left on the disk (write)',
    ],
  ])('%s', (_what, error, exitCode, message) => {
    expect(describeFailure(error)).toEqual({ exitCode, message });
  });

  it.each([
    ['a broken invariant', new InvariantError('cash is off by 1')],
    ['an unknown error', new TypeError('cash is off by 1')],
    ['a thrown text', 'cash is off by 1'],
  ])('%s is internal and says how to report it', (_what, error) => {
    const { exitCode, message } = describeFailure(error);
    expect(exitCode).toBe(3);
    expect(message).toMatch(/^internal error: .*cash is off by 1 - this is a bug in sametape; please report/);
    expect(message).not.toContain('\n');
  });
});
