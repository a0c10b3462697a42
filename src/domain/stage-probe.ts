/** Stages of a cycle that are timed from inside. */
export type ProbedStage = 'blending';

/**
 * Told when a stage begins and ends, by an engine that neither knows the time nor asks for any: nothing comes back, so
 * nothing can depend on it. A replay has none.
 */
export interface StageProbe {
  begin(stage: ProbedStage): void;
  end(stage: ProbedStage): void;
}
