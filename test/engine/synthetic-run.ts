import { resolveSettings } from '../../src/config/resolve.ts';
import { scenarioSchema } from '../../src/config/schema.ts';
import { sessionOn } from '../../src/data/calendar.ts';
import { synthesize } from '../../src/data/synth.ts';
import type { SynthOptions } from '../../src/data/synth-options.ts';
import { type Horizon, parseHorizon } from '../../src/domain/horizon.ts';
import type { MarketTable } from '../../src/domain/market-table.ts';
import type { ModelColumn, SignalLayout } from '../../src/events/layout.ts';
import { runIdentity } from '../../src/modes/run-identity.ts';
import type { SessionRun } from '../../src/modes/run-sessions.ts';
import type { InferencePort } from '../../src/ports/inference.ts';
import { type MemoryTape, memoryTape } from '../../src/tape/memory-tape.ts';

export interface SyntheticRunOptions {
  readonly synth?: SynthOptions;
  readonly horizons?: readonly string[];
  readonly families?: readonly string[];
  /** Scenario keys over the defaults, in human units. */
  readonly scenario?: Readonly<Record<string, unknown>>;
  readonly barriers?: boolean;
}

/** A small universe with predictability planted, and rule-of-thumb models that read it from past returns. */
export function syntheticRun(options: SyntheticRunOptions = {}): SessionRun & { readonly tape: MemoryTape } {
  const tables = [...synthesize({ symbols: 3, sessions: 2, signal: 0.4, seed: 11, ...options.synth })];
  const horizons = (options.horizons ?? ['5m', '15m']).map(parseHorizon);
  const symbols = tables[0]!.symbols;
  const layout = thumbLayout({
    symbols,
    horizons,
    families: options.families ?? ['Fast', 'Slow'],
    barriers: options.barriers ?? true,
  });
  const scenario = scenarioSchema.parse({
    name: 'synthetic',
    data: { dataset: 'none' },
    horizons: horizons.map(({ label }) => label),
    prediction: { standardizeMinSamples: 30 },
    ...options.scenario,
  });
  const settings = resolveSettings(scenario);
  const sessions = tables.map(({ session }) => sessionOn(session)!);
  const identity = runIdentity({
    scenario: scenario.name,
    codeSha256: '0'.repeat(64),
    datasetSha256: '1'.repeat(64),
    barSeconds: 60,
    sessions: sessions.map(({ date }) => date),
    horizons,
    layout,
    settings: settings.engine,
    ...(settings.script === undefined ? {} : { script: settings.script }),
  });
  return {
    identity,
    sessions,
    loadSession: (date) => Promise.resolve(tableOf(tables, date)),
    inference: thumbInference(layout),
    tape: memoryTape({ keepRecords: true }),
  };
}

export function tableOf(tables: readonly MarketTable[], date: string): MarketTable {
  const table = tables.find(({ session }) => session === date);
  if (table === undefined) throw new Error(`no synthetic session ${date}`);
  return table;
}

/** Return models per horizon and family, and a pair of barrier models, all reading 1-minute bars. */
export function thumbLayout(spec: {
  readonly symbols: readonly string[];
  readonly horizons: readonly Horizon[];
  readonly families: readonly string[];
  readonly barriers: boolean;
}): SignalLayout {
  const column = (
    target: string,
    family: string,
    horizon: Horizon,
    kind: ModelColumn['kind'],
  ): ModelColumn => ({
    id: `${target}/base/${family}`,
    target,
    view: 'base',
    family,
    kind,
    horizon,
    modelSha256: '2'.repeat(64),
    shape: 'tabular',
    features: ['ret_1d', 'ret_5d', 'rsi_14', 'volume_change'],
    intervalMinutes: 1,
    sequenceLength: 1,
    takesNan: false,
  });
  const columns = spec.horizons.flatMap((horizon) =>
    spec.families.map((family) => column(`ret_${horizon.label}`, family, horizon, 'return')),
  );
  if (spec.barriers) {
    const five = parseHorizon('5m');
    columns.push(
      column('will_peak_5m', 'Logistic', five, 'peak'),
      column('will_valley_5m', 'Logistic', five, 'valley'),
    );
  }
  return { symbols: spec.symbols, columns: columns.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/**
 * Answers from the features alone: mean reversion of the newest returns plus noise keyed by (column, cycle), so that
 * families differ; barrier models say how stretched RSI is. A real function of what is known, not of the future.
 */
export function thumbInference(layout: SignalLayout): InferencePort {
  const symbolCount = layout.symbols.length;
  return {
    layout,
    infer: ({ cycle, batches, usable }) => {
      const values = new Float32Array(usable.length);
      layout.columns.forEach((column, c) => {
        for (let i = 0; i < symbolCount; i += 1) {
          const draw = noise(c, i, cycle);
          const at = c * symbolCount + i;
          if (usable[at] === 0) continue;
          const [ret1 = 0, ret5 = 0, rsi = 50] = batches[c]!.subarray(i * 4, i * 4 + 4);
          values[at] =
            column.kind === 'return'
              ? -(column.family === 'Fast' ? ret1 : ret5) * 0.3 + draw * 2e-4
              : Math.min(1, Math.max(0, (column.kind === 'peak' ? rsi - 40 : 60 - rsi) / 60));
        }
      });
      return { cycle, values, valid: Uint8Array.from(usable) };
    },
    close: () => Promise.resolve(),
  };
}

/** A fixed number in [-0.5, 0.5) for each (column, symbol, cycle): an integer hash, so that it costs nothing. */
function noise(column: number, symbol: number, cycle: number): number {
  let h =
    Math.imul(column + 1, 0x9e3779b1) ^ Math.imul(symbol + 1, 0x85ebca6b) ^ Math.imul(cycle + 1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32 - 0.5;
}
