import { parseHorizon } from '../../src/domain/horizon.ts';
import type { Session } from '../../src/domain/market-table.ts';
import type { PredictionSettings } from '../../src/domain/settings.ts';
import { US_PER_MINUTE } from '../../src/domain/units.ts';
import type { Predictions } from '../../src/events/inputs.ts';
import type { ModelColumn, SignalLayout } from '../../src/events/layout.ts';

export const MINUTE = US_PER_MINUTE;

export function column(options: Partial<ModelColumn> & { readonly horizonLabel?: string } = {}): ModelColumn {
  const { horizonLabel = '5m', ...overrides } = options;
  const target = overrides.target ?? `ret_${horizonLabel}`;
  const family = overrides.family ?? 'ridge';
  return {
    id: `${target}/all/${family}`,
    target,
    view: 'all',
    family,
    kind: 'return',
    horizon: parseHorizon(horizonLabel),
    modelSha256: '0'.repeat(64),
    shape: 'tabular',
    features: ['ret_1d'],
    intervalMinutes: 1,
    sequenceLength: 1,
    takesNan: false,
    ...overrides,
  };
}

export function layout(
  columns: readonly ModelColumn[],
  symbols: readonly string[] = ['AAA', 'BBB'],
): SignalLayout {
  return { symbols, columns };
}

export const SETTINGS: PredictionSettings = {
  standardizeWindow: 50,
  standardizeMinSamples: 3,
  standardizeMinStd: 1e-9,
  rankMinSymbols: 5,
  scoreClip: 3,
  icWindow: 100,
  icMinPairs: 5,
  icShrinkPairs: 20,
  icRecomputeCycles: 3,
  confidenceFloor: 0.01,
  freshnessTauSeconds: { '5m': 150, '10m': 300, '15m': 450, '30m': 900, '60m': 1800, '1d': 7200 },
  freshnessTauDefaultSeconds: 300,
  capacityKappa: 0.1,
  stabilityDefault: 0.5,
  volHalfLifeBars: 78,
  volMinReturns: 2,
  overnightHalfLifeSessions: 20,
};

/** The given values, column-major; null = missing. */
export function predictions(values: readonly (number | null)[], cycle = 0): Predictions {
  return {
    cycle,
    values: Float32Array.from(values, (value) => value ?? 0),
    valid: Uint8Array.from(values, (value) => (value === null ? 0 : 1)),
  };
}

const FIRST_OPEN_US = Date.UTC(2024, 2, 4, 14, 30) * 1000;

/** The n-th session of a made-up calendar of one session a day. */
export function session(n: number, minutes = 390): Session {
  const openUs = FIRST_OPEN_US + n * 86_400_000_000;
  return {
    date: `2024-03-${String(4 + n).padStart(2, '0')}`,
    openUs,
    closeUs: openUs + minutes * MINUTE,
    isHalfDay: minutes < 390,
  };
}
