import { randomBytes } from 'node:crypto';
import { InputError } from '../domain/errors.ts';
import type { JsonObject } from '../events/record.ts';
import type { Clock } from '../ports/clock.ts';
import { paced } from '../sources/pace.ts';
import { type BacktestOptions, runBacktest } from './backtest.ts';
import { createInterjections, openPaperLine } from './paper-line.ts';
import type { RunResult } from './run-views.ts';

export interface PaperOptions extends Omit<BacktestOptions, 'paper'> {
  readonly clock: Clock;
  /** Minutes of market a minute of the clock; `max` waits for nothing. */
  readonly speed: number | 'max';
  /** Makes this run another than the last; default: drawn. A run that is taken up again has the one it had. */
  readonly nonce?: string;
  /** Whether `sametape ctl` may speak to the run; called with its folder when it can. */
  readonly onLine?: (runDir: string) => void;
  /** What a status of the run shows beside its engine. */
  readonly telemetry?: () => JsonObject;
}

/**
 * Plays a dataset as if it came live: the same loop, pipeline and simulated exchange as a backtest, at a chosen speed,
 * market data carried on a durable tape. Without an operator it makes the decisions of the backtest, bit for bit.
 * @throws InputError as `runBacktest`; PAPER_SOURCE when the scenario takes its data from elsewhere
 */
export function runPaper(options: PaperOptions): Promise<RunResult> {
  const { clock, speed, nonce = randomBytes(8).toString('hex'), onLine, telemetry, ...rest } = options;
  const { source } = rest.scenario.scenario.data;
  const { source: broker } = rest.scenario.scenario.broker;
  if (source !== 'dataset' || broker !== 'simulated') {
    throw new InputError(
      'PAPER_SOURCE',
      `data.source: a dataset is played with data.source dataset and broker.source simulated, found ${source} and ${broker}`,
    );
  }
  const said = createInterjections();
  return runBacktest({
    ...rest,
    paper: {
      mode: { kind: 'paper', nonce, source, broker },
      pace: (events) => paced(events, { clock, speed, interjections: said }),
      ...(onLine === undefined
        ? {}
        : {
            openLine: async (runDir) => {
              const line = await openPaperLine(
                runDir,
                telemetry === undefined ? { said } : { said, telemetry },
              );
              onLine(runDir);
              return line;
            },
          }),
    },
  });
}
