import { InvariantError } from './errors.ts';

type Plain = Record<string, unknown>;
type Numbers = { readonly length: number; [at: number]: number };

/**
 * Carries a state over to other settings, in place. Settings are copied and worked into a state when it is created, so
 * two states freshly created show which places those are: where they differ, the state takes the value of the new one.
 * What has moved since it was created is what the run learned, and stays.
 * @param fresh a state as created with the settings so far, and one with the new ones; the state keeps parts of the latter
 * @throws InvariantError where the new settings ask for another shape than what the run remembers has
 */
export function carrySettings(
  state: object,
  { before, after }: { readonly before: object; readonly after: object },
): void {
  carryFields(state as Plain, before as Plain, after as Plain, 'state');
}

function carryFields(state: Plain, before: Plain, after: Plain, path: string): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!isEqual(before[key], after[key])) carry(state, key, { before, after, path: `${path}.${key}` });
  }
}

function carry(
  holder: Plain,
  key: string,
  { before, after, path }: { readonly before: Plain; readonly after: Plain; readonly path: string },
): void {
  const [value, old, now] = [holder[key], before[key], after[key]];
  // as created, it is made of settings alone: it becomes the new one whole
  if (isEqual(value, old)) holder[key] = now;
  else if (isNumbers(value) && isNumbers(old) && isNumbers(now)) carryNumbers({ value, old, now }, path);
  else if (isTable(value) && isTable(old) && isTable(now)) {
    if (Array.isArray(value) && (value.length !== old.length || old.length !== now.length))
      throw misshapen(path);
    carryFields(value, old, now, path);
  } else if (kindOf(value) !== kindOf(now)) throw misshapen(path);
}

function carryNumbers(
  { value, old, now }: { readonly value: Numbers; readonly old: Numbers; readonly now: Numbers },
  path: string,
): void {
  if (value.length !== now.length || old.length !== now.length) throw misshapen(path);
  for (let i = 0; i < now.length; i += 1) {
    if (!Object.is(old[i], now[i]) && Object.is(value[i], old[i])) value[i] = now[i];
  }
}

/** Whether two pieces of plain data are the same to the bit. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (kindOf(a) !== kindOf(b)) return false;
  if (isNumbers(a) && isNumbers(b)) {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i += 1) if (!Object.is(a[i], b[i])) return false;
    return true;
  }
  if (a instanceof Map && b instanceof Map) return isEqual([...a], [...b]);
  if (a instanceof Set && b instanceof Set) return isEqual([...a], [...b]);
  if (!isTable(a) || !isTable(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
  );
}

function isNumbers(value: unknown): value is Numbers {
  return ArrayBuffer.isView(value);
}

/** Objects and lists. */
function isTable(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? (Object.getPrototypeOf(value) as object).constructor.name : typeof value;
}

function misshapen(path: string): InvariantError {
  return new InvariantError(`${path} cannot be carried over: the new settings give it another shape`);
}
