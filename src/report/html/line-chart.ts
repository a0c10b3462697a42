import { bandsOf, type Curve, linesOf, marksOf, placeOf, rangeOf, type Vertex } from '../curve.ts';
import { number } from '../format.ts';
import { html, type Markup } from './markup.ts';
import { decimalsOf, type Scale, scaleOf } from './scale.ts';

export interface ChartSeries {
  /** Of the curve. */
  readonly name: string;
  readonly label: string;
  /** `tone-1` and on: colour and dashes. */
  readonly tone: number;
  /** Of another run, and where a place along it lies along this one. */
  readonly of?: { readonly curve: Curve; readonly placed: (at: number) => number };
}

export interface LineChart {
  readonly title: string;
  /** What the chart shows, in words: its text alternative. */
  readonly description: string;
  readonly curve: Curve;
  readonly series: readonly ChartSeries[];
  readonly height: number;
  /** Filled from here; the axis holds it. */
  readonly baseline?: number;
  /** Text of a value on the axis. @param decimals that the ticks need */
  readonly tick: (value: number, decimals: number) => string;
  /** Ticks are round in this unit. */
  readonly unit: number;
  /** Names of marks on the curve, each with its own shape. */
  readonly marks?: readonly { readonly name: string; readonly label: string }[];
  /** Whether it swings so much that a long run shows the range and the mean of each stretch. */
  readonly isRestless?: boolean;
  readonly sessionStarts: readonly { readonly date: string; readonly point: number }[];
}

/** Drawn this wide and stretched to the page: only lines stretch, texts keep their size. */
const WIDTH = 1000;
const TOP = 8;
const BOTTOM = 22;
/** Places that marks are put together to. */
const MARK_PLACES = 160;
const MOST_SEPARATORS = 40;
const MOST_LABELS = 5;
/** Points a column from which on a restless series is a blot as a line. */
const DENSE_STRIDE = 4;
/** Length of a line that has one point, of the width. */
const DASH = 6;
const CHARACTER_WIDTH = 6.6;
/** Charts below each other line up, as long as their texts allow. */
const LEAST_AXIS_WIDTH = 78;

/** A figure with one axis, made of SVG alone: no script, no style of its own, the same at every width. */
export function lineChart(chart: LineChart): Markup {
  const { curve, series, height, baseline, unit, title, description, marks = [] } = chart;
  const ranges = series.flatMap(({ name, of }) => rangeOf(of?.curve ?? curve, name) ?? []);
  if (ranges.length === 0) return html``;
  const ends = baseline === undefined ? [] : [baseline];
  const scale = scaleOf({
    min: Math.min(...ends, ...ranges.map(({ min }) => min)) / unit,
    max: Math.max(...ends, ...ranges.map(({ max }) => max)) / unit,
  });
  const plotHeight = height - TOP - BOTTOM;
  const y = (value: number): number =>
    cut(((scale.max - value / unit) / (scale.max - scale.min)) * plotHeight);
  const isDense = chart.isRestless === true && curve.stride >= DENSE_STRIDE;
  const shown = marks.map((mark, shape) => ({ ...mark, shape })).filter(({ name }) => curve.marks.has(name));
  return html`<figure class="chart">
<figcaption><h3>${title}</h3>${series.length > 1 || shown.length > 0 ? legend(series, shown) : ''}</figcaption>
<div class="axes" role="img" aria-label="${description}">
${axis(chart, scale, y)}
<svg class="plot" height="${height}" aria-hidden="true">
${scale.ticks.map((tick) => gridLine('grid', TOP + y(tick * unit)))}${baseline !== undefined && gridLine('base', TOP + y(baseline))}
<svg x="0" y="${TOP}" width="100%" height="${plotHeight}" viewBox="0 0 ${WIDTH} ${plotHeight}" preserveAspectRatio="none">
${separators(chart).map(({ at }) => html`<path class="separator" d="M${cut(at * WIDTH)} 0V${plotHeight}"/>`)}
${series.map(({ name, tone, of }) => {
  if (of !== undefined) return paths(placedLines(of, name), { tone, y });
  return isDense
    ? bandPaths(bandsOf(curve, name), { tone, y })
    : paths(linesOf(curve, name), { tone, y, baseline });
})}
</svg>
${labels(chart, height)}
${shown.toReversed().map(({ name, label, shape }) => markShapes(curve, { name, label, shape, y: TOP + plotHeight }))}
</svg>
</div>
</figure>
`;
}

function legend(
  series: readonly ChartSeries[],
  marks: readonly { readonly label: string; readonly shape: number }[],
): Markup {
  return html`<ul class="legend" aria-hidden="true">${
    series.length > 1 &&
    series.map(
      ({ label, tone }) =>
        html`<li><svg width="22" height="10"><path class="line tone-${tone}" d="M1 5H21"/></svg> ${label}</li>`,
    )
  }${marks.map(
    ({ label, shape }) =>
      html`<li><svg width="14" height="12"><path class="mark mark-${shape}" d="${SHAPES[shape]}" transform="translate(7 11)"/></svg> ${label}</li>`,
  )}</ul>`;
}

function axis({ tick, height, unit }: LineChart, { ticks, step }: Scale, y: (v: number) => number): Markup {
  const decimals = decimalsOf(step);
  const texts = ticks.map((value) => tick(value, decimals));
  const longest = Math.max(...texts.map((text) => text.length));
  const width = Math.max(LEAST_AXIS_WIDTH, Math.ceil(longest * CHARACTER_WIDTH) + 8);
  return html`<svg class="axis" width="${width}" height="${height}" aria-hidden="true">${texts.map(
    (text, k) =>
      html`<text x="${width - 6}" y="${cut(TOP + y(ticks[k] * unit) + 4)}" text-anchor="end">${text}</text>`,
  )}</svg>`;
}

function gridLine(kind: 'grid' | 'base', y: number): Markup {
  return html`<line class="${kind}" x1="0" x2="100%" y1="${cut(y)}" y2="${cut(y)}"/>`;
}

function placedLines({ curve, placed }: NonNullable<ChartSeries['of']>, name: string): Vertex[][] {
  return linesOf(curve, name).map((line) => line.map(({ at, value }) => ({ at: placed(at), value })));
}

function paths(
  lines: readonly (readonly Vertex[])[],
  {
    tone,
    y,
    baseline,
  }: {
    readonly tone: number;
    readonly y: (value: number) => number;
    readonly baseline?: number | undefined;
  },
): Markup[] {
  return lines.map((vertices) => {
    const points = vertices.map(({ at, value }) => `${cut(at * WIDTH)} ${y(value)}`);
    const [first, last] = [vertices[0], vertices[vertices.length - 1]];
    // one point alone is a dash
    const line = `M${points.join('L')}${points.length === 1 ? `h${DASH}` : ''}`;
    const area =
      baseline === undefined
        ? undefined
        : `${line}L${cut(last.at * WIDTH)} ${y(baseline)}L${cut(first.at * WIDTH)} ${y(baseline)}Z`;
    return html`${area !== undefined && html`<path class="area tone-${tone}" d="${area}"/>`}<path class="line tone-${tone}" d="${line}"/>`;
  });
}

/** The range of each stretch as an area, and the mean as a line. */
function bandPaths(
  bands: ReturnType<typeof bandsOf>,
  { tone, y }: { readonly tone: number; readonly y: (value: number) => number },
): Markup[] {
  return bands.map((stretches) => {
    const edge = (of: 'min' | 'max' | 'mean'): string[] =>
      stretches.map((stretch) => `${cut(stretch.at * WIDTH)} ${y(stretch[of])}`);
    const area = `M${[...edge('max'), ...edge('min').reverse()].join('L')}Z`;
    return html`<path class="area tone-${tone}" d="${area}"/><path class="line tone-${tone}" d="M${edge('mean').join('L')}"/>`;
  });
}

/** Where sessions begin; where they are many, months or years. */
function separators({ sessionStarts, curve }: LineChart): readonly { readonly at: number; label: string }[] {
  const byLength = [10, 7, 4].map((length) =>
    sessionStarts.filter(
      ({ date }, k) => k === 0 || date.slice(0, length) !== sessionStarts[k - 1].date.slice(0, length),
    ),
  );
  const level = byLength.findIndex((starts) => starts.length <= MOST_SEPARATORS);
  const chosen = byLength[level === -1 ? 2 : level];
  return chosen.map(({ date, point }) => ({
    at: placeOf(curve, point - 1),
    label: date.slice(0, [10, 7, 4][level === -1 ? 2 : level]),
  }));
}

function labels(chart: LineChart, height: number): Markup[] {
  const all = separators(chart);
  const every = Math.ceil(all.length / MOST_LABELS);
  return all
    .filter(({ at }, k) => k % every === 0 && at < 0.86)
    .map(({ at, label }) => html`<text class="date" x="${cut(at * 100)}%" y="${height - 6}">${label}</text>`);
}

/** Each kind of mark has a shape, so that it is told from the others without its colour. */
const SHAPES = ['M-5 0L0 -10L5 0Z', 'M-4 -9L4 -1M4 -9L-4 -1', 'M0 -9A4 4 0 1 1 0 -1A4 4 0 1 1 0 -9Z'];

function markShapes(
  curve: Curve,
  {
    name,
    label,
    shape,
    y,
  }: { readonly name: string; readonly label: string; readonly shape: number; readonly y: number },
): Markup[] {
  return marksOf(curve, name, MARK_PLACES).map(
    ({ at, count }) =>
      html`<svg x="${cut(at * 100)}%" y="${y}" overflow="visible"><path class="mark mark-${shape}" d="${SHAPES[shape]}"><title>${label}: ${number(count)}</title></path></svg>`,
  );
}

/** Two decimals are a hundredth of a pixel. */
function cut(value: number): number {
  return Math.round(value * 100) / 100;
}
