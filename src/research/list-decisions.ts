import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import type { Decision } from '../events/derived.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { recordedIdentity } from './recorded-scenario.ts';

export interface ListedDecision extends Decision {
  readonly cycle: number;
  readonly tUs: number;
}

export interface DecisionFilter {
  readonly runDir: string;
  /** Undefined: all. */
  readonly cycle: number | undefined;
  readonly symbol: string | undefined;
  /** Kinds or reasons; undefined: everything but HOLD, or everything where a cycle is named. */
  readonly only: readonly string[] | undefined;
}

/**
 * The decisions on a tape in order, those asked for: a way to the cycles that are worth explaining.
 * @throws InputError DECISIONS_NONE where the run has none of them, naming what it has
 */
export function listDecisions({ runDir, cycle, symbol, only }: DecisionFilter): readonly ListedDecision[] {
  const { tapeDir } = openRunFolder(runDir);
  const found: ListedDecision[] = [];
  const words = new Set<string>();
  const { symbols } = recordedIdentity(tapeDir).layout;
  let cycles = 0;
  for (const { record } of readTape(tapeDir)) {
    if (record.type !== 'CycleCompleted') continue;
    cycles = record.payload.cycle as number;
    for (const decision of record.payload.decisions as unknown as readonly Decision[]) {
      const { kind, reason } = decision;
      words.add(kind).add(reason);
      if (symbol !== undefined && decision.symbol !== symbol) continue;
      if (cycle !== undefined && cycles !== cycle) continue;
      const isWanted =
        only === undefined
          ? kind !== 'HOLD' || cycle !== undefined
          : only.includes(kind) || only.includes(reason);
      if (isWanted) found.push({ ...decision, cycle: cycles, tUs: record.t });
    }
  }
  if (symbol !== undefined && !symbols.includes(symbol)) {
    throw new InputError('SYMBOL_UNKNOWN', `--symbol ${symbol}: not in the universe ${symbols.join(', ')}`);
  }
  if (cycle !== undefined && cycle > cycles) {
    throw new InputError('CYCLE_UNKNOWN', `--cycle ${cycle}: the run has cycles 1 to ${cycles}`);
  }
  const unknown = only?.find((word) => !words.has(word));
  if (unknown !== undefined) {
    throw new InputError(
      'DECISIONS_NONE',
      `--only ${unknown}: the run has no such decision, it has ${[...words].sort(compareCodeUnits).join(', ')}`,
    );
  }
  return found;
}
