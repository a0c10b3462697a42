import pc from 'picocolors';
import { number } from '../report/format.ts';

/** What the terminal helpers need of a stream: `process.stdout` and `process.stderr` are such. */
export interface TextStream {
  readonly isTTY?: boolean;
  /** Width of the terminal. */
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Painter {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Colours only for a person: on a terminal, unless `NO_COLOR` is set (to anything but nothing) or the terminal is dumb. */
export function hasColours(stream: TextStream, environment: Environment = process.env): boolean {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
}

export function createPainter(stream: TextStream, environment: Environment = process.env): Painter {
  const { bold, dim, red, green, yellow } = pc.createColors(hasColours(stream, environment));
  return { bold, dim, red, green, yellow };
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be left out where the screen is too narrow; the rightmost goes first, and the table says so. */
  readonly isExtra?: boolean;
}

/** Columns of the screen behind standard output; undefined for a pipe or a file, which have no end of line to run into. */
export function screenWidth(stream: TextStream = process.stdout): number | undefined {
  return stream.isTTY === true && stream.columns ? stream.columns : undefined;
}

const ESCAPE = String.fromCharCode(27);
const COLOUR_CODES = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');

/** Width on screen: code points, without colour codes. */
function widthOf(text: string): number {
  return [...text.replace(COLOUR_CODES, '')].length;
}

/**
 * Lays rows out in columns two spaces apart, under a heading unless every title is empty. On a screen that is too narrow,
 * extra columns are left out, named below, and where that does not help each row becomes lines of its own.
 * @returns lines joined by newlines, none at the end, no trailing spaces
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = screenWidth(),
): string {
  const isTitled = columns.some(({ title }) => title !== '');
  const whole = grid(columns, rows);
  if (width === undefined || !isTitled || widest(whole) <= width) return whole.join('\n');
  const shown = columns.map((_, at) => at);
  const dropped: string[] = [];
  while (true) {
    const at = shown.findLastIndex((ix) => columns[ix]?.isExtra === true);
    if (at < 0) return stacked(columns, rows);
    dropped.unshift(...shown.splice(at, 1).map((ix) => columns[ix]?.title ?? ''));
    const lines = grid(
      shown.flatMap((ix) => columns[ix] ?? []),
      rows.map((row) => shown.map((ix) => row[ix] ?? '')),
    );
    const note = `(${dropped.join(', ')}: on a wider screen, or with --json)`;
    if (widest(lines) <= width) return [...lines, note].join('\n');
  }
}

function grid(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const titles = columns.map((column) => column.title);
  const lines = titles.every((title) => title === '') ? rows : [titles, ...rows];
  const widths = columns.map((_, at) =>
    lines.reduce((most, line) => Math.max(most, widthOf(line[at] ?? '')), 0),
  );
  return lines.map((line) =>
    columns
      .map((column, at) => {
        const text = line[at] ?? '';
        const space = ' '.repeat((widths[at] ?? 0) - widthOf(text));
        return column.align === 'right' ? space + text : text + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

function widest(lines: readonly string[]): number {
  return lines.reduce((most, line) => Math.max(most, widthOf(line)), 0);
}

/** A row below the other, a cell a line beside its title. */
function stacked(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  return rows
    .map((row) =>
      grid(
        [{ title: '' }, { title: '' }],
        columns.flatMap(({ title }, at) => (row[at] ? [[title, row[at]]] : [])),
      ).join('\n'),
    )
    .join('\n\n');
}

/** `1234567.891` with 2 decimals is `1,234,567.89`. */
export const formatNumber = number;

/** The start of a text that is longer than it is to be shown. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
