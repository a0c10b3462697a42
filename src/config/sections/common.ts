import { z } from 'zod';

/** A fraction of something: 0.05 is five per cent. */
export const fraction = () => z.number().min(0).max(1);

export const bps = () => z.number().min(0).max(10_000);

export const positive = (max: number) => z.number().gt(0).max(max);

export const atLeastZero = (max: number) => z.number().min(0).max(max);

export const wholeNumber = ({ min, max }: { readonly min: number; readonly max: number }) =>
  z.int().min(min).max(max);

/** Dollars; the limit keeps micro-dollars exact in a double (2^53 micro-dollars are 9.007e9 dollars). */
export const dollars = () => z.number().min(0).max(1_000_000_000);

/** `5m`, `1h`, `1d`: what `domain/horizon.ts` reads. */
export const horizonLabel = () =>
  z
    .string()
    .regex(/^[1-9][0-9]{0,3}[mhd]$/)
    .meta({ examples: ['5m', '1h', '1d'] });

/** Upper-case tickers, with the class separators in use (`BRK.B`, `BF-B`). */
export const symbol = () =>
  z
    .string()
    .regex(/^[A-Z0-9][A-Z0-9.-]{0,15}$/)
    .meta({ examples: ['SPY', 'BRK.B'] });

const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(text: string): boolean {
  const [year, month, day] = text.split('-').map(Number) as [number, number, number];
  const last = DAYS_IN_MONTH[month - 1];
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return last !== undefined && day >= 1 && day <= (month === 2 && !isLeap ? 28 : last);
}

/** A session date in New York. */
export const sessionDate = () =>
  z
    .string()
    .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, { abort: true })
    .refine(isDate, { error: 'no such day in the calendar' })
    .meta({ examples: ['2024-03-04'] });

/** A secret: the scenario names the environment variable, or the file, that holds it. Never part of a run's identity. */
export const secret = (example: string) =>
  z
    .string()
    .regex(/^\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:(?:\/|~\/)[^{}]+)\}$/)
    .meta({
      secret: true,
      examples: [`\${env:${example}}`, `\${file:~/.sametape/${example.toLowerCase()}}`],
    });

/** A family or view of a run root, as its folder names it. */
export const artifactName = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/)
    .meta({ examples: ['Ridge', 'CROSS_SECTIONAL'] });

export const filePath = () =>
  z
    .string()
    .min(1)
    .refine((path) => !path.includes('\0'), { error: 'a path cannot hold a NUL character' })
    .meta({ examples: ['../datasets/quickstart'] });
