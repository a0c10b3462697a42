/**
 * The error tree. Bugs are `InvariantError`; everything else is an operating failure with a stable `code`,
 * whether a retry can help, and a one-line message that says what, where, what was expected and what to do.
 */
export abstract class SametapeError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
  /** Process exit code this failure maps to: 1 a check failed, 2 bad usage or input. */
  abstract readonly exitCode: 1 | 2 | 3;

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** What the user gave (a file, an option, a scenario key) cannot be used. Never retryable, exit code 2. */
export class InputError extends SametapeError {
  readonly code: string;
  readonly retryable = false;
  readonly exitCode = 2;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A check ran and found a difference (replay, verify, golden). Exit code 1. */
export class CheckFailedError extends SametapeError {
  readonly code: string;
  readonly retryable = false;
  readonly exitCode = 1;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A broker, a data service or the disk did not do what it was asked. A retry can help where `retryable` says so. Exit code 2. */
export class ServiceError extends SametapeError {
  readonly code: string;
  readonly retryable: boolean;
  readonly exitCode = 2;

  constructor(
    code: string,
    message: string,
    { retryable, cause }: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = retryable;
  }
}

/** A bug in sametape: a state that the types or the logic rule out was reached. Exit code 3. */
export class InvariantError extends SametapeError {
  readonly code = 'INVARIANT';
  readonly retryable = false;
  readonly exitCode = 3;
}

/** @throws InvariantError when `condition` is false */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Closes an exhaustive `switch`: a new variant fails to compile here, and throws if it arrives at run time. */
export function assertNever(value: never): never {
  throw new InvariantError(`unhandled variant ${JSON.stringify(value)}`);
}
