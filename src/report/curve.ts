/** Columns a curve is kept in at most: more than a chart has pixels across. */
const MOST_COLUMNS = 1200;

/** Some consecutive values: the least and the greatest, NaN where there was none, which of the two came later, and the sum. */
interface Column {
  min: number;
  max: number;
  isMaxLater: boolean;
  sum: number;
  count: number;
}

interface Series {
  readonly columns: Column[];
  last: number | undefined;
}

/**
 * Series over the points of a run, in memory that does not grow with it: when the columns are used up, each two become
 * one that spans both. A column keeps the least and the greatest value of its points, so that no extreme is ever lost.
 */
export interface Curve {
  /** Points so far, and points a column. */
  points: number;
  stride: number;
  readonly series: Map<string, Series>;
  /** What happened at the points of each column, by name: counts. */
  readonly marks: Map<string, number[]>;
}

export function createCurve(): Curve {
  return { points: 0, stride: 1, series: new Map(), marks: new Map() };
}

/** Takes the values of one more point; a series that is not named has none there. */
export function addPoint(curve: Curve, values: Iterable<readonly [name: string, value: number]>): void {
  if (curve.points === MOST_COLUMNS * curve.stride) mergeColumns(curve);
  const column = Math.floor(curve.points / curve.stride);
  curve.points += 1;
  for (const [name, value] of values) {
    const series = curve.series.get(name) ?? { columns: [], last: undefined };
    curve.series.set(name, series);
    while (series.columns.length <= column) series.columns.push(emptyColumn());
    extend(series.columns[column], value);
    series.last = value;
  }
}

/** Marks the newest point. */
export function addMark(curve: Curve, name: string): void {
  const counts = curve.marks.get(name) ?? [];
  curve.marks.set(name, counts);
  const column = Math.floor(Math.max(0, curve.points - 1) / curve.stride);
  counts[column] = (counts[column] ?? 0) + 1;
}

/** One vertex of a series: how far along the run it is, 0 to 1, and its value. */
export interface Vertex {
  readonly at: number;
  readonly value: number;
}

/** The series as lines from left to right, through every extreme; it is broken where there are no values. */
export function linesOf(curve: Curve, name: string): readonly (readonly Vertex[])[] {
  const lines: Vertex[][] = [];
  let line: Vertex[] | undefined;
  const { columns = [], last } = curve.series.get(name) ?? {};
  columns.forEach(({ min, max, isMaxLater }, column) => {
    if (Number.isNaN(min)) {
      line = undefined;
      return;
    }
    if (line === undefined) {
      line = [];
      lines.push(line);
    }
    const from = column * curve.stride;
    const to = Math.min(from + curve.stride, curve.points) - 1;
    line.push({ at: placeOf(curve, from), value: isMaxLater ? min : max });
    if (min !== max) line.push({ at: placeOf(curve, to), value: isMaxLater ? max : min });
  });
  const end = line?.at(-1);
  if (line !== undefined && end !== undefined && last !== undefined && end.value !== last) {
    line.push({ at: end.at, value: last });
  }
  return lines;
}

/** A stretch of the run: how far along it is, 0 to 1, and the values there. */
export interface Stretch {
  readonly at: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

/** The series where it is too dense for a line: its range and its mean, stretch by stretch, broken as `linesOf`. */
export function bandsOf(curve: Curve, name: string): readonly (readonly Stretch[])[] {
  const bands: Stretch[][] = [];
  let isOpen = false;
  curve.series.get(name)?.columns.forEach(({ min, max, sum, count }, column) => {
    if (count > 0) {
      if (!isOpen) bands.push([]);
      const at = placeOf(curve, (column + 0.5) * curve.stride);
      bands[bands.length - 1].push({ at, min, max, mean: sum / count });
    }
    isOpen = count > 0;
  });
  return bands;
}

/** Where along the run a point is, 0 to 1. */
export function placeOf({ points }: Curve, point: number): number {
  return points < 2 ? 0 : Math.min(1, point / (points - 1));
}

/** Least and greatest value of a series; undefined where it has none. */
export function rangeOf(
  { series }: Curve,
  name: string,
): { readonly min: number; readonly max: number } | undefined {
  let min = Infinity;
  let max = -Infinity;
  for (const column of series.get(name)?.columns ?? []) {
    if (column.min < min) min = column.min;
    if (column.max > max) max = column.max;
  }
  return min > max ? undefined : { min, max };
}

/** Marks of one name, put together where they would lie on each other. */
export function marksOf(
  curve: Curve,
  name: string,
  places: number,
): readonly { readonly at: number; readonly count: number }[] {
  const counts = new Map<number, number>();
  curve.marks.get(name)?.forEach((count, column) => {
    const place = Math.round(placeOf(curve, column * curve.stride) * places);
    counts.set(place, (counts.get(place) ?? 0) + count);
  });
  return [...counts].map(([place, count]) => ({ at: place / places, count }));
}

function emptyColumn(): Column {
  return { min: Number.NaN, max: Number.NaN, isMaxLater: true, sum: 0, count: 0 };
}

function extend(column: Column, value: number): void {
  column.sum += value;
  column.count += 1;
  if (Number.isNaN(column.min)) {
    column.min = value;
    column.max = value;
  } else if (value > column.max) {
    column.max = value;
    column.isMaxLater = true;
  } else if (value < column.min) {
    column.min = value;
    column.isMaxLater = false;
  }
}

function mergeColumns(curve: Curve): void {
  curve.stride *= 2;
  for (const { columns } of curve.series.values()) {
    for (let k = 0; 2 * k < columns.length; k += 1) {
      columns[k] = merged(columns[2 * k], columns[2 * k + 1] ?? emptyColumn());
    }
    columns.length = Math.ceil(columns.length / 2);
  }
  for (const counts of curve.marks.values()) {
    const before = counts.splice(0);
    before.forEach((count, column) => {
      const k = column >> 1;
      counts[k] = (counts[k] ?? 0) + count;
    });
  }
}

function merged(a: Column, b: Column): Column {
  if (Number.isNaN(a.min)) return b;
  if (Number.isNaN(b.min)) return a;
  const isMinInA = a.min <= b.min;
  const isMaxInA = a.max >= b.max;
  const isMaxLater = isMinInA === isMaxInA ? (isMinInA ? a : b).isMaxLater : isMinInA;
  return {
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    isMaxLater,
    sum: a.sum + b.sum,
    count: a.count + b.count,
  };
}
