import { closest } from 'fastest-levenshtein';
import { z } from 'zod';
import { InputError } from '../domain/errors.ts';
import type { OutputReading } from '../events/layout.ts';

const MAX_FEATURES = 1024;
const MAX_SEQUENCE_LENGTH = 4096;
const MAX_OUTPUT_WIDTH = 1024;

const checksum = z
  .string()
  .transform((text) => text.replace(/^sha256:/, '').toLowerCase())
  .refine((text) => /^[0-9a-f]{64}$/.test(text), 'a SHA-256 as 64 hex digits');

const level = z.number().gt(0).lt(1);
const statistic = z.enum(['median', 'mean']);
const rising = (values: readonly number[]): boolean =>
  values.every((value, ix) => ix === 0 || value > values[ix - 1]!);
const barrierOutput = z.object({
  output: z.string().min(1).max(128).optional(),
  column: z
    .number()
    .int()
    .min(0)
    .max(MAX_OUTPUT_WIDTH - 1),
});

/** The part of `model_meta.json` that says how to read an output of several numbers a row, by its `output_kind`. */
const outputSchema = z.discriminatedUnion('output_kind', [
  z.object({ output_kind: z.literal('point') }),
  z.object({
    output_kind: z.literal('quantiles'),
    quantiles: z.array(level).min(1).max(MAX_OUTPUT_WIDTH).refine(rising, 'rising levels'),
    statistic,
  }),
  z.object({
    output_kind: z.literal('distribution'),
    support: z.array(z.number()).min(2).max(MAX_OUTPUT_WIDTH).refine(rising, 'rising returns'),
    statistic,
  }),
  z.object({
    output_kind: z.literal('parameters'),
    parameters: z.array(z.string().min(1).max(64)).min(1).max(MAX_OUTPUT_WIDTH),
    statistic,
  }),
  z.object({
    output_kind: z.literal('barriers'),
    outputs: z.object({ peak: barrierOutput, valley: barrierOutput }),
  }),
]);

/** `model_meta.json` as training writes it; keys beyond these are kept out of the run and ignored. */
const metaSchema = z.object({
  family: z.string().min(1).max(64),
  feature_list: z.array(z.string().min(1).max(128)).min(1).max(MAX_FEATURES),
  metrics: z.record(z.string(), z.unknown()),
  model_checksum: checksum,
  interval_minutes: z.number().int().min(1).max(10_000),
  /** T of a sequence model; null or 1 for a tabular one. */
  sequence_length: z.number().int().min(1).max(MAX_SEQUENCE_LENGTH).nullable(),
  cross_sectional_ranking: z.boolean(),
  takes_nan: z.boolean().optional(),
  /** Name of the graph output to read where the model has several. */
  output: z.string().min(1).max(128).optional(),
});

/** What a row of the output holds: one number, a distribution to be read, or a peak and a valley probability. */
export type ModelOutput =
  | { readonly kind: 'point' }
  | Exclude<OutputReading, { readonly kind: 'column' }>
  | { readonly kind: 'barriers'; readonly peak: OutputReading; readonly valley: OutputReading };

export interface ModelMeta {
  readonly family: string;
  /** Unique names, in the order the model takes them. */
  readonly features: readonly string[];
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly checksum: string;
  readonly intervalMinutes: number;
  readonly sequenceLength: number;
  readonly crossSectionalRanking: boolean;
  readonly takesNan: boolean;
  readonly output?: string;
  readonly reads: ModelOutput;
}

/**
 * Reads a model's metadata.
 * @param file where the text comes from, for messages
 * @param knownFeatures names the feature stage can compute
 * @throws InputError MODEL_META_INVALID naming file, field and what was expected; FEATURE_UNKNOWN with the nearest valid name
 */
export function parseModelMeta(text: string, file: string, knownFeatures: readonly string[]): ModelMeta {
  const raw = parseArtifactJson(text, file, metaSchema, 'MODEL_META_INVALID');
  const known = new Set(knownFeatures);
  const seen = new Set<string>();
  raw.feature_list.forEach((name, ix) => {
    if (!known.has(name)) {
      const hint =
        knownFeatures.length === 0 ? '' : `, nearest valid name "${closest(name, [...knownFeatures])}"`;
      throw new InputError(
        'FEATURE_UNKNOWN',
        `${file}: feature_list[${ix}] "${name}" is not a known feature${hint}`,
      );
    }
    if (seen.has(name)) {
      throw new InputError(
        'MODEL_META_INVALID',
        `${file}: feature_list[${ix}] repeats "${name}", expected unique names`,
      );
    }
    seen.add(name);
  });
  return {
    family: raw.family,
    features: raw.feature_list,
    metrics: raw.metrics,
    checksum: raw.model_checksum,
    intervalMinutes: raw.interval_minutes,
    sequenceLength: raw.sequence_length ?? 1,
    crossSectionalRanking: raw.cross_sectional_ranking,
    takesNan: raw.takes_nan ?? false,
    ...(raw.output === undefined ? {} : { output: raw.output }),
    reads: parseOutput(text, file),
  };
}

/** @throws InputError MODEL_META_INVALID when the keys do not go with `output_kind`, or the median lies outside the levels */
function parseOutput(text: string, file: string): ModelOutput {
  const json = JSON.parse(text) as Readonly<Record<string, unknown>>;
  if (json.output_kind === undefined) return { kind: 'point' };
  const raw = parseArtifactJson(text, file, outputSchema, 'MODEL_META_INVALID');
  switch (raw.output_kind) {
    case 'point':
      return { kind: 'point' };
    case 'quantiles': {
      const levels = raw.quantiles;
      if (raw.statistic === 'median' && (levels[0]! > 0.5 || levels.at(-1)! < 0.5)) {
        const found = levels.join(', ');
        throw invalidMeta(file, 'quantiles', `levels ${found}, expected some around 0.5 for the median`);
      }
      return { kind: 'quantiles', levels, statistic: raw.statistic };
    }
    case 'distribution':
      return { kind: 'distribution', support: raw.support, statistic: raw.statistic };
    case 'parameters':
      if (!raw.parameters.includes(raw.statistic)) {
        throw invalidMeta(
          file,
          'parameters',
          `${raw.parameters.join(', ')}, expected one of them to be ${raw.statistic}`,
        );
      }
      return { kind: 'parameters', names: raw.parameters, use: raw.statistic };
    case 'barriers':
      return { kind: 'barriers', peak: columnOf(raw.outputs.peak), valley: columnOf(raw.outputs.valley) };
  }
}

function columnOf({ column, output }: z.output<typeof barrierOutput>): OutputReading {
  return output === undefined ? { kind: 'column', column } : { kind: 'column', column, output };
}

function invalidMeta(file: string, field: string, what: string): InputError {
  return new InputError('MODEL_META_INVALID', `${file}: field ${field}: ${what}`);
}

/**
 * Parses a JSON file of a run root against its schema.
 * @throws InputError with `code`, one line: file, field, what was expected
 */
export function parseArtifactJson<T>(text: string, file: string, schema: z.ZodType<T>, code: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 120) : 'unreadable';
    throw new InputError(code, `${file}: not valid JSON (${reason})`, { cause: error });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = fieldPath(issue.path);
  throw new InputError(
    code,
    `${file}: ${field === '' ? 'top level' : `field ${field}`}: ${issueText(issue)}`,
  );
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, ix) =>
      typeof part === 'number' ? `[${part}]` : ix === 0 ? String(part) : `.${String(part)}`,
    )
    .join('');
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return `expected ${issue.message}`;
  const text = issue.message.replace(/\s+/g, ' ');
  if (issue.code === 'invalid_type' && /received undefined/.test(text))
    return `missing, expected ${issue.expected}`;
  return text;
}
