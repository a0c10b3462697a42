import { compareCodeUnits } from '../../domain/compare.ts';
import type { Horizon } from '../../domain/horizon.ts';
import type { BlendingSettings } from '../../domain/settings.ts';
import type { SignalLayout } from '../../events/layout.ts';
import { temperatureOf } from './temperature.ts';

/** One horizon to blend: the return models that predict it. */
export interface HorizonPlan {
  readonly horizon: Horizon;
  /** Columns of the signal layout, ascending: the families of this horizon. */
  readonly columns: readonly number[];
  readonly temperature: number;
}

/** Which columns form which horizon. Horizons are sorted from short to long, so that the first of equals is the shorter. */
export interface BlendPlan {
  readonly symbolCount: number;
  readonly columnCount: number;
  readonly horizons: readonly HorizonPlan[];
}

/**
 * Groups the return columns of a layout by horizon length; barrier columns belong to no horizon. Two labels of one
 * length (`60m`, `1h`) are one horizon, under the label that comes first in column order; `1d` and `390m` are two,
 * because they mature differently.
 */
export function planBlending(layout: SignalLayout, settings: BlendingSettings): BlendPlan {
  const groups: { horizon: Horizon; columns: number[] }[] = [];
  layout.columns.forEach((column, c) => {
    if (column.kind !== 'return') return;
    const group = groups.find((g) => isSameHorizon(g.horizon, column.horizon));
    if (group === undefined) groups.push({ horizon: column.horizon, columns: [c] });
    else group.columns.push(c);
  });
  groups.sort((a, b) => compareHorizons(a.horizon, b.horizon));
  return {
    symbolCount: layout.symbols.length,
    columnCount: layout.columns.length,
    horizons: groups.map(({ horizon, columns }) => ({
      horizon,
      columns,
      temperature: temperatureOf(horizon.label, settings),
    })),
  };
}

function isSameHorizon(a: Horizon, b: Horizon): boolean {
  return a.minutes === b.minutes && a.sessions === b.sessions;
}

function compareHorizons(a: Horizon, b: Horizon): number {
  return a.minutes - b.minutes || a.sessions - b.sessions || compareCodeUnits(a.label, b.label);
}
