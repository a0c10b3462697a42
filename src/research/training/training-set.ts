import { actionsAtOpen, type CorporateAction } from '../../domain/corporate-actions.ts';
import { InputError } from '../../domain/errors.ts';
import { parseHorizon } from '../../domain/horizon.ts';
import {
  HAS_TRADE,
  IS_HALTED,
  type MarketSlice,
  type MarketTable,
  type Session,
} from '../../domain/market-table.ts';
import { indexOfSymbol } from '../../domain/symbol-index.ts';
import { US_PER_SECOND } from '../../domain/units.ts';
import type { ModelColumn, SignalLayout } from '../../events/layout.ts';
import {
  applySlice,
  buildBatches,
  closeSession,
  createFeatureEngine,
  type FeatureEngine,
  openSession,
} from '../../pipeline/0-features/feature-engine.ts';
import type { FeatureName } from '../../pipeline/0-features/feature-names.ts';
import { rebaseFeatures } from '../../pipeline/0-features/rebase-features.ts';
import { applyMarketRow, createMarketState, type MarketState } from '../../pipeline/market-state.ts';
import type { MarketDataset } from '../../ports/market-data.ts';
import type { Progress } from '../../ports/progress.ts';

/** Features of the tabular models: free of price level, and defined on every bar after the twentieth. */
export const TABULAR_FEATURES: readonly FeatureName[] = [
  'ret_1d',
  'ret_5d',
  'ret_10d',
  'ret_20d',
  'vol_5d',
  'vol_20d',
  'ma_ratio_10',
  'ma_ratio_20',
  'bb_position',
  'bb_width',
  'high_low_range',
  'volume_ma_ratio',
  'close_to_high_52w',
  'close_to_low_52w',
];

/** What the sequence model sees of each of the last {@link SEQUENCE_LENGTH} bars. */
export const SEQUENCE_FEATURES: readonly FeatureName[] = [
  'ret_1d',
  'bb_position',
  'high_low_range',
  'volume_ma_ratio',
];
export const SEQUENCE_LENGTH = 16;

/** More rows than these small models can use; beyond it, whole bars are left out evenly. */
const MAX_ROWS = 400_000;

/** Mid prices of one session on the bar grid: step s is the end of bar s, from 1 to `steps`; step 0 is the open. */
export interface MidGrid {
  readonly steps: number;
  readonly symbolCount: number;
  /** Newest valid mid of this session at (step s, symbol i), 1e-4 dollars, at `s * symbolCount + i`; 0 before the first. */
  readonly midE4: Float64Array;
}

/** What models learn from: one row per (bar end, symbol) where every feature and a mid exist, by session, time, symbol. */
export interface TrainingSet {
  readonly symbols: readonly string[];
  readonly barSeconds: number;
  readonly rowCount: number;
  /** `[rowCount, TABULAR_FEATURES]`. */
  readonly tabular: Float32Array;
  /** `[rowCount, SEQUENCE_LENGTH, SEQUENCE_FEATURES]`, oldest bar first; empty without a sequence model. */
  readonly sequences: Float32Array;
  readonly symbolIx: Int32Array;
  /** Index into `grids`. */
  readonly sessionIx: Int32Array;
  readonly step: Int32Array;
  readonly grids: readonly MidGrid[];
  /** By session: symbols whose prices before its open do not compare with those after. */
  readonly exSymbols: readonly (readonly number[])[];
}

export interface TrainingSetOptions {
  readonly dataset: MarketDataset;
  /** Dates, ascending. */
  readonly sessions: readonly string[];
  /** Code-unit order. */
  readonly symbols: readonly string[];
  readonly withSequences: boolean;
  readonly progress: Progress;
}

/**
 * Runs the engine's own feature stage over the sessions, so that training and running see the same numbers.
 * @throws InputError SESSION_MISSING, SYMBOL_MISSING, TRAINING_EMPTY
 */
export async function buildTrainingSet(options: TrainingSetOptions): Promise<TrainingSet> {
  const { dataset, symbols, progress } = options;
  const sessions = options.sessions.map((date) => sessionOf(dataset, date));
  const missing = symbols.find((symbol) => !dataset.symbols.includes(symbol));
  if (missing !== undefined) {
    throw new InputError(
      'SYMBOL_MISSING',
      `training: the dataset has no symbol ${missing}, it has ${dataset.symbols.join(', ')}`,
    );
  }
  const rows = createRowStore(options, sessions);
  const layout = trainingLayout(options);
  const engine = createFeatureEngine({ layout, barSeconds: dataset.barSeconds });
  const grids: MidGrid[] = [];
  const exSymbols: (readonly number[])[] = [];
  const ours = dataset.actions.filter(({ symbol }) => symbols.includes(symbol));
  for (const [ix, session] of sessions.entries()) {
    progress.update(ix, sessions.length, `features ${session.date}`);
    const table = await dataset.loadSession(session.date);
    const actions = actionsAtOpen(ours, { previous: sessions[ix - 1]?.date, date: session.date });
    exSymbols.push(actions.map(({ symbol }) => indexOfSymbol(symbols, symbol)));
    grids.push(replaySession({ engine, rows, table, session, sessionIx: ix, symbols, actions }));
  }
  if (rows.count === 0) {
    throw new InputError(
      'TRAINING_EMPTY',
      `training: no bar of ${options.sessions.join(', ')} has all features and a quote; train on more sessions or other symbols`,
    );
  }
  return finishRows(rows, { symbols, barSeconds: dataset.barSeconds, grids, exSymbols });
}

function sessionOf(dataset: MarketDataset, date: string): Session {
  const session = dataset.sessions.find((candidate) => candidate.date === date);
  if (session !== undefined) return session;
  const dates = dataset.sessions.map((candidate) => candidate.date);
  throw new InputError(
    'SESSION_MISSING',
    `training: the dataset has no session ${date}, it covers ${dates[0] ?? 'none'} to ${dates.at(-1) ?? 'none'}`,
  );
}

/**
 * Bar interval of the features: a minute, or the dataset's bars where those are longer.
 * @throws InputError BARS_NOT_TRAINABLE when minutes and bars do not fit each other
 */
export function featureMinutes(barSeconds: number): number {
  const minutes = Math.max(1, barSeconds / 60);
  if (Number.isInteger(minutes) && Number.isInteger((minutes * 60) / barSeconds)) return minutes;
  throw new InputError(
    'BARS_NOT_TRAINABLE',
    `training: the dataset's bars of ${barSeconds} s make up no whole minute, expected 1 s, 60 s or another such length`,
  );
}

/** Two columns that no model stands behind: their plans are what the models to be trained will be fed. */
function trainingLayout({ symbols, withSequences, dataset }: TrainingSetOptions): SignalLayout {
  const tabular: ModelColumn = {
    id: 'training/tabular',
    target: 'ret_5m',
    view: 'training',
    family: 'tabular',
    kind: 'return',
    horizon: parseHorizon('5m'),
    modelSha256: '',
    shape: 'tabular',
    features: TABULAR_FEATURES,
    intervalMinutes: featureMinutes(dataset.barSeconds),
    sequenceLength: 1,
    takesNan: false,
  };
  const sequence: ModelColumn = {
    ...tabular,
    id: 'training/sequence',
    family: 'sequence',
    shape: 'sequence',
    features: SEQUENCE_FEATURES,
    sequenceLength: SEQUENCE_LENGTH,
  };
  return { symbols, columns: withSequences ? [tabular, sequence] : [tabular] };
}

interface RowStore {
  readonly tabular: Float32Array;
  readonly sequences: Float32Array;
  readonly symbolIx: Int32Array;
  readonly sessionIx: Int32Array;
  readonly step: Int32Array;
  /** Every how many bars a row is taken. */
  readonly barStride: number;
  count: number;
}

function createRowStore(options: TrainingSetOptions, sessions: readonly Session[]): RowStore {
  const { dataset, symbols, withSequences } = options;
  const bars = sessions.reduce((sum, session) => sum + stepsOf(session, dataset.barSeconds), 0);
  // bars shorter than the models' interval add rows with the same features: one row an interval is enough
  const barsPerInterval = Math.max(1, (featureMinutes(dataset.barSeconds) * 60) / dataset.barSeconds);
  const thinning = Math.ceil((bars * symbols.length) / barsPerInterval / MAX_ROWS);
  const barStride = barsPerInterval * Math.max(1, thinning);
  const capacity = (Math.ceil(bars / barStride) + sessions.length) * symbols.length;
  return {
    tabular: new Float32Array(capacity * TABULAR_FEATURES.length),
    sequences: new Float32Array(withSequences ? capacity * SEQUENCE_LENGTH * SEQUENCE_FEATURES.length : 0),
    symbolIx: new Int32Array(capacity),
    sessionIx: new Int32Array(capacity),
    step: new Int32Array(capacity),
    barStride,
    count: 0,
  };
}

function finishRows(
  rows: RowStore,
  rest: Pick<TrainingSet, 'symbols' | 'barSeconds' | 'grids' | 'exSymbols'>,
): TrainingSet {
  const { count } = rows;
  const sequenceSize = rows.sequences.length === 0 ? 0 : SEQUENCE_LENGTH * SEQUENCE_FEATURES.length;
  return {
    ...rest,
    rowCount: count,
    tabular: rows.tabular.subarray(0, count * TABULAR_FEATURES.length),
    sequences: rows.sequences.subarray(0, count * sequenceSize),
    symbolIx: rows.symbolIx.subarray(0, count),
    sessionIx: rows.sessionIx.subarray(0, count),
    step: rows.step.subarray(0, count),
  };
}

function stepsOf(session: Session, barSeconds: number): number {
  return Math.floor((session.closeUs - session.openUs) / (barSeconds * US_PER_SECOND));
}

interface SessionReplay {
  readonly engine: FeatureEngine;
  readonly rows: RowStore;
  readonly table: MarketTable;
  readonly session: Session;
  readonly sessionIx: number;
  readonly symbols: readonly string[];
  readonly actions: readonly CorporateAction[];
}

function replaySession(replay: SessionReplay): MidGrid {
  const { engine, table, session, symbols } = replay;
  const barUs = table.barSeconds * US_PER_SECOND;
  const steps = stepsOf(session, table.barSeconds);
  const grid = { steps, symbolCount: symbols.length, midE4: new Float64Array((steps + 1) * symbols.length) };
  const universeIxOf = Int32Array.from(table.symbols, (symbol) => indexOfSymbol(symbols, symbol));
  // a fresh state a session: no mid of yesterday ever stands in for today's
  const market = createMarketState(symbols.length);
  let filled = 0;
  openSession(engine, session);
  for (const action of replay.actions) {
    rebaseFeatures(engine, indexOfSymbol(symbols, action.symbol), action);
  }
  for (let from = 0; from < table.rowCount; ) {
    let to = from + 1;
    while (to < table.rowCount && table.endUs[to] === table.endUs[from]) to++;
    const slice = { table, from, to };
    const step = Math.ceil((table.endUs[from]! - session.openUs) / barUs);
    fillMids(grid, market, { from: filled + 1, to: step - 1 });
    applySlice(engine, slice, universeIxOf);
    applyMids(market, slice, universeIxOf);
    fillMids(grid, market, { from: step, to: step });
    filled = step;
    if (step < steps && step % replay.rows.barStride === 0)
      takeRows(replay, { slice, step, market, universeIxOf });
    from = to;
  }
  fillMids(grid, market, { from: filled + 1, to: steps });
  closeSession(engine);
  return grid;
}

function applyMids(market: MarketState, slice: MarketSlice, universeIxOf: Int32Array): void {
  for (let row = slice.from; row < slice.to; row++) {
    const i = universeIxOf[slice.table.symbolIx[row]!]!;
    if (i >= 0) applyMarketRow(market, slice, row, i, slice.table.endUs[row]!);
  }
}

function fillMids(
  grid: MidGrid,
  market: MarketState,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  for (let step = from; step <= Math.min(to, grid.steps); step++) {
    grid.midE4.set(market.midE4, step * grid.symbolCount);
  }
}

/** A row for every symbol that traded in this bar, is not halted, has a mid of this very bar and all its features. */
function takeRows(
  { engine, rows, sessionIx }: SessionReplay,
  at: {
    readonly slice: MarketSlice;
    readonly step: number;
    readonly market: MarketState;
    readonly universeIxOf: Int32Array;
  },
): void {
  const { table, from, to } = at.slice;
  const { batches, usable } = buildBatches(engine);
  const width = TABULAR_FEATURES.length;
  const sequenceSize = SEQUENCE_LENGTH * SEQUENCE_FEATURES.length;
  for (let row = from; row < to; row++) {
    const i = at.universeIxOf[table.symbolIx[row]!]!;
    if (i < 0 || (table.flags[row]! & HAS_TRADE) === 0 || (table.flags[row]! & IS_HALTED) !== 0) continue;
    const isComplete = batches.every((_, c) => usable[c * engine.symbolCount + i] === 1);
    if (!isComplete || at.market.midUs[i] !== table.endUs[row]) continue;
    const { count } = rows;
    rows.tabular.set(batches[0]!.subarray(i * width, (i + 1) * width), count * width);
    if (batches.length > 1) {
      rows.sequences.set(
        batches[1]!.subarray(i * sequenceSize, (i + 1) * sequenceSize),
        count * sequenceSize,
      );
    }
    rows.symbolIx[count] = i;
    rows.sessionIx[count] = sessionIx;
    rows.step[count] = at.step;
    rows.count++;
  }
}
