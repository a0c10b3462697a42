import type { RunStory } from '../run-story.ts';
import type { RunStatistics } from '../statistics.ts';

/** A run and what it came to. */
export interface RunFacts {
  readonly scenario: string;
  readonly runId: string;
  readonly story: RunStory;
  readonly statistics: RunStatistics;
}

/** What a report is made from: a run as its tape has it, and how times and commands are written. */
export interface ReportFacts extends RunFacts {
  /** Such as `backtest`, or `live, market from alpaca, orders to alpaca`. */
  readonly mode: string;
  /** The run it was forked from, and the first cycle with other settings. */
  readonly forkedFrom?: { readonly runId: string; readonly cycle: number };
  readonly codeSha256: string;
  readonly datasetSha256: string;
  readonly models: number;
  readonly horizons: readonly string[];
  readonly records: number;
  readonly chainHead: string;
  readonly decisionHead: string;
  readonly isClosed: boolean;
  readonly tornBytes: number;
  /** Another run over the same sessions, to compare with. */
  readonly other?: (RunFacts & { readonly shellDir: string }) | undefined;
  /** The run's folder as commands name it, quoted for a shell. */
  readonly shellDir: string;
  /** A time as text, in New York. */
  readonly formatTime: (us: number) => string;
}
