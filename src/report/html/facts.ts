import type { RunStory } from '../run-story.ts';
import type { RunStatistics } from '../statistics.ts';

/** What a report is made from: a run as its tape has it, and how times and commands are written. */
export interface ReportFacts {
  readonly scenario: string;
  readonly runId: string;
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
  readonly story: RunStory;
  readonly statistics: RunStatistics;
  /** The run's folder as commands name it, quoted for a shell. */
  readonly shellDir: string;
  /** A time as text, in New York. */
  readonly formatTime: (us: number) => string;
}
