import { invariant } from '../../domain/errors.ts';
import type { MarketSlice, Session } from '../../domain/market-table.ts';
import { HAS_TRADE } from '../../domain/market-table.ts';
import type { TimeUs } from '../../domain/units.ts';
import { US_PER_MINUTE } from '../../domain/units.ts';
import type { ModelColumn, SignalLayout } from '../../events/layout.ts';
import {
  createHash128,
  digestHex,
  type Hash128,
  resetHash128,
  updateFloat32,
  updateInt32,
} from '../../math/hash128.ts';
import { type FeatureName, featureCode } from './feature-names.ts';
import { createFeaturePlan, type FeaturePlan, updatePlanRow } from './feature-plan.ts';
import { createFeatureSeries, type FeatureSeries, pushBar } from './feature-series.ts';

/**
 * Features of every model of a run, kept up to date bar by bar: trade bars of the market are aggregated to each
 * interval a model asks for, and each group of models with the same inputs (a plan) has one batch that is rewritten
 * only for symbols whose bar closed. Plain data; no two fields share an array, so a generic deep copy is a snapshot.
 */
export interface FeatureEngine {
  readonly symbolCount: number;
  readonly intervals: readonly BarInterval[];
  readonly plans: readonly FeaturePlan[];
  /** Plan of each column of the layout. */
  readonly planOfColumn: Int32Array;
  /** 1 where (column c, symbol i) has usable inputs, at c * symbolCount + i. */
  readonly usable: Uint8Array;
  /** How often a (column, symbol) was masked in a batch, by column and reason, since the start of the run. */
  readonly masked: { readonly nanFeature: Int32Array; readonly shortHistory: Int32Array };
  openUs: TimeUs;
  closeUs: TimeUs;
  readonly hash: Hash128;
  /** Digest of the current batches; empty when they changed since. Derivable. */
  digest: string;
}

/** Trade bars of one length, in the making: one slot a symbol; prices in 1e-4 dollars. */
export interface BarInterval {
  readonly minutes: number;
  readonly lengthUs: number;
  /** End of the bar in the making. */
  endUs: TimeUs;
  readonly hasTrade: Uint8Array;
  readonly highE4: Float64Array;
  readonly lowE4: Float64Array;
  readonly closeE4: Float64Array;
  readonly volume: Float64Array;
  readonly series: readonly FeatureSeries[];
}

/** Inputs of all models for one cycle; the arrays are the engine's own and change with the next slice. */
export interface FeatureBatches {
  /** Index-aligned with `layout.columns`; columns of one plan share an array. */
  readonly batches: readonly Float32Array[];
  readonly usable: Uint8Array;
}

/**
 * @param barSeconds length of the market's bars; every model interval must be a multiple of it
 * @throws InvariantError on an unknown feature name or an interval that the bars cannot make up: both are for the
 *   model loader to refuse with a message that names the file
 */
export function createFeatureEngine(options: {
  readonly layout: SignalLayout;
  readonly barSeconds: number;
}): FeatureEngine {
  const { columns, symbols } = options.layout;
  const minutes = [...new Set(columns.map((column) => column.intervalMinutes))].sort((a, b) => a - b);
  for (const length of minutes) {
    invariant(
      length > 0 && (length * 60) % options.barSeconds === 0,
      `interval of ${length} minutes cannot be made of bars of ${options.barSeconds} s`,
    );
  }
  const planKeys = columns.map(planKey);
  const distinct = [...new Set(planKeys)];
  return {
    symbolCount: symbols.length,
    intervals: minutes.map((length) => {
      const asked = columns.filter((column) => column.intervalMinutes === length);
      const names = new Set(asked.flatMap(({ features }) => features));
      return createInterval(length, symbols.length, names as ReadonlySet<FeatureName>);
    }),
    plans: distinct.map((key) => {
      const column = columns[planKeys.indexOf(key)]!;
      return createFeaturePlan({
        interval: minutes.indexOf(column.intervalMinutes),
        sequenceLength: column.sequenceLength,
        takesNan: column.takesNan,
        codes: Int32Array.from(column.features, knownCode),
        symbolCount: symbols.length,
      });
    }),
    planOfColumn: Int32Array.from(planKeys, (key) => distinct.indexOf(key)),
    usable: new Uint8Array(columns.length * symbols.length),
    masked: { nanFeature: new Int32Array(columns.length), shortHistory: new Int32Array(columns.length) },
    openUs: 0,
    closeUs: 0,
    hash: createHash128(),
    digest: '',
  };
}

function planKey(column: ModelColumn): string {
  return JSON.stringify([column.intervalMinutes, column.sequenceLength, column.takesNan, column.features]);
}

function knownCode(name: string): number {
  const code = featureCode(name);
  invariant(code !== undefined, `unknown feature "${name}" reached the feature engine`);
  return code;
}

function createInterval(minutes: number, symbolCount: number, asked: ReadonlySet<FeatureName>): BarInterval {
  return {
    minutes,
    lengthUs: minutes * US_PER_MINUTE,
    endUs: 0,
    hasTrade: new Uint8Array(symbolCount),
    highE4: new Float64Array(symbolCount),
    lowE4: new Float64Array(symbolCount),
    closeE4: new Float64Array(symbolCount),
    volume: new Float64Array(symbolCount),
    series: Array.from({ length: symbolCount }, () => createFeatureSeries(asked)),
  };
}

export function openSession(engine: FeatureEngine, session: Session): void {
  engine.openUs = session.openUs;
  engine.closeUs = session.closeUs;
  for (const interval of engine.intervals) {
    interval.endUs = Math.min(session.openUs + interval.lengthUs, session.closeUs);
  }
}

/**
 * Takes one slice of the market. Rows without a trade, of symbols outside the universe or ending outside the session
 * are passed over. A bar closes when the slice that ends it is in, or when a later one shows that it will not come.
 * @param universeIxOf table symbol index to universe index, -1 for symbols outside the universe
 */
export function applySlice(engine: FeatureEngine, slice: MarketSlice, universeIxOf: Int32Array): void {
  const { table, from, to } = slice;
  if (from >= to) return;
  const endUs = table.endUs[from]!;
  if (endUs <= engine.openUs || endUs > engine.closeUs) return;
  for (let k = 0; k < engine.intervals.length; k++) {
    const interval = engine.intervals[k]!;
    if (endUs > interval.endUs) {
      closeBars(engine, k);
      const index = Math.ceil((endUs - engine.openUs) / interval.lengthUs);
      interval.endUs = Math.min(engine.openUs + index * interval.lengthUs, engine.closeUs);
    }
    for (let row = from; row < to; row++) {
      const symbol = universeIxOf[table.symbolIx[row]!]!;
      if (symbol < 0 || (table.flags[row]! & HAS_TRADE) === 0) continue;
      addTrade(interval, symbol, table, row);
    }
    if (endUs === interval.endUs) {
      closeBars(engine, k);
      interval.endUs = Math.min(endUs + interval.lengthUs, engine.closeUs);
    }
  }
}

function addTrade(interval: BarInterval, symbol: number, table: MarketSlice['table'], row: number): void {
  const high = table.highE4[row]!;
  const low = table.lowE4[row]!;
  if (interval.hasTrade[symbol] === 0) {
    interval.hasTrade[symbol] = 1;
    interval.highE4[symbol] = high;
    interval.lowE4[symbol] = low;
    interval.volume[symbol] = table.volume[row]!;
  } else {
    if (high > interval.highE4[symbol]!) interval.highE4[symbol] = high;
    if (low < interval.lowE4[symbol]!) interval.lowE4[symbol] = low;
    interval.volume[symbol]! += table.volume[row]!;
  }
  interval.closeE4[symbol] = table.closeE4[row]!;
}

/** Ends the session: bars still in the making are closed as they stand. */
export function closeSession(engine: FeatureEngine): void {
  for (let k = 0; k < engine.intervals.length; k++) closeBars(engine, k);
}

/** Closes the bar of every symbol that traded in it and brings the plans on this interval up to date. */
function closeBars(engine: FeatureEngine, intervalIx: number): void {
  const interval = engine.intervals[intervalIx]!;
  for (let symbol = 0; symbol < engine.symbolCount; symbol++) {
    if (interval.hasTrade[symbol] === 0) continue;
    interval.hasTrade[symbol] = 0;
    const series = interval.series[symbol]!;
    pushBar(series, {
      high: interval.highE4[symbol]! / 10_000,
      low: interval.lowE4[symbol]! / 10_000,
      close: interval.closeE4[symbol]! / 10_000,
      volume: interval.volume[symbol]!,
    });
    for (let p = 0; p < engine.plans.length; p++) {
      const plan = engine.plans[p]!;
      if (plan.interval === intervalIx) updatePlanRow(plan, series, symbol);
    }
    engine.digest = '';
  }
}

/** Batches and mask for the inference request of this cycle; counts what is masked and why. */
export function buildBatches(engine: FeatureEngine): FeatureBatches {
  const { symbolCount, planOfColumn, usable, masked } = engine;
  const batches: Float32Array[] = [];
  for (let c = 0; c < planOfColumn.length; c++) {
    const plan = engine.plans[planOfColumn[c]!]!;
    batches.push(plan.batch);
    for (let i = 0; i < symbolCount; i++) {
      const state = plan.rowState[i]!;
      usable[c * symbolCount + i] = state === 0 ? 1 : 0;
      if (state === 1) masked.shortHistory[c]!++;
      else if (state === 2) masked.nanFeature[c]!++;
    }
  }
  return { batches, usable };
}

/**
 * Digest over the exact bits of every plan's inputs and masks. A tabular plan contributes its whole matrix; a sequence
 * plan contributes the running hash of every row that ever entered it, which its [N, T, F] matrix is a window of.
 */
export function featuresDigest(engine: FeatureEngine): string {
  if (engine.digest !== '') return engine.digest;
  const { hash } = engine;
  resetHash128(hash);
  for (const plan of engine.plans) {
    if (plan.sequenceLength > 1) {
      const { h, block, blockWords } = plan.rowsHash;
      updateInt32(hash, h);
      // words of the newest rows that do not fill a block yet
      updateInt32(hash, block, 0, blockWords);
    } else updateFloat32(hash, plan.batch);
    updateInt32(hash, plan.rowState);
  }
  engine.digest = digestHex(hash);
  return engine.digest;
}
