/** One recorded call of the earlier engine: inputs, and what it answered. Non-finite numbers are already decoded. */
export interface VectorCase {
  /** `category#k`, with the marks `quirk_...` and `...~ulp`. */
  readonly name: string;
  readonly input: unknown;
  readonly output: unknown;
}

/**
 * The adapter of one vector file: calls our production functions on its inputs. Each file of `components/`
 * exports one as `vectorComponent`.
 */
export interface VectorComponent {
  /** Name of the vector file without `.json`. */
  readonly component: string;
  /** Declared as a method, so that an adapter may name its own input type: `run(input: MyInput)`. */
  run(input: unknown): unknown;
  /**
   * Reason why the whole case deliberately answers otherwise. Decided by behaviour: the category before `#` or a
   * kind of input, never by a case's number or by one value. Such a case passes when it happens to agree.
   */
  deviates?(vectorCase: VectorCase): string | undefined;
  /**
   * Output fields that deliberately differ, each with its reason; everything else of the case is still compared.
   * A key is a path with `*` for any one part: `alpha`, `steps.*.confidence`.
   */
  deviatingFields?(vectorCase: VectorCase): Readonly<Record<string, string>> | undefined;
  /** Absolute tolerance of `~ulp` cases, where the usual one is too narrow. */
  readonly ulpTolerance?: number;
}

/** The part of a case's name before `#`: what behaviour it exercises. */
export function categoryOf(vectorCase: VectorCase): string {
  const hash = vectorCase.name.indexOf('#');
  return hash < 0 ? vectorCase.name : vectorCase.name.slice(0, hash);
}
