import { InputError } from '../../domain/errors.ts';
import type { Horizon } from '../../domain/horizon.ts';
import type { MidGrid, TrainingSet } from './training-set.ts';

/** Rows of a training set with what they should have forecast. */
export interface LabeledRows {
  /** Row numbers, ascending. */
  readonly rows: Int32Array;
  /** A forward return (decimal), or 1 and 0. */
  readonly y: Float64Array;
}

/**
 * Bars in a horizon.
 * @throws InputError HORIZON_NOT_TRAINABLE for horizons that are not a whole number of bars
 */
export function horizonSteps(horizon: Horizon, barSeconds: number): number {
  const steps = (horizon.minutes * 60) / barSeconds;
  if (!Number.isInteger(steps)) {
    throw new InputError(
      'HORIZON_NOT_TRAINABLE',
      `horizon ${horizon.label}: training makes models of whole bars of ${barSeconds} s or of days, such as 5m, 1h or 1d`,
    );
  }
  return steps;
}

/** Forward mid returns over `steps` bars. Rows whose horizon would cross the close are left out. */
export function returnLabels(set: TrainingSet, steps: number): LabeledRows {
  return labelRows(set, (grid, step, i) => {
    const end = step + steps;
    return end > grid.steps ? undefined : midAt(grid, end, i) / midAt(grid, step, i) - 1;
  });
}

/**
 * Mid returns over whole sessions: to the same minute `sessions` later, or to that session's close where it closes
 * earlier; overnight included. Rows over an ex-date of their symbol are left out: prices on both sides do not compare.
 */
export function sessionReturnLabels(set: TrainingSet, sessions: number): LabeledRows {
  const { grids, exSymbols } = set;
  const rows = new Int32Array(set.rowCount);
  const y = new Float64Array(set.rowCount);
  let count = 0;
  for (let row = 0; row < set.rowCount; row++) {
    const i = set.symbolIx[row]!;
    const session = set.sessionIx[row]!;
    const target = grids[session + sessions];
    if (target === undefined) continue;
    if (exSymbols.slice(session + 1, session + sessions + 1).some((symbols) => symbols.includes(i))) continue;
    const end = midAt(target, Math.min(set.step[row]!, target.steps), i);
    if (!(end > 0)) continue;
    rows[count] = row;
    y[count] = end / midAt(grids[session]!, set.step[row]!, i) - 1;
    count++;
  }
  return { rows: rows.subarray(0, count), y: y.subarray(0, count) };
}

/**
 * Barrier labels: within the next `steps` bars the mid (at bar ends) touches one of two levels, `sigmas` standard deviations
 * of the symbol's returns over that span above and below the mid now. A peak is now (1) when the lower level is touched
 * first, a valley when the upper one is; no touch is neither. Rows whose horizon would cross the close are left out.
 */
export function barrierLabels(
  set: TrainingSet,
  barrier: { readonly kind: 'peak' | 'valley'; readonly steps: number; readonly sigmas: number },
): LabeledRows {
  const { kind, steps, sigmas } = barrier;
  const levels = symbolVolatilities(set, steps).map((sigma) => sigma * sigmas);
  return labelRows(set, (grid, step, i) => {
    if (step + steps > grid.steps || !(levels[i]! > 0)) return undefined;
    const touched = firstTouch(grid, { step, i, steps, level: levels[i]! });
    return touched === (kind === 'peak' ? -1 : 1) ? 1 : 0;
  });
}

/** @returns -1 where the lower level is touched first, 1 where the upper one is, 0 where neither */
function firstTouch(
  grid: MidGrid,
  at: { readonly step: number; readonly i: number; readonly steps: number; readonly level: number },
): -1 | 0 | 1 {
  const start = midAt(grid, at.step, at.i);
  for (let step = at.step + 1; step <= at.step + at.steps; step++) {
    const change = midAt(grid, step, at.i) / start - 1;
    if (change <= -at.level) return -1;
    if (change >= at.level) return 1;
  }
  return 0;
}

/** Standard deviation of each symbol's non-overlapping mid returns over `steps` bars, within sessions; 0 when unknown. */
export function symbolVolatilities(set: TrainingSet, steps: number): readonly number[] {
  return set.symbols.map((_, i) => {
    let count = 0;
    let squares = 0;
    for (const grid of set.grids) {
      for (let step = steps; step <= grid.steps; step += steps) {
        const from = midAt(grid, step - steps, i);
        if (!(from > 0)) continue;
        const change = midAt(grid, step, i) / from - 1;
        squares += change * change;
        count++;
      }
    }
    return count < 2 ? 0 : Math.sqrt(squares / count);
  });
}

function labelRows(
  set: TrainingSet,
  labelOf: (grid: MidGrid, step: number, i: number) => number | undefined,
): LabeledRows {
  const rows = new Int32Array(set.rowCount);
  const y = new Float64Array(set.rowCount);
  let count = 0;
  for (let row = 0; row < set.rowCount; row++) {
    const label = labelOf(set.grids[set.sessionIx[row]!]!, set.step[row]!, set.symbolIx[row]!);
    if (label === undefined) continue;
    rows[count] = row;
    y[count] = label;
    count++;
  }
  return { rows: rows.subarray(0, count), y: y.subarray(0, count) };
}

function midAt(grid: MidGrid, step: number, i: number): number {
  return grid.midE4[step * grid.symbolCount + i]!;
}

/** What models are fitted on, and later rows to score them on. */
export interface Split {
  readonly fit: LabeledRows;
  readonly validation: LabeledRows;
}

/**
 * Splits by time: the last fifth of the sessions validates (at least one); of a single session, its last quarter. No
 * label of the first part reaches into the second: a horizon lies between them.
 * @param horizon bars within a session, or whole sessions
 */
export function splitByTime(
  set: TrainingSet,
  labeled: LabeledRows,
  horizon: { readonly steps: number; readonly sessions: number },
): Split {
  const { steps } = horizon;
  const sessions = set.grids.length;
  if (sessions > 1) {
    const first = sessions - horizon.sessions - Math.max(1, Math.floor((sessions - horizon.sessions) / 5));
    return {
      fit: selectRows(labeled, (row) => set.sessionIx[row]! + horizon.sessions < first),
      validation: selectRows(labeled, (row) => set.sessionIx[row]! >= first),
    };
  }
  const cut = Math.floor((set.grids[0]!.steps * 3) / 4);
  return {
    fit: selectRows(labeled, (row) => set.step[row]! + steps <= cut),
    validation: selectRows(labeled, (row) => set.step[row]! > cut),
  };
}

function selectRows({ rows, y }: LabeledRows, isWanted: (row: number) => boolean): LabeledRows {
  const keep: number[] = [];
  for (let k = 0; k < rows.length; k++) if (isWanted(rows[k]!)) keep.push(k);
  return { rows: Int32Array.from(keep, (k) => rows[k]!), y: Float64Array.from(keep, (k) => y[k]!) };
}
