import type { LoadedScenario } from '../config/load-scenario.ts';
import { readSecret, secretReferences } from '../config/secrets.ts';
import { toAlpacaBrokerSettings } from '../config/sections/alpaca.ts';
import { toIbkrSettings } from '../config/sections/ibkr.ts';
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

/** Brokers with an account, by the name a scenario gives them. Each is loaded when it is used. */
const OPENERS: Readonly<Record<string, Opener>> = {
  alpaca: openAlpaca,
  ibkr: openIbkr,
};

export const BROKER_NAMES: readonly string[] = Object.keys(OPENERS);

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

async function openAlpaca(
  scenario: LoadedScenario,
  { environment, clock }: BrokerSurroundings,
): Promise<Broker> {
  const credentials = alpacaKeys(scenario, environment);
  const { createAlpacaBroker } = await import('../brokers/alpaca/broker.ts');
  return createAlpacaBroker({
    settings: toAlpacaBrokerSettings(scenario.scenario.broker.alpaca),
    credentials: () => credentials,
    clock,
    random: Math.random,
  });
}

/** The two keys of an Alpaca account, for orders and market data alike. @throws InputError SECRET_MISSING */
export function alpacaKeys(scenario: LoadedScenario, environment: SecretEnvironment) {
  return {
    keyId: secretOf(scenario, 'broker.credentials.keyId', environment),
    secretKey: secretOf(scenario, 'broker.credentials.secretKey', environment),
  };
}

/** @throws InputError SECRET_MISSING, also where the scenario does not name it */
function secretOf(scenario: LoadedScenario, key: string, environment: SecretEnvironment): string {
  const reference = secretReferences(scenario.scenario).find((one) => one.key === key);
  if (reference !== undefined) return readSecret(reference, environment);
  const name = key.endsWith('.keyId') ? 'KEY_ID' : 'SECRET_KEY';
  throw new InputError(
    'SECRET_MISSING',
    `${key}: the broker or source of this scenario asks for it; name the environment variable or the file that holds it, such as ${key}: \${env:BROKER_${name}}`,
  );
}

async function openIbkr({ scenario }: LoadedScenario, { clock }: BrokerSurroundings): Promise<Broker> {
  const { createIbkrBroker } = await import('../brokers/ibkr/broker.ts');
  // random spreads attempts to connect, and decides nothing
  return createIbkrBroker({ settings: toIbkrSettings(scenario.broker.ibkr), clock, random: Math.random });
}

/** Whether the account of a scenario is known to be one without money: a broker refuses an account of the other kind. */
export function isPaper({ scenario }: LoadedScenario): boolean {
  const { source } = scenario.broker;
  return source !== 'simulated' && scenario.broker[source].environment === 'paper';
}

/** What keeps a scenario from being tried at its broker; undefined where nothing does. */
export function problemOfDryFire(scenario: LoadedScenario): string | undefined {
  const { source } = scenario.scenario.broker;
  if (source === 'simulated' || isPaper(scenario)) return undefined;
  return `broker.${source}.environment: live, expected paper: a dry fire goes to an account without money`;
}

/** What keeps a scenario from being run on paper; undefined where nothing does. Money takes a certificate, and asks first. */
export function problemOfPaper(scenario: LoadedScenario): string | undefined {
  const { source } = scenario.scenario.broker;
  if (source === 'simulated' || isPaper(scenario)) return undefined;
  return `broker.${source}.environment: live, expected paper: an account that may hold money is traded by "sametape live", with a certificate`;
}

/** What keeps a scenario from being traded, whatever its certificate says; undefined where nothing does. */
export function problemOfLive(scenario: LoadedScenario): string | undefined {
  const { broker, data } = scenario.scenario;
  if (broker.source === 'simulated') {
    return `broker.source: simulated has no account, and "sametape paper" runs on it; expected one of ${BROKER_NAMES.join(', ')}`;
  }
  if (data.source === 'simulated' && !isPaper(scenario)) {
    return `data.source: the market of "simulated" is made up, and would trade an account that may hold money at ${broker.source}`;
  }
  return undefined;
}
