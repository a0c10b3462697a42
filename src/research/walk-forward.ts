import { InputError } from '../domain/errors.ts';
import type { MoneyMicros } from '../domain/units.ts';
import { figuresOf, type Metric, orderOf, type PartFigures, scoreOf } from '../report/part-score.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../report/summary.ts';

/** How sessions are divided into those that choose and those that report. */
export type WalkSpec = { readonly split: string } | { readonly folds: number };

/** Sessions before `reportFrom` choose, and those from there to before `reportTo` report; indexes. */
export interface WalkPart {
  readonly reportFrom: number;
  readonly reportTo: number;
}

/**
 * Divides sessions at a date, or into as many parts as folds and one more, of which the first only chooses; where they do
 * not divide evenly, the first parts have one more. Every fold chooses on all sessions before the ones it reports on.
 * @throws InputError WALK_FORWARD where nothing is left to choose or to report on, or too little for the metric
 */
export function walkParts(spec: WalkSpec, dates: readonly string[], metric: Metric): WalkPart[] {
  const parts = 'split' in spec ? splitAt(spec.split, dates) : foldsOf(spec.folds, dates);
  const first = parts[0]!.reportFrom;
  if (metric === 'sharpe' && first < SESSIONS_FOR_YEARLY_FIGURES) {
    throw new InputError(
      'WALK_FORWARD',
      `--by sharpe: expected at least ${SESSIONS_FOR_YEARLY_FIGURES} sessions to choose on, found ${first}; use --by pnl, or more sessions`,
    );
  }
  return parts;
}

function splitAt(date: string, dates: readonly string[]): WalkPart[] {
  const at = dates.filter((one) => one < date).length;
  if (at > 0 && at < dates.length) return [{ reportFrom: at, reportTo: dates.length }];
  const last = dates.at(-1)!;
  throw new InputError(
    'WALK_FORWARD',
    `--split ${date}: expected a date after the first session and no later than the last, ${dates[0]} and ${last}, so that there are some to choose on and some to report on`,
  );
}

function foldsOf(folds: number, dates: readonly string[]): WalkPart[] {
  const parts = folds + 1;
  if (dates.length < parts) {
    throw new InputError(
      'WALK_FORWARD',
      `--folds ${folds}: expected at least ${parts} sessions, found ${dates.length}; use fewer folds`,
    );
  }
  const end = (part: number): number =>
    (part + 1) * Math.floor(dates.length / parts) + Math.min(part + 1, dates.length % parts);
  return Array.from({ length: folds }, (_, fold) => ({ reportFrom: end(fold), reportTo: end(fold + 1) }));
}

export interface WalkFold extends WalkPart {
  /** Index of the trial that was best in the sessions before. */
  readonly chosen: number;
  readonly chosenOn: PartFigures;
  readonly reported: PartFigures;
  /** Place of the chosen trial among all, in the sessions that report: 1 is best, and equals share theirs. */
  readonly rank: number;
  /** What the trial in the middle made there: a choice that says anything makes more. */
  readonly medianPnlMicros: MoneyMicros;
}

/**
 * Chooses on earlier sessions and reports on later ones. A choice depends on nothing but what came before it: a trial's
 * equity up to a session does not depend on later ones.
 * @param curves equity of each trial: its initial capital, then a value a session
 */
export function walkForward(
  curves: readonly (readonly MoneyMicros[])[],
  parts: readonly WalkPart[],
  metric: Metric,
): WalkFold[] {
  return parts.map(({ reportFrom, reportTo }) => {
    const before = curves.map((curve) => figuresOf(curve.slice(0, reportFrom + 1)));
    const chosen = orderOf(before.map((figures) => scoreOf(metric, figures)))[0]!;
    const after = curves.map((curve) => figuresOf(curve.slice(reportFrom, reportTo + 1)));
    const scores = after.map((figures) => scoreOf(metric, figures));
    const rank = 1 + scores.filter((score) => score > scores[chosen]!).length;
    return {
      reportFrom,
      reportTo,
      chosen,
      chosenOn: before[chosen]!,
      reported: after[chosen]!,
      rank,
      medianPnlMicros: medianOf(after.map(({ pnlMicros }) => pnlMicros)),
    };
  });
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : Math.round((sorted[middle - 1]! + sorted[middle]!) / 2);
}
