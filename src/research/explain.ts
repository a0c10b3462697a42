import { closest, distance } from 'fastest-levenshtein';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import type { Engine } from '../engine/engine-state.ts';
import type { Decision, DerivedEvent } from '../events/derived.ts';
import type { Predictions } from '../events/inputs.ts';
import type { Progress } from '../ports/progress.ts';
import { replayRun } from './replay-run.ts';
import { traceSymbol } from './trace.ts';
import type { TraceSection } from './trace-section.ts';

export interface ExplainOptions {
  readonly runDir: string;
  readonly datasetDir: string | undefined;
  readonly cycle: number;
  readonly symbol: string;
  readonly progress: Progress;
}

/** Everything behind one decision, recomputed from the tape. */
export interface Explanation {
  readonly cycle: number;
  readonly tUs: number;
  readonly symbol: string;
  readonly decision: Decision;
  readonly sections: readonly TraceSection[];
}

/**
 * Recomputes a run up to one cycle, comparing all the way, and reads the trace of one symbol from the stages.
 * @throws InputError for a cycle or a symbol the run does not have; CheckFailedError when the replay diverges before it
 */
export async function explainDecision(options: ExplainOptions): Promise<Explanation> {
  const { engine, explain } = await recomputeCycle(options);
  return explain(symbolIndex(engine, options.symbol));
}

/**
 * Recomputes a run up to one cycle, comparing all the way.
 * @returns the engine as it stood, and what explains the decision for a symbol of its layout
 * @throws InputError for a cycle the run does not have; CheckFailedError when the replay diverges before it
 */
export async function recomputeCycle(options: Omit<ExplainOptions, 'symbol'>): Promise<{
  readonly engine: Engine;
  readonly explain: (symbolIx: number) => Explanation;
}> {
  const { cycle } = options;
  let predictions: Predictions | undefined;
  let decisions: readonly Decision[] = [];
  let cycleUs = 0;
  const effects: DerivedEvent[] = [];
  const result = await replayRun({
    runDir: options.runDir,
    datasetDir: options.datasetDir,
    progress: options.progress,
    untilCycle: cycle,
    attach: (loop) => {
      loop.inputs$.subscribe(({ event }) => {
        if (event.type === 'PredictionsMade' && event.predictions.cycle === cycle)
          predictions = event.predictions;
      });
      loop.derived$.subscribe(({ event, tUs }) => {
        if (event.type === 'CycleCompleted' && event.cycle === cycle) {
          decisions = event.decisions;
          cycleUs = tUs;
        } else if (cycleUs === tUs && tUs !== 0) effects.push(event);
      });
    },
  });
  if (result.divergence !== undefined) {
    const { seq, stage } = result.divergence;
    throw new CheckFailedError(
      'EXPLAIN_DIVERGED',
      `cycle ${cycle}: the run does not replay to it, first difference at seq ${seq}, stage ${stage}; see "sametape replay"`,
    );
  }
  if (result.cycles !== cycle) {
    throw new InputError('CYCLE_UNKNOWN', `--cycle ${cycle}: the run has cycles 1 to ${result.cycles}`);
  }
  const { engine } = result;
  const explain = (symbolIx: number): Explanation => ({
    cycle,
    tUs: cycleUs,
    symbol: engine.layout.symbols[symbolIx]!,
    decision: decisions[symbolIx]!,
    sections: traceSymbol(engine, { symbolIx, tUs: cycleUs, predictions, effects }),
  });
  return { engine, explain };
}

function symbolIndex({ layout }: Engine, symbol: string): number {
  const symbolIx = layout.symbols.indexOf(symbol);
  if (symbolIx >= 0) return symbolIx;
  const nearest = closest(symbol.toUpperCase(), [...layout.symbols]);
  const hint = distance(symbol.toUpperCase(), nearest) <= 2 ? `; did you mean ${nearest}?` : '';
  throw new InputError(
    'SYMBOL_UNKNOWN',
    `--symbol ${symbol}: not in the universe ${layout.symbols.join(', ')}${hint}`,
  );
}
