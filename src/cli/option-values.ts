import { InvalidArgumentError } from 'commander';
import { InputError } from '../domain/errors.ts';

/** Options of a command as commander gives them. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>;

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Options that were given only. */
export function withoutUndefined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** The text of an option, undefined where it was not given. */
export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** @throws InputError USAGE */
export function number(flags: Flags, name: string): number | undefined {
  const value = text(flags, name);
  if (value === undefined) return undefined;
  if (value.trim() === '' || !Number.isFinite(Number(value))) throw usage(name, value, 'a number');
  return Number(value);
}

/** @throws InputError USAGE */
export function whole(
  flags: Flags,
  name: string,
  [low, high]: readonly [number, number],
): number | undefined {
  const value = number(flags, name);
  if (value === undefined || (Number.isInteger(value) && value >= low && value <= high)) return value;
  throw usage(name, String(value), `a whole number from ${low} to ${high}`);
}

/** @throws InputError USAGE */
export function choice<T extends string>(flags: Flags, name: string, choices: readonly T[]): T | undefined {
  const value = text(flags, name);
  const found = choices.find((each) => each === value);
  if (value !== undefined && found === undefined) throw usage(name, value, choices.join(', '));
  return found;
}

/** The error of an option with a value that is not one of its own. */
export function usage(name: string, value: string, expected: string): InputError {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return new InputError('USAGE', `--${flag} ${value}: expected ${expected}`);
}

/** @throws InputError USAGE */
export function wholeNumberOption(
  option: string,
  value: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const whole = Number(value);
  if (/^\d+$/.test(value) && whole >= min && whole <= max) return whole;
  throw new InputError('USAGE', `${option}: expected a whole number from ${min} to ${max}, found "${value}"`);
}

export const METRICS_PORT_HELP =
  'answer /metrics (Prometheus), /healthz and a dashboard on this port of 127.0.0.1; 0 takes a free one';

/** For commander. @throws InvalidArgumentError */
export function parsePort(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= 65_535) return port;
  throw new InvalidArgumentError('expected a port, a whole number from 0 to 65535');
}
