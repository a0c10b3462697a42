import type { LoadedScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import type { Broker } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';

/** Where the values of secrets are: `process.env`, or a test's. */
export type SecretEnvironment = Readonly<Record<string, string | undefined>>;

export interface BrokerSurroundings {
  readonly environment: SecretEnvironment;
  readonly clock: Clock;
}

type Opener = (scenario: LoadedScenario, surroundings: BrokerSurroundings) => Promise<Broker>;

/** Brokers with an account, by the name a scenario gives them. */
const OPENERS: Readonly<Record<string, Opener>> = {
  alpaca: () => Promise.reject(notYet('alpaca')),
  ibkr: () => Promise.reject(notYet('ibkr')),
};

export const BROKER_NAMES: readonly string[] = Object.keys(OPENERS);

function notYet(name: string): InputError {
  return new InputError('BROKER_UNAVAILABLE', `broker.source: ${name} is not part of this version`);
}

/**
 * Opens the broker of a scenario; nothing is connected yet. Its secrets are read here and go nowhere else.
 * @throws InputError BROKER_UNKNOWN with the names there are; SECRET_*
 */
export function openBroker(scenario: LoadedScenario, surroundings: BrokerSurroundings): Promise<Broker> {
  const { source } = scenario.scenario.broker;
  const opener = Object.hasOwn(OPENERS, source) ? OPENERS[source] : undefined;
  if (opener !== undefined) return opener(scenario, surroundings);
  return Promise.reject(
    new InputError(
      'BROKER_UNKNOWN',
      `broker.source: ${source} has no account to connect to; expected one of ${BROKER_NAMES.join(', ')}`,
    ),
  );
}
