import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import { STAGES, type Stage } from '../events/derived.ts';
import type { Json, JsonObject } from '../events/record.ts';
import type { TapeLine } from '../ports/tape.ts';
import { addToDecisionHead, createDecisionHead, decisionHeadOf } from '../tape/decision-head.ts';

/** What a scenario came to, cycle by cycle, pinned. Three files: this one, its cycles, and its recorded predictions. */
export interface GoldenFile {
  readonly scenario: string;
  readonly decisionHead: string;
  readonly datasetSha256: string;
  /** Model id to SHA-256. */
  readonly models: Readonly<Record<string, string>>;
  readonly cycles: number;
  readonly orders: number;
  readonly fills: number;
  readonly finalEquity: number;
  /** Why the file was made or changed, oldest first. */
  readonly history: readonly { readonly date: string; readonly reason: string }[];
}

/** One cycle of a run: what was decided, one digest a stage, and the decision head when the cycle was complete. */
export interface GoldenCycle {
  readonly cycle: number;
  readonly tUs: number;
  readonly head: string;
  readonly digests: Readonly<Record<Stage, string>>;
  /** Decisions other than HOLD by symbol, canonical JSON: what a person wants to see of a difference. */
  readonly decisions: Readonly<Record<string, string>>;
}

export interface GoldenPaths {
  readonly file: string;
  readonly cyclesFile: string;
  readonly predictionsFile: string;
}

export function goldenPaths(goldenDir: string, scenario: string): GoldenPaths {
  return {
    file: join(goldenDir, `${scenario}.json`),
    cyclesFile: join(goldenDir, `${scenario}.cycles.jsonl`),
    predictionsFile: join(goldenDir, `${scenario}.predictions.arrow`),
  };
}

/**
 * Reads what is pinned. Predictions belong to it wherever there are models: without them a check would say less than it
 * seems to.
 * @throws InputError GOLDEN_MISSING, GOLDEN_INVALID, naming the file, and the line of the cycles file
 */
export function readGolden({ file, cyclesFile, predictionsFile }: GoldenPaths): {
  readonly golden: GoldenFile;
  readonly cycles: readonly GoldenCycle[];
} {
  const golden = readGoldenFile(file);
  const beside = [cyclesFile, ...(Object.keys(golden.models).length > 0 ? [predictionsFile] : [])];
  for (const path of beside) {
    if (existsSync(path)) continue;
    throw new InputError(
      'GOLDEN_MISSING',
      `${path}: missing beside ${basename(file)}; restore it, or make both anew with "sametape golden update"`,
    );
  }
  const lines = readFileSync(cyclesFile, 'utf8').trimEnd().split('\n');
  return { golden, cycles: lines.map((line, k) => parseCycle(line, `${cyclesFile}:${k + 1}`)) };
}

/**
 * Reads the first of the three files only.
 * @throws InputError GOLDEN_MISSING, GOLDEN_INVALID
 */
export function readGoldenFile(file: string): GoldenFile {
  if (!existsSync(file)) {
    throw new InputError('GOLDEN_MISSING', `${file}: no golden file; make it with "sametape golden update"`);
  }
  return checked(goldenSchema, { text: readFileSync(file, 'utf8'), place: file });
}

const goldenSchema = z.object({
  scenario: z.string(),
  decisionHead: z.string(),
  datasetSha256: z.string(),
  models: z.record(z.string(), z.string()),
  cycles: z.number(),
  orders: z.number(),
  fills: z.number(),
  finalEquity: z.number(),
  history: z.array(z.object({ date: z.string(), reason: z.string() })),
});

function checked<T>(
  schema: z.ZodType<T>,
  { text, place }: { readonly text: string; readonly place: string },
): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw notGolden(place, (error as Error).message);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0];
  throw notGolden(place, `${path.join('.') || 'the whole'}: ${message}`);
}

function notGolden(place: string, problem: string): InputError {
  return new InputError(
    'GOLDEN_INVALID',
    `${place}: not what "sametape golden update" wrote (${problem}); restore it`,
  );
}

/** A sum over a whole run, pinned beside its cycles: what a cycle's record does not hold, such as the last fills. */
export interface GoldenTotal {
  readonly name: (typeof TOTALS)[number];
  readonly expected: number;
  readonly found: number;
}

const TOTALS = ['cycles', 'orders', 'fills', 'finalEquity'] as const;

/** The totals of a run that are not the pinned ones. */
export function changedTotals(
  golden: Pick<GoldenFile, (typeof TOTALS)[number]>,
  found: Pick<GoldenFile, (typeof TOTALS)[number]>,
): readonly GoldenTotal[] {
  return TOTALS.filter((name) => golden[name] !== found[name]).map((name) => ({
    name,
    expected: golden[name],
    found: found[name],
  }));
}

/** Reads the cycles of a tape, each with the decision head after it. */
export function* cyclesOfTape(tape: Iterable<TapeLine>): Generator<GoldenCycle> {
  const decisions = createDecisionHead();
  let dueUs = 0;
  for (const { record, payloadJson } of tape) {
    const { type, t, payload } = record;
    if (type === 'CycleDue') dueUs = t;
    addToDecisionHead(decisions, { type, t, payloadJson });
    if (type !== 'CycleCompleted') continue;
    yield {
      cycle: payload.cycle as number,
      tUs: dueUs,
      head: decisionHeadOf(decisions),
      digests: payload.digests as Record<Stage, string>,
      decisions: Object.fromEntries(
        (payload.decisions as readonly JsonObject[])
          .filter((decision) => decision.kind !== 'HOLD')
          .map(({ symbol, ...decision }) => [symbol as string, canonicalJson(decision)]),
      ),
    };
  }
}

/** A cycle as a line: digests shortened to 16 digits, in the order of the stages. */
export function cycleLine({ cycle, tUs, head, digests, decisions }: GoldenCycle): string {
  const short: Json = STAGES.map((stage) => digests[stage].slice(0, SHORT_DIGEST));
  const parsed = Object.entries(decisions).map(([symbol, text]) => [symbol, JSON.parse(text) as Json]);
  return canonicalJson({
    c: cycle,
    d: Object.fromEntries(parsed) as JsonObject,
    h: head.slice(0, SHORT_DIGEST),
    s: short,
    t: tUs,
  });
}

const SHORT_DIGEST = 16;

const cycleSchema = z.object({
  c: z.number(),
  d: z.record(z.string(), z.json()),
  h: z.string(),
  s: z.array(z.string()).length(STAGES.length),
  t: z.number(),
});

function parseCycle(line: string, place: string): GoldenCycle {
  const { c, d, h, s, t } = checked(cycleSchema, { text: line, place });
  return {
    cycle: c,
    tUs: t,
    head: h,
    digests: Object.fromEntries(STAGES.map((stage, k) => [stage, s[k]])) as Record<Stage, string>,
    decisions: Object.fromEntries(
      Object.entries(d).map(([symbol, decision]) => [symbol, canonicalJson(decision as Json)]),
    ),
  };
}

/** Where a run leaves its golden file. */
export interface GoldenDifference {
  /** The first cycle that differs in anything. */
  readonly cycle: number;
  /** First stage whose digest differs in it; `decisions` or `fills` when none does. */
  readonly stage: string;
  /** The first cycle, that one or a later, whose decisions differ: numbers may move long before a decision. Null: none. */
  readonly changedCycle: number | null;
  /** The decisions in it of symbols that changed, before and after; HOLD where there was none. */
  readonly changed: readonly { readonly symbol: string; readonly before: string; readonly after: string }[];
}

/** The first cycle at which a run leaves its golden file and the first decisions that do, or undefined. */
export function firstDifference(
  golden: readonly GoldenCycle[],
  found: readonly GoldenCycle[],
): GoldenDifference | undefined {
  const count = Math.max(golden.length, found.length);
  for (let k = 0; k < count; k += 1) {
    const stage = differentStage(golden[k], found[k]);
    if (stage === undefined) continue;
    return { cycle: cycleOf(golden[k], found[k]), stage, ...firstChange(golden, found, k) };
  }
  return undefined;
}

function cycleOf(before: GoldenCycle | undefined, after: GoldenCycle | undefined): number {
  return (after ?? before)?.cycle ?? 0;
}

function differentStage(before: GoldenCycle | undefined, after: GoldenCycle | undefined): string | undefined {
  if (before === undefined) return 'extra cycle';
  if (after === undefined) return 'missing cycle';
  const stage = STAGES.find((name) => before.digests[name] !== after.digests[name].slice(0, SHORT_DIGEST));
  if (stage !== undefined) return stage;
  if (changedDecisions(before, after).length > 0) return 'decisions';
  return before.head === after.head.slice(0, SHORT_DIGEST) ? undefined : 'fills';
}

/** @param from index of the first cycle that differs in anything */
function firstChange(
  golden: readonly GoldenCycle[],
  found: readonly GoldenCycle[],
  from: number,
): Pick<GoldenDifference, 'changedCycle' | 'changed'> {
  const inBoth = Math.min(golden.length, found.length);
  for (let k = from; k < inBoth; k += 1) {
    const changed = changedDecisions(golden[k], found[k]);
    if (changed.length > 0) return { changedCycle: found[k].cycle, changed };
  }
  return { changedCycle: null, changed: [] };
}

function changedDecisions(before: GoldenCycle, after: GoldenCycle): GoldenDifference['changed'] {
  const symbols = new Set([...Object.keys(before.decisions), ...Object.keys(after.decisions)]);
  return [...symbols].sort().flatMap((symbol) => {
    const was = before.decisions[symbol] ?? 'HOLD';
    const is = after.decisions[symbol] ?? 'HOLD';
    return was === is ? [] : [{ symbol, before: was, after: is }];
  });
}
