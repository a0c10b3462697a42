import { InputError } from '../domain/errors.ts';

/** Version of `bandit_state.json`. */
export const BANDIT_STATE_VERSION = 1;

/** What a later run needs to go on where this one ended. On the tape of that run, in its identity. */
export interface LearningStart {
  readonly algorithm: 'exp3ix' | 'hedge';
  readonly rounds: number;
  readonly learnerLoss: number;
  readonly arms: readonly ArmStart[];
}

export interface ArmStart {
  readonly horizon: string;
  readonly lossSum: number;
  readonly roundTrips: number;
  readonly wins: number;
  readonly losses: number;
  readonly netReturnSum: number;
  /** Cycles scored; 0 but for `hedge`. */
  readonly forecastsScored: number;
}

/**
 * The start in a parsed `bandit_state.json`; what is only there to be seen is left behind.
 * @param name the file as the user named it, for messages
 * @throws InputError BANDIT_STATE_INVALID naming the field at fault
 */
export function parseLearningStart(value: unknown, name: string): LearningStart {
  const file = recordAt(value, name, '');
  if (file.version !== BANDIT_STATE_VERSION) {
    invalid(name, 'version', String(BANDIT_STATE_VERSION), file.version);
  }
  const { algorithm, arms } = file;
  if (algorithm !== 'exp3ix' && algorithm !== 'hedge') {
    return invalid(name, 'algorithm', 'exp3ix or hedge', algorithm);
  }
  if (!Array.isArray(arms) || arms.length === 0) return invalid(name, 'arms', 'a list of horizons', arms);
  const parsed = arms.map((arm, k) => armAt(arm, name, `arms[${k}]`));
  parsed.forEach(({ horizon }, k) => {
    const first = parsed.findIndex((other) => other.horizon === horizon);
    if (first < k) invalid(name, `arms[${k}].horizon`, 'each horizon once', horizon);
  });
  return {
    algorithm,
    rounds: countAt(file.rounds, name, 'rounds'),
    learnerLoss: numberAt(file.learnerLoss, name, 'learnerLoss'),
    arms: parsed,
  };
}

function armAt(value: unknown, name: string, path: string): ArmStart {
  const arm = recordAt(value, name, path);
  const { horizon } = arm;
  if (typeof horizon !== 'string' || horizon === '') {
    return invalid(name, `${path}.horizon`, 'a horizon such as 5m', horizon);
  }
  return {
    horizon,
    lossSum: numberAt(arm.lossSum, name, `${path}.lossSum`),
    roundTrips: countAt(arm.roundTrips, name, `${path}.roundTrips`),
    wins: countAt(arm.wins, name, `${path}.wins`),
    losses: countAt(arm.losses, name, `${path}.losses`),
    netReturnSum: numberAt(arm.netReturnSum, name, `${path}.netReturnSum`),
    forecastsScored: countAt(arm.forecastsScored, name, `${path}.forecastsScored`),
  };
}

function recordAt(value: unknown, name: string, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  return invalid(name, path, 'an object', value);
}

function numberAt(value: unknown, name: string, path: string): number {
  return typeof value === 'number' && Number.isFinite(value)
    ? value
    : invalid(name, path, 'a finite number', value);
}

function countAt(value: unknown, name: string, path: string): number {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : invalid(name, path, 'a count, 0 or more', value);
}

function invalid(name: string, path: string, expected: string, found: unknown): never {
  const shown = JSON.stringify(found)?.slice(0, 60) ?? 'nothing';
  const where = path === '' ? name : `${name}: ${path}`;
  throw new InputError(
    'BANDIT_STATE_INVALID',
    `${where}: expected ${expected}, found ${shown}; name a state/bandit_state.json that a run wrote`,
  );
}
