import { compareCodeUnits } from '../domain/compare.ts';
import { type Horizon, parseHorizon } from '../domain/horizon.ts';
import type { SourceScript } from '../domain/incidents.ts';
import { dollarsToMicros } from '../domain/money.ts';
import type { EngineSettings } from '../domain/settings.ts';
import {
  type ConfigMap,
  type ConfigPath,
  locateKey,
  locateValue,
  type Origin,
  type ScenarioProblem,
} from './config-tree.ts';
import { riskProblems } from './risk-problems.ts';
import type { Scenario } from './schema.ts';
import { toArbitrationSettings } from './sections/arbitration.ts';
import { toBlendingSettings } from './sections/blending.ts';
import { noBorrowSymbolsOf } from './sections/borrow.ts';
import { toExchangeSettings, toExecutionSettings } from './sections/broker.ts';
import { toGatingSettings } from './sections/gating.ts';
import { toLearningSettings } from './sections/learning.ts';
import { standardizeWindowOf, toPredictionSettings } from './sections/prediction.ts';
import { toReconciliationSettings } from './sections/reconciliation.ts';
import { toRiskSettings } from './sections/risk.ts';
import { toSizingSettings } from './sections/sizing.ts';

/**
 * What a scenario decides: all of it enters the run's identity, so it holds no paths, no comments and nothing about
 * the machine. Two files that mean the same give equal settings, whatever the order of their keys, symbols or horizons.
 */
export interface ScenarioSettings {
  readonly name: string;
  /** First and last session, `YYYY-MM-DD`, included; absent means the dataset's. */
  readonly from?: string;
  readonly to?: string;
  /** Universe in code-unit order; absent means every symbol of the dataset. */
  readonly symbols?: readonly string[];
  /** Shortest first; none before they are discovered, where the scenario says so. */
  readonly horizons: readonly Horizon[];
  readonly engine: EngineSettings;
  /** Absent where nothing is rehearsed. */
  readonly script?: SourceScript;
}

/**
 * Turns a validated scenario into engine units: micro-dollars, 1e-4 dollars, cycles, one value a horizon.
 * @param discovered horizons of the run root, shortest first, for a scenario that leaves them to be found
 */
export function resolveSettings(scenario: Scenario, discovered: readonly Horizon[] = []): ScenarioSettings {
  const horizons = scenario.horizons === 'discover' ? discovered : sortedHorizons(scenario.horizons);
  const { minutes: cycleMinutes, heartbeatMinutes } = scenario.cycle;
  const { incidents } = scenario;
  const { from, to, symbols } = scenario.data;
  return {
    name: scenario.name,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(symbols === undefined ? {} : { symbols: [...symbols].sort(compareCodeUnits) }),
    horizons,
    ...(incidents.length === 0 && heartbeatMinutes === 0 ? {} : { script: { incidents, heartbeatMinutes } }),
    engine: {
      seed: scenario.seed,
      strict: scenario.strict,
      initialCashMicros: dollarsToMicros(scenario.account.initialCashDollars),
      cycleMinutes,
      prediction: toPredictionSettings(scenario.prediction, { horizons, cycleMinutes }),
      blending: toBlendingSettings(scenario.blending, { horizons }),
      arbitration: toArbitrationSettings(scenario.arbitration),
      gating: toGatingSettings(scenario.gating),
      sizing: toSizingSettings(scenario.sizing),
      // an order the exchange is bound to reject is not worth sending
      risk: toRiskSettings(scenario.risk, {
        allowsShort: scenario.broker.allowShort,
        noBorrowSymbols: noBorrowSymbolsOf(scenario.broker.borrow),
      }),
      execution: toExecutionSettings(scenario.execution),
      exchange: toExchangeSettings(scenario.broker),
      learning: toLearningSettings(scenario.learning),
      reconciliation: toReconciliationSettings(scenario.reconciliation, {
        isSimulated: scenario.broker.source === 'simulated',
      }),
    },
  };
}

function sortedHorizons(labels: readonly string[]): Horizon[] {
  return labels
    .map(parseHorizon)
    .sort((a, b) => a.minutes - b.minutes || a.sessions - b.sessions || compareCodeUnits(a.label, b.label));
}

/** What no single key shows: values that are each fine and do not fit together. */
export function crossProblems(scenario: Scenario, root: ConfigMap): ScenarioProblem[] {
  const problems: ScenarioProblem[] = [];
  const report = (path: ConfigPath, message: string): void => {
    problems.push({ origin: locateValue(root, path), message });
  };
  const { from, to, symbols } = scenario.data;
  if (from !== undefined && to !== undefined && from > to) {
    report(['data', 'to'], `data.to: expected a session at or after data.from ${from}, found ${to}`);
  }
  const { source, graceMilliseconds, alpaca } = scenario.data;
  if (source === 'alpaca' && graceMilliseconds <= alpaca.graceMs) {
    report(
      ['data', 'graceMilliseconds'],
      `data.graceMilliseconds: expected more than data.alpaca.graceMs ${alpaca.graceMs}, found ${graceMilliseconds}; cycles would fall due before their bar is given`,
    );
  }
  for (const at of repeats(symbols ?? [])) {
    report(['data', 'symbols', at], `data.symbols[${at}]: ${symbols?.[at]} is listed twice; keep one`);
  }
  for (const key of ['families', 'excludeFamilies', 'views'] as const) {
    if (scenario.models[key] !== undefined && typeof scenario.models.runRoot !== 'string') {
      report(
        ['models', key],
        `models.${key}: expected models.runRoot beside it, whose models it chooses from`,
      );
    }
  }
  const labels = scenario.horizons;
  if (labels === 'discover') {
    if (typeof scenario.models.runRoot !== 'string') {
      report(['horizons'], 'horizons: discover needs models.runRoot, whose target names it reads them from');
    }
  } else {
    const lengths = labels.map((label) => {
      const { minutes, sessions } = parseHorizon(label);
      return `${minutes}/${sessions}`;
    });
    for (const at of repeats(lengths)) {
      const first = labels[lengths.indexOf(lengths[at] as string)];
      report(['horizons', at], `horizons[${at}]: ${labels[at]} is the same length as ${first}; keep one`);
    }
  }
  const { standardizeWindowCycles, standardizeMinSamples } = scenario.prediction;
  const window = standardizeWindowOf(scenario.prediction, scenario.cycle.minutes);
  if (standardizeMinSamples > window) {
    // a window that is never full enough would give no score, so the run would never trade
    const expected = `expected at least standardizeMinSamples ${standardizeMinSamples}, found ${window}`;
    if (standardizeWindowCycles !== undefined) {
      report(['prediction', 'standardizeWindowCycles'], `prediction.standardizeWindowCycles: ${expected}`);
    } else {
      report(
        ['cycle', 'minutes'],
        `prediction.standardizeWindowCycles: ${expected}, the cycles of 10 days at cycle.minutes ${scenario.cycle.minutes}; set one of the three`,
      );
    }
  }
  const { deadlineMilliseconds, meanLatencyMilliseconds } = scenario.prediction;
  if (deadlineMilliseconds === undefined && Object.keys(meanLatencyMilliseconds).length > 0) {
    report(
      ['prediction', 'meanLatencyMilliseconds'],
      'prediction.meanLatencyMilliseconds: expected prediction.deadlineMilliseconds beside it, else no answer is late',
    );
  }
  if (scenario.prediction.icMinPairs > scenario.prediction.icWindowPairs) {
    report(
      ['prediction', 'icMinPairs'],
      `prediction.icMinPairs: expected at most icWindowPairs ${scenario.prediction.icWindowPairs}, found ${scenario.prediction.icMinPairs}`,
    );
  }
  if (scenario.learning.warmStart !== undefined && scenario.learning.algorithm === 'off') {
    report(
      ['learning', 'warmStart'],
      'learning.warmStart: nothing would read it, because learning.algorithm is off; set exp3ix or hedge, or leave it out',
    );
  }
  problems.push(...riskProblems(scenario, root));
  return labels === 'discover' ? problems : [...problems, ...strayHorizons(scenario, labels, root)];
}

/** A value for a horizon the scenario does not have is a typo more often than not. */
function strayHorizons(scenario: Scenario, labels: readonly string[], root: ConfigMap): ScenarioProblem[] {
  return horizonKeys(scenario).flatMap(({ path, label }) =>
    // a profile speaks of all horizons, whichever a scenario has
    labels.includes(label) || isOfProfile(locateKey({ root, path, key: label }))
      ? []
      : [
          {
            origin: locateKey({ root, path, key: label }),
            message: `${path.join('.')}: ${label} is not one of the horizons of this scenario (${labels.join(', ')})`,
          },
        ],
  );
}

/** Every key of the scenario that is a horizon's label. */
export function horizonKeys(
  scenario: Scenario,
): readonly { readonly path: ConfigPath; readonly label: string }[] {
  const maps: readonly (readonly [ConfigPath, Readonly<Record<string, number>> | undefined])[] = [
    [['prediction', 'freshnessTauSeconds'], scenario.prediction.freshnessTauSeconds],
    [['blending', 'temperature'], scenario.blending.temperature],
    [['learning', 'staticWeights'], scenario.learning.staticWeights],
  ];
  return maps.flatMap(([path, values]) => Object.keys(values ?? {}).map((label) => ({ path, label })));
}

export function isOfProfile({ source }: Origin): boolean {
  return source.startsWith('profile ');
}

/** Indexes of values that appeared before. */
function repeats(values: readonly string[]): number[] {
  const seen = new Set<string>();
  const found: number[] = [];
  for (const [at, value] of values.entries()) {
    if (seen.has(value)) found.push(at);
    seen.add(value);
  }
  return found;
}
