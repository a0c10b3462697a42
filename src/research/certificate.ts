import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { effectiveScenario } from '../config/show-scenario.ts';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Json } from '../events/record.ts';
import { describeUnreadable, readBounded } from '../files/read-bounded.ts';
import { codeSha256, DECIDING_FOLDERS, OTHER_FOLDERS } from '../modes/code-identity.ts';
import type { RunIdentity } from '../modes/run-identity.ts';
import { goldenPaths } from './golden-file.ts';

const FORMAT = 'sametape-certificate-1';
const MAX_CERTIFICATE_BYTES = 4 << 20;
const MAX_LOCK_FILE_BYTES = 64 << 20;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const factsSchema = z.strictObject({
  /** Every key of the scenario that may not change, by its path, as canonical JSON. */
  settings: z.record(z.string(), z.string()),
  symbols: z.array(z.string()).min(1),
  /** SHA-256 of: those settings, all sources, the lock file, each model by id, dataset and golden file. */
  scenarioSha256: sha256,
  codeSha256: sha256,
  lockFileSha256: sha256,
  modelSha256: z.record(z.string(), sha256),
  datasetSha256: sha256,
  goldenSha256: sha256,
  /** What learning and a warm start began with. */
  startSha256: z.record(z.string(), sha256),
});

const resultsSchema = z.strictObject({
  golden: z.strictObject({ decisionHead: sha256, inference: z.string() }),
  lookAhead: z.strictObject({ cuts: z.int().min(1), seed: z.int(), recordsCompared: z.int().min(1) }),
  parity: z.strictObject({ decisionHead: sha256, cycles: z.int(), orders: z.int(), fills: z.int() }),
  dryFire: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('fired'),
      broker: z.string(),
      symbol: z.string(),
      limitPriceE4: z.int().min(1),
      acceptedAfterUs: z.int().min(0),
      cancelledAfterUs: z.int().min(0),
    }),
    z.strictObject({ kind: z.literal('skipped'), reason: z.string().min(1) }),
  ]),
});

const certificateSchema = z.strictObject({
  format: z.literal(FORMAT),
  scenario: z.string().min(1),
  facts: factsSchema,
  results: resultsSchema,
  /** When it was written, ISO 8601. */
  issuedAt: z.string(),
  /** Of all the rest in canonical form: against damage and editing by accident. It is not a signature. */
  sha256,
});

/** What decides how a scenario trades, but for its broker and its source of market data. */
export type CertifiedFacts = Readonly<z.output<typeof factsSchema>>;
/** What the checks came to. */
export type CertifiedResults = Readonly<z.output<typeof resultsSchema>>;
export type Certificate = Readonly<z.output<typeof certificateSchema>>;

/** Where what is about to run differs from what was certified. */
export interface CertificateDifference {
  /** `settings.sizing.band`, `code`, `model ret_5m/base/Ridge`. */
  readonly field: string;
  readonly certified: string;
  readonly found: string;
}

/** Keys below the sections of broker and data source that risk limits are made of all the same. */
const BINDING_BROKER_KEYS = /^broker\.(?:allowShort|borrow)(?:\.|$)/;
/** Places on this machine, and what decides nothing. Models, symbols and starting states are held by their content. */
const FREE_KEYS =
  /^(?:alerts|broker|data|description|models\.(?:runRoot|predictions)|warmStart|learning\.warmStart)(?:\.|$)/;

/**
 * The facts of a scenario on this machine, as `prepareRun` found them.
 * @throws InputError GOLDEN_MISSING, LOCK_FILE_MISSING
 */
export function certifiedFacts(
  loaded: LoadedScenario,
  { identity, goldenDir }: { readonly identity: RunIdentity; readonly goldenDir: string },
): CertifiedFacts {
  const { layout, datasetSha256, learningStart, warmStart } = identity;
  const settings = bindingSettings(loaded);
  return {
    settings,
    symbols: [...layout.symbols],
    scenarioSha256: hashOf(settings),
    codeSha256: codeSha256([...DECIDING_FOLDERS, ...OTHER_FOLDERS].sort(compareCodeUnits)),
    lockFileSha256: lockFileSha256(),
    modelSha256: Object.fromEntries(layout.columns.map(({ id, modelSha256 }) => [id, modelSha256])),
    datasetSha256,
    goldenSha256: goldenSha256(goldenDir, loaded.name),
    startSha256: {
      ...(learningStart === undefined ? {} : { learning: learningStart.sha256 }),
      ...(warmStart === undefined ? {} : { engine: warmStart.sha256 }),
    },
  };
}

function bindingSettings(loaded: LoadedScenario): Record<string, string> {
  const settings: Record<string, string> = {};
  const visit = (value: unknown, path: string): void => {
    if (value === undefined || value === null) return;
    if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`);
    } else if (!FREE_KEYS.test(path) || BINDING_BROKER_KEYS.test(path)) {
      settings[path] = canonicalJson(value as Json);
    }
  };
  visit(effectiveScenario(loaded, '.'), '');
  return settings;
}

/** The lock file beside the sources. An installed package has none, and nobody knows what stands beside it. */
function lockFileSha256(): string {
  const path = fileURLToPath(new URL('../../package-lock.json', import.meta.url));
  const read = readBounded(path, { maxBytes: MAX_LOCK_FILE_BYTES });
  if (read.kind === 'read') return createHash('sha256').update(read.bytes).digest('hex');
  throw new InputError(
    'LOCK_FILE_MISSING',
    `${path}: ${describeUnreadable(read)}; expected the lock file of a checkout, which says what code runs beside ours`,
  );
}

function goldenSha256(goldenDir: string, scenario: string): string {
  const { file, cyclesFile } = goldenPaths(goldenDir, scenario);
  const hash = createHash('sha256');
  for (const path of [file, cyclesFile]) {
    const read = existsSync(path) ? readBounded(path, { maxBytes: 1 << 30 }) : undefined;
    if (read?.kind !== 'read') {
      throw new InputError(
        'GOLDEN_MISSING',
        `${path}: no golden file; make it with "sametape golden update"`,
      );
    }
    hash.update(`${read.bytes.length}\n`).update(read.bytes);
  }
  return hash.digest('hex');
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(canonicalJson(value as Json))
    .digest('hex');
}

export function certificateOf(content: {
  readonly scenario: string;
  readonly facts: CertifiedFacts;
  readonly results: CertifiedResults;
  readonly issuedAt: Date;
}): Certificate {
  const { scenario, facts, results, issuedAt } = content;
  const rest = { format: FORMAT, scenario, facts, results, issuedAt: issuedAt.toISOString() } as const;
  return { ...rest, sha256: hashOf(rest) };
}

/**
 * @throws InputError CERTIFICATE_UNREADABLE, CERTIFICATE_INVALID (naming the key), CERTIFICATE_CHANGED when its content
 *   is not what its hash says
 */
export function readCertificate(path: string): Certificate {
  const read = readBounded(path, { maxBytes: MAX_CERTIFICATE_BYTES });
  if (read.kind !== 'read') {
    throw new InputError(
      'CERTIFICATE_UNREADABLE',
      `${path}: ${describeUnreadable(read)}; expected what "sametape promote" wrote`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(read.bytes.toString('utf8'));
  } catch (cause) {
    throw invalid(path, 'it is not JSON', cause);
  }
  const parsed = certificateSchema.safeParse(json);
  if (!parsed.success) {
    const key = parsed.error.issues[0]?.path.join('.') ?? '';
    throw invalid(path, key === '' ? 'it is no certificate' : `${key} is missing or not what it should be`);
  }
  const { sha256: stated, ...rest } = parsed.data;
  if (hashOf(rest) !== stated || hashOf(rest.facts.settings) !== rest.facts.scenarioSha256) {
    throw new InputError(
      'CERTIFICATE_CHANGED',
      `${path}: its content is not what its hash says; make it anew with "sametape promote"`,
    );
  }
  return parsed.data;
}

function invalid(path: string, what: string, cause?: unknown): InputError {
  return new InputError(
    'CERTIFICATE_INVALID',
    `${path}: ${what}; expected what this version's "sametape promote" wrote`,
    cause === undefined ? undefined : { cause },
  );
}

/** The first field that differs, settings first, in code-unit order; undefined where all are the same. */
export function compareCertificate(
  { facts: certified }: Certificate,
  found: CertifiedFacts,
): CertificateDifference | undefined {
  return (
    firstOf('settings.', certified.settings, found.settings) ??
    differing('data.symbols', certified.symbols.join(', '), found.symbols.join(', ')) ??
    differing('code', certified.codeSha256, found.codeSha256) ??
    differing('package-lock.json', certified.lockFileSha256, found.lockFileSha256) ??
    firstOf('model ', certified.modelSha256, found.modelSha256) ??
    firstOf('starting state of ', certified.startSha256, found.startSha256) ??
    differing('dataset', certified.datasetSha256, found.datasetSha256) ??
    differing('golden file', certified.goldenSha256, found.goldenSha256)
  );
}

function firstOf(
  prefix: string,
  certified: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): CertificateDifference | undefined {
  const keys = [...new Set([...Object.keys(certified), ...Object.keys(found)])].sort(compareCodeUnits);
  const key = keys.find((each) => certified[each] !== found[each]);
  if (key === undefined) return undefined;
  return { field: `${prefix}${key}`, certified: certified[key] ?? 'none', found: found[key] ?? 'none' };
}

function differing(field: string, certified: string, found: string): CertificateDifference | undefined {
  return certified === found ? undefined : { field, certified, found };
}

/** Where a certificate of a scenario is written, and looked for. */
export function certificateFile(folder: string, scenario: string): string {
  return join(folder, `${scenario}.certificate.json`);
}
