import type { LoadedScenario } from '../config/load-scenario.ts';
import { toAlpacaDataSettings } from '../config/sections/alpaca.ts';
import { InputError } from '../domain/errors.ts';
import type { TimeUs } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { MarketDataSource } from '../ports/market-source.ts';
import { cachedSource } from '../sources/cached.ts';
import { createSimulatedSource } from '../sources/simulated.ts';
import { alpacaKeys, type SecretEnvironment } from './open-broker.ts';

export interface SourceSurroundings {
  readonly symbols: readonly string[];
  readonly clock: Clock;
  readonly environment: SecretEnvironment;
  readonly sessionCount: number;
  /** When the run began, also where it is taken up later. */
  readonly startedUs: TimeUs;
}

/** Answers about history are kept this long, and quotes for a moment: people ask for both more than once. */
const HISTORY_TTL_US = 3_600_000_000;
const QUOTE_TTL_US = 500_000;
const MAX_KEPT = 256;

/**
 * Opens the live market data of a scenario; nothing is connected yet.
 * @throws InputError SOURCE_NOT_LIVE for a dataset, which is played and not traded on; SECRET_*
 */
export async function openSource(
  scenario: LoadedScenario,
  surroundings: SourceSurroundings,
): Promise<MarketDataSource> {
  const { clock } = surroundings;
  return cachedSource(await openUncached(scenario, surroundings), {
    clock,
    quoteTtlUs: QUOTE_TTL_US,
    historyTtlUs: HISTORY_TTL_US,
    maxEntries: MAX_KEPT,
  });
}

async function openUncached(
  loaded: LoadedScenario,
  { symbols, clock, sessionCount, startedUs, environment }: SourceSurroundings,
): Promise<MarketDataSource> {
  const { scenario } = loaded;
  const { source, warmupSessions } = scenario.data;
  switch (source) {
    case 'simulated':
      return createSimulatedSource({
        symbols,
        seed: scenario.seed,
        sessionsBefore: warmupSessions,
        sessionsAfter: sessionCount,
        startedUs,
        clock,
      });
    case 'alpaca': {
      const credentials = alpacaKeys(loaded, environment);
      const { createAlpacaSource } = await import('../sources/alpaca/source.ts');
      return createAlpacaSource({
        settings: toAlpacaDataSettings(scenario.data.alpaca),
        symbols,
        credentials: () => credentials,
        clock,
        random: Math.random,
      });
    }
    case 'dataset':
      throw new InputError(
        'SOURCE_NOT_LIVE',
        'data.source: a dataset is recorded, and "sametape paper" plays it; expected simulated or alpaca',
      );
  }
}
