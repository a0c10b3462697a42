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
   * Reason why the whole case deliberately answers otherwise: a rule over its input, which the harness gives without
   * the name. Such a case passes when it happens to agree.
   */
  deviates?(facts: VectorFacts): string | undefined;
  /**
   * What the vector would hold under a decided rule: the strongest way to deviate, because the whole output is still
   * compared, with this instead; also where ours agrees with the vector, which the rule says it should not. It is not
   * shown what our functions answered, and `rules/` works the rules out without them.
   */
  restate?(facts: VectorFacts): Restated | undefined;
  /**
   * Output fields that deliberately differ, each with its reason; everything else of the case is still compared.
   * A key is a path with `*` for any one part: `alpha`, `steps.*.confidence`.
   */
  deviatingFields?(facts: VectorFacts): Readonly<Record<string, FieldDeviation>> | undefined;
  /** Absolute tolerance of `~ulp` cases, where the usual one is too narrow. */
  readonly ulpTolerance?: number;
}

/** What a deviation may be decided by: no names. */
export type VectorFacts = Pick<VectorCase, 'input' | 'output'>;

/** Why a field differs, and how far it may where that has a bound. */
export type FieldDeviation = string | { readonly reason: string; readonly within: number };

export interface Restated {
  readonly output: unknown;
  readonly reasons: readonly string[];
}
