import { US_PER_SECOND } from '../domain/units.ts';
import type { Decision } from '../events/derived.ts';
import { RISK_CHECKS } from '../pipeline/6-risk/checks.ts';
import type { TraceSection, TraceValue } from './trace-section.ts';

/** How the value and the limit behind a reason are read. */
interface Reading {
  readonly what: string;
  readonly unit: string;
  /** Of one unit, in what the engine counts. */
  readonly scale: number;
}

const BPS = { unit: 'bps', scale: 1 } as const;
const PROBABILITY = { unit: 'probability', scale: 1 } as const;

const READINGS: Readonly<Record<string, Reading>> = {
  below_threshold: { what: 'best score after costs', ...BPS },
  explored_below_threshold: { what: 'score of the horizon explored', ...BPS },
  spread_too_wide: { what: 'spread', ...BPS },
  quote_crossed: { what: 'spread', ...BPS },
  quote_locked: { what: 'spread', ...BPS },
  quote_stale: { what: 'age of the quote', unit: 's', scale: US_PER_SECOND },
  barrier_peak: { what: 'a peak ahead', ...PROBABILITY },
  barrier_valley: { what: 'a valley ahead', ...PROBABILITY },
  exit_barrier_peak: { what: 'a peak ahead', ...PROBABILITY },
  exit_barrier_valley: { what: 'a valley ahead', ...PROBABILITY },
  exit_alpha_opposes: { what: 'forecast against the position', ...BPS },
  exit_horizon_elapsed: { what: 'held', unit: 'session minutes', scale: 1 },
  exit_end_of_day: { what: 'time to the close', unit: 'minutes', scale: 1 },
  end_of_day: { what: 'time to the close', unit: 'minutes', scale: 1 },
};

/** Value and limit behind a reason, with their unit; a plain pair where the reason is a fact, such as a halt. */
export function limitValues(
  reason: string,
  { value, limit }: { readonly value: number; readonly limit: number },
): readonly TraceValue[] {
  const check = RISK_CHECKS.find((each) => each.check === reason);
  const money = check?.unit === 'micro-dollars';
  const reading = READINGS[reason];
  const scale = reading?.scale ?? (money ? 1_000_000 : 1);
  const unit = reading?.unit ?? (money ? '$' : (check?.unit ?? ''));
  return [
    { name: `${reason} value`, value: value / scale, unit },
    { name: `${reason} limit`, value: limit / scale, unit },
  ];
}

/** In one line for a person: the numbers a decision hangs on, rounded; undefined where the reason says it all. */
export function whyOf(
  { reason, horizon }: Pick<Decision, 'reason' | 'horizon'>,
  sections: readonly TraceSection[],
): string | undefined {
  const read = (stage: string, name: string): TraceValue | undefined =>
    sections.find((section) => section.stage === stage)?.values.find((each) => each.name === name);
  const value = read('6 risk', `${reason} value`);
  const limit = read('6 risk', `${reason} limit`);
  if (value !== undefined && limit !== undefined && value.unit !== '') {
    return `${READINGS[reason]?.what ?? reason} ${rounded(value)}, limit ${rounded(limit)}`;
  }
  switch (reason) {
    case 'score_best': {
      const [score, threshold] = [read('3 arbitration', 'best score'), read('3 arbitration', 'threshold')];
      return score === undefined || threshold === undefined
        ? undefined
        : `score of ${horizon ?? 'the best horizon'} after costs ${rounded(score)}, threshold ${rounded(threshold)}`;
    }
    case 'inside_band': {
      const [target, now, band] = ['target weight', 'weight now', 'band'].map((name) =>
        read('5 sizing', name),
      );
      return target === undefined || now === undefined || band === undefined
        ? undefined
        : `target ${rounded(target)}, now ${rounded(now)}; a smaller change than ${rounded(band)} is not traded`;
    }
    default:
      return failedCheck(reason, sections);
  }
}

/** The check of risk that gave the reason, where one did. */
function failedCheck(reason: string, sections: readonly TraceSection[]): string | undefined {
  const row = sections
    .find((section) => section.stage === '6 risk')
    ?.rows?.find(({ label }) => label === reason);
  if (row === undefined) return undefined;
  const [, value, limit] = row.values;
  return value.unit === '' ? undefined : `${reason} ${rounded(value)}, limit ${rounded(limit)}`;
}

const DIGITS = 4;

function rounded({ value, unit }: TraceValue): string {
  const text = typeof value === 'number' ? String(Number(value.toPrecision(DIGITS))) : String(value ?? '-');
  return `${text} ${unit}`.trimEnd();
}
