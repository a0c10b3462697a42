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
}

const ESCAPE = String.fromCharCode(27);
const COLOUR_CODES = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');

/** Width on screen: code points, without colour codes. */
function widthOf(text: string): number {
  return [...text.replace(COLOUR_CODES, '')].length;
}

/**
 * Lays rows out in columns two spaces apart, under a heading unless every title is empty.
 * @returns lines joined by newlines, none at the end, no trailing spaces
 */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => column.title);
  const lines = titles.every((title) => title === '') ? rows : [titles, ...rows];
  const widths = columns.map((_, at) =>
    lines.reduce((most, line) => Math.max(most, widthOf(line[at] ?? '')), 0),
  );
  return lines
    .map((line) =>
      columns
        .map((column, at) => {
          const text = line[at] ?? '';
          const space = ' '.repeat((widths[at] ?? 0) - widthOf(text));
          return column.align === 'right' ? space + text : text + space;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1234567.891` with 2 decimals is `1,234,567.89`. */
export const formatNumber = number;
