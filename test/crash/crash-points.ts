import type { TapeEntry } from '../../src/events/record.ts';

export const CRASH_STEPS = ['append', 'fsync', 'send', 'answer', 'cancel', 'news'] as const;
export type CrashStep = (typeof CRASH_STEPS)[number];
export type CrashCounts = Readonly<Record<CrashStep, number>>;

/** The ways that are walked: to the first fills of a day, to an operator's kill, from one session over the night to the next. */
export const CRASH_LEGS = ['orders', 'kill', 'night'] as const;
export type CrashLeg = (typeof CRASH_LEGS)[number];

export interface CrashPoint {
  readonly leg: CrashLeg;
  readonly step: CrashStep;
  readonly when: 'before' | 'after';
  readonly n: number;
}

/** What is walked of a leg begins with the first record of a type, so many appends before it. */
export interface CrashStretch {
  readonly from: TapeEntry['type'];
  readonly appendsBefore: number;
  /** Sends and the like before the stretch are walked, too: they lead to it. */
  readonly isWholeWay: boolean;
  /** Ends with the first record of this type behind the first of `from`; absent: with the run. */
  readonly to?: TapeEntry['type'];
}

export const STRETCHES: Readonly<Record<CrashLeg, CrashStretch>> = {
  // appends before the first order are all alike
  orders: { from: 'OrderIntended', appendsBefore: 12, isWholeWay: true },
  kill: { from: 'OperatorCommanded', appendsBefore: 2, isWholeWay: false },
  night: { from: 'SessionClosed', appendsBefore: 2, isWholeWay: false, to: 'CycleCompleted' },
};

export function nameOf({ leg, step, when, n }: CrashPoint): string {
  return `${leg === 'orders' ? '' : `${leg}/`}${step}:${when}:${n}`;
}

export function pointOf(name: string): CrashPoint {
  const [place, leg] = name.split('/').reverse();
  const [step, when, n] = (place ?? '').split(':');
  const point = { leg: leg ?? 'orders', step, when, n: Number(n) } as CrashPoint;
  const isKnown = CRASH_LEGS.includes(point.leg) && CRASH_STEPS.includes(point.step) && point.n >= 0;
  if (isKnown && (when === 'before' || when === 'after')) return point;
  throw new Error(`point ${name}: expected [LEG/]STEP:before|after:N`);
}

/** The points of a leg, by how often each step was taken at the beginning of its stretch and at its end. */
export function pointsOf(
  leg: CrashLeg,
  { from, to }: { readonly from: CrashCounts; readonly to: CrashCounts },
): CrashPoint[] {
  const { appendsBefore, isWholeWay } = STRETCHES[leg];
  const firstOf = (step: CrashStep): number => {
    if (step === 'append') return Math.max(0, from.append + 1 - appendsBefore);
    return isWholeWay ? 1 : from[step] + 1;
  };
  const both = (step: CrashStep): CrashPoint[] =>
    Array.from({ length: Math.max(0, to[step] - firstOf(step) + 1) }, (_, k) => firstOf(step) + k).flatMap(
      (n) => (['before', 'after'] as const).map((when) => ({ leg, step, when, n })),
    );
  return [
    ...both('append'),
    ...both('fsync'),
    ...both('send'),
    ...both('answer').filter(({ when }) => when === 'after'),
    ...both('cancel'),
    ...both('news').filter(({ when }) => when === 'before'),
  ];
}
