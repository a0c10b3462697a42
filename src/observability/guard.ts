/** Keeps what fails in a sink away from the loop: it is told once a sink, counted, and never stops anything. */
export interface SinkGuard {
  /** The same function, which throws nothing. */
  wrap<A extends readonly unknown[]>(sink: string, take: (...args: A) => void): (...args: A) => void;
  /** For what fails later than it was called. */
  failed(sink: string, error: unknown): void;
  /** By sink. */
  readonly failures: ReadonlyMap<string, number>;
}

export function createSinkGuard(say: (line: string) => void): SinkGuard {
  const failures = new Map<string, number>();

  function failed(sink: string, error: unknown): void {
    const before = failures.get(sink) ?? 0;
    failures.set(sink, before + 1);
    if (before > 0) return;
    const why = error instanceof Error ? error.message : String(error);
    say(`warning: ${sink} failed: ${why}; trading goes on, further failures are counted and not told`);
  }

  return {
    wrap:
      (sink, take) =>
      (...args) => {
        try {
          take(...args);
        } catch (error) {
          failed(sink, error);
        }
      },
    failed,
    failures,
  };
}
