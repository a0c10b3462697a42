import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import { expectSetOnce, type Override, parseSetOption } from '../config/overrides.ts';
import { secretKeys, withoutSecrets } from '../config/secrets.ts';
import { InputError } from '../domain/errors.ts';
import { createPrng } from '../math/prng.ts';

/** More trials than a sweep is for; each is a backtest. */
const MOST_TRIALS = 10_000;
/** Indexes of combinations beyond it are no exact numbers of the generator. */
const LARGEST_GRID = 2 ** 50;

/** A key that is varied, and its values as the user wrote them. */
export interface Axis {
  readonly key: string;
  readonly values: readonly string[];
}

/** What a sweep varies. */
export interface SweepSpec {
  readonly scenarioFile: string;
  readonly set: readonly string[];
  readonly axes: readonly Axis[];
  readonly draw?: Draw;
}

/** The values of one combination, in the order of the axes. */
export type Combination = readonly string[];

/**
 * Reads the argument of `--vary`: `key=v1,v2,...`, values as YAML, or `key=from:to:step`, numbers with `to` included.
 * @throws InputError VARY_INVALID, and as `parseSetOption`
 */
export function parseVaryOption(text: string): Axis {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw invalid(
      text,
      'expected key=v1,v2,... or key=from:to:step, such as --vary sizing.grossTarget=0.2,0.4',
    );
  }
  const key = text.slice(0, equals).trim();
  if (secretKeys().some((secret) => secret === key || secret.startsWith(`${key}.`))) {
    throw new InputError(
      'VARY_INVALID',
      `--vary ${key}: a secret is no setting to try; expected another key`,
    );
  }
  const range = RANGE.exec(text.slice(equals + 1).trim());
  const values = range === null ? splitValues(text, equals + 1) : rangeValues(text, range);
  if (values.length > MOST_TRIALS) throw tooMany(values.length);
  for (const value of values) parseSetOption(`${key}=${value}`, '', '--vary');
  return { key, values };
}

/** How messages name a combination: `sizing.grossTarget=0.4 risk.allowShort=false`. */
export function combinationText(axes: readonly Axis[], combination: Combination): string {
  return setTexts(axes, combination).map(withoutSecrets).join(' ');
}

/**
 * What a combination and `--set` change of the scenario.
 * @throws InputError SET_TWICE
 */
export function overridesOf(
  { set, axes }: { readonly set: readonly string[]; readonly axes: readonly Axis[] },
  combination: Combination,
  baseDir: string,
): Override[] {
  return expectSetOnce([
    ...set.map((text) => parseSetOption(text, baseDir)),
    ...setTexts(axes, combination).map((text) => parseSetOption(text, baseDir, '--vary')),
  ]);
}

/** The scenario of one combination. Paths on the command line start from `baseDir`. */
export function scenarioOf(
  spec: Pick<SweepSpec, 'scenarioFile' | 'set' | 'axes'>,
  values: Combination,
  baseDir: string,
): LoadedScenario {
  return loadScenario({ file: spec.scenarioFile, overrides: overridesOf(spec, values, baseDir) });
}

function setTexts(axes: readonly Axis[], combination: Combination): string[] {
  return axes.map(({ key }, at) => `${key}=${combination[at]}`);
}

/** Combinations to draw from a grid, and the seed that decides which. */
export interface Draw {
  readonly count: number;
  readonly seed: number;
}

/**
 * The combinations of a sweep: all of the grid, the last axis fastest, or some drawn from it without repeats, in the
 * same order.
 * @throws InputError SWEEP_TOO_LARGE, DRAW_TOO_LARGE
 */
export function combinationsOf(axes: readonly Axis[], draw?: Draw): Combination[] {
  const size = axes.reduce((product, { values }) => product * values.length, 1);
  if (draw === undefined) {
    if (size > MOST_TRIALS) throw tooMany(size);
    return Array.from({ length: size }, (_, index) => combinationAt(axes, index));
  }
  if (draw.count >= size) {
    throw new InputError(
      'DRAW_TOO_LARGE',
      `--random ${draw.count}: the grid has ${size} combinations only; leave it out to try them all`,
    );
  }
  if (draw.count > MOST_TRIALS) {
    throw new InputError('SWEEP_TOO_LARGE', `--random ${draw.count}: expected at most ${MOST_TRIALS}`);
  }
  if (size > LARGEST_GRID) {
    throw new InputError(
      'DRAW_TOO_LARGE',
      `--random ${draw.count}: cannot draw from ${size} combinations; expected at most ${LARGEST_GRID}, fewer keys or values`,
    );
  }
  return drawnIndexes(size, draw).map((index) => combinationAt(axes, index));
}

/** Floyd's way to draw without repeats: as many draws as indexes, however large the grid is. */
function drawnIndexes(size: number, { count, seed }: Draw): number[] {
  const random = createPrng(['sweep', seed]);
  const drawn = new Set<number>();
  for (let last = size - count; last < size; last += 1) {
    const index = Math.floor(random() * (last + 1));
    drawn.add(drawn.has(index) ? last : index);
  }
  return [...drawn].sort((a, b) => a - b);
}

function combinationAt(axes: readonly Axis[], index: number): Combination {
  let rest = index;
  return axes
    .toReversed()
    .map(({ values }) => {
      const at = rest % values.length;
      rest = (rest - at) / values.length;
      return values[at]!;
    })
    .toReversed();
}

function tooMany(count: number): InputError {
  return new InputError(
    'SWEEP_TOO_LARGE',
    `--vary: ${count} combinations; expected at most ${MOST_TRIALS}, fewer values, or --random N --seed S to draw some`,
  );
}

/** Splits at commas that are not inside brackets, braces or quotes. */
function splitValues(text: string, from: number): string[] {
  const values: string[] = [];
  let [start, depth, quote] = [from, 0, ''];
  for (let at = from; at <= text.length; at += 1) {
    const c = text[at];
    if (c === undefined || (c === ',' && depth === 0 && quote === '')) {
      values.push(text.slice(start, at).trim());
      start = at + 1;
    } else if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (c === '[' || c === '{') depth += 1;
    else if (c === ']' || c === '}') depth -= 1;
  }
  if (values.includes('')) throw invalid(text, 'expected a value before and after each comma');
  return values;
}

const DECIMAL = '-?\\d{1,15}(?:\\.\\d{1,15})?';
const RANGE = new RegExp(`^(${DECIMAL}):(${DECIMAL}):(${DECIMAL})$`);

/** Decimal arithmetic, so that 0.1:0.5:0.1 has the value 0.3 and not one beside it. */
function rangeValues(text: string, [, ...parts]: RegExpExecArray): string[] {
  const places = Math.max(...parts.map((part) => (part.split('.')[1] ?? '').length));
  const [from, to, step] = parts.map((part) => scaled(part, places)) as [bigint, bigint, bigint];
  if (step === 0n || (to - from) * step < 0n)
    throw invalid(text, 'expected a step that leads from the first to the last');
  const rest = (to - from) % step;
  if (rest !== 0n) {
    throw invalid(
      text,
      `the steps end at ${decimal(to - rest, places)}, not at ${parts[1]}; write the last value that is meant`,
    );
  }
  const count = (to - from) / step + 1n;
  if (count > BigInt(MOST_TRIALS)) throw tooMany(Number(count));
  return Array.from({ length: Number(count) }, (_, k) => decimal(from + BigInt(k) * step, places));
}

function scaled(text: string, places: number): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(places, '0'));
}

function decimal(value: bigint, places: number): string {
  const digits = String(value < 0n ? -value : value).padStart(places + 1, '0');
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  const whole = digits.slice(0, digits.length - places);
  const sign = value < 0n ? '-' : '';
  return places === 0 || fraction === ''
    ? `${sign}${places === 0 ? digits : whole}`
    : `${sign}${whole}.${fraction}`;
}

function invalid(text: string, problem: string): InputError {
  const shown = withoutSecrets(text);
  const short = shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
  return new InputError('VARY_INVALID', `--vary ${short}: ${problem}`);
}
