import { type ConfigMap, type ConfigPath, locateValue, type ScenarioProblem } from './config-tree.ts';
import type { Scenario } from './schema.ts';

/** Settings of orders, exits and risk that are each fine and do not fit together. */
export function riskProblems(scenario: Scenario, root: ConfigMap): ScenarioProblem[] {
  const problems: ScenarioProblem[] = [];
  const report = (path: ConfigPath, message: string): void => {
    problems.push({ origin: locateValue(root, path), message });
  };
  const { orderType, limitOffsetBps } = scenario.execution;
  const { priceCollarBps, sectors, maxSector, tickDollars, subDollarTickDollars } = scenario.risk;
  if (orderType !== 'market' && limitOffsetBps > priceCollarBps) {
    report(
      ['execution', 'limitOffsetBps'],
      `execution.limitOffsetBps: expected at most risk.priceCollarBps ${priceCollarBps}, found ${limitOffsetBps}; every order would be blocked`,
    );
  }
  const { endOfDayFlattenMinutes } = scenario.gating;
  if (endOfDayFlattenMinutes > 0 && endOfDayFlattenMinutes < scenario.cycle.minutes) {
    report(
      ['gating', 'endOfDayFlattenMinutes'],
      `gating.endOfDayFlattenMinutes: expected 0 or at least cycle.minutes ${scenario.cycle.minutes}, found ${endOfDayFlattenMinutes}; no decision may fall that close to the close`,
    );
  }
  if (subDollarTickDollars > tickDollars) {
    report(
      ['risk', 'subDollarTickDollars'],
      `risk.subDollarTickDollars: expected at most tickDollars ${tickDollars}, found ${subDollarTickDollars}`,
    );
  }
  const hasSectors = Object.keys(sectors).length > 0;
  if (hasSectors && maxSector === undefined) {
    report(['risk', 'sectors'], 'risk.sectors: sectors without a limit say nothing; set risk.maxSector');
  }
  if (!hasSectors && maxSector !== undefined) {
    report(['risk', 'maxSector'], 'risk.maxSector: a limit needs to know the sectors; set risk.sectors');
  }
  return [...problems, ...sectorProblems(scenario, root)];
}

/** Every symbol that is traded counts in exactly one sector: one left out would be limited by none. */
function sectorProblems({ risk, data }: Scenario, root: ConfigMap): ScenarioProblem[] {
  const problems: ScenarioProblem[] = [];
  const sectorOf = new Map<string, string>();
  for (const [sector, symbols] of Object.entries(risk.sectors)) {
    for (const [at, symbol] of symbols.entries()) {
      const other = sectorOf.get(symbol);
      if (other !== undefined) {
        problems.push({
          origin: locateValue(root, ['risk', 'sectors', sector, at]),
          message: `risk.sectors.${sector}: ${symbol} is in ${other} already; keep one`,
        });
      }
      sectorOf.set(symbol, sector);
    }
  }
  const missing = (data.symbols ?? []).find((symbol) => !sectorOf.has(symbol));
  if (sectorOf.size > 0 && missing !== undefined) {
    problems.push({
      origin: locateValue(root, ['risk', 'sectors']),
      message: `risk.sectors: ${missing} is in no sector; list every symbol of data.symbols`,
    });
  }
  return problems;
}
