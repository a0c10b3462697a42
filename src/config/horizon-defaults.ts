import { type Horizon, parseHorizon } from '../domain/horizon.ts';

/** Horizons of a scenario that names none. */
export const DEFAULT_HORIZONS = ['5m', '10m', '15m', '30m', '60m', '1d'] as const;

/** Freshness scale tau by horizon, seconds. */
export const FRESHNESS_TAU_SECONDS: Readonly<Record<string, number>> = {
  '5m': 150,
  '10m': 300,
  '15m': 450,
  '30m': 900,
  '60m': 1800,
  '1d': 7200,
};

/** Blending temperature T by horizon; T < 1 flattens the weights toward uniform. */
export const TEMPERATURE: Readonly<Record<string, number>> = {
  '5m': 0.75,
  '10m': 0.85,
  '15m': 0.9,
  '30m': 1,
  '60m': 1,
  '1d': 1,
};

/**
 * One value a horizon: the scenario's own, else the built-in one for the same length (`1h` is `60m`), else the
 * fallback. Holds exactly the scenario's horizons, so that values nothing reads do not change a run's identity.
 */
export function perHorizon({ horizons, given, builtIn, fallback }: PerHorizonInputs): Record<string, number> {
  const values: Record<string, number> = {};
  for (const horizon of horizons) {
    values[horizon.label] = given?.[horizon.label] ?? builtInFor(horizon, builtIn) ?? fallback;
  }
  return values;
}

export interface PerHorizonInputs {
  readonly horizons: readonly Horizon[];
  readonly given: Readonly<Record<string, number>> | undefined;
  readonly builtIn: Readonly<Record<string, number>>;
  readonly fallback: number;
}

function builtInFor(horizon: Horizon, builtIn: Readonly<Record<string, number>>): number | undefined {
  for (const label of Object.keys(builtIn)) {
    const other = parseHorizon(label);
    if (other.minutes === horizon.minutes && other.sessions === horizon.sessions) return builtIn[label];
  }
  return undefined;
}
