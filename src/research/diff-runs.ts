import { CheckFailedError, InputError } from '../domain/errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Decision } from '../events/derived.ts';
import type { Json } from '../events/record.ts';
import type { Progress } from '../ports/progress.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { type ComparedRecord, comparedIdentity, comparedRecords } from './compared-records.ts';
import { firstDifferentField, firstDifferentStage, NOTHING, stageOfType } from './comparing-tape.ts';
import { type Explanation, recomputeCycle } from './explain.ts';
import { type ChangeKind, type IdentityChange, identityChanges } from './identity-changes.ts';
import type { TraceSection, TraceValue } from './trace-section.ts';

export interface DiffOptions {
  /** Folders of the two runs. */
  readonly a: string;
  readonly b: string;
  /** Where their dataset lies now; default: where it lay when each was made. */
  readonly datasetDir: string | undefined;
  readonly progress: Progress;
  /** Leaves out the values that differ, which cost a replay of each; default: recomputed. */
  readonly values?: 'left_out';
}

/** Where two runs first part. */
export interface FirstDifference {
  readonly cycle: number;
  /** When the cycle was due, 0 before the first. */
  readonly tUs: number;
  /** A stage of the pipeline, or the part outside it: see Divergence. */
  readonly stage: string;
  /** Sequence numbers on the two tapes, and what differs there; null and `nothing` where one has ended. */
  readonly seqA: number | null;
  readonly seqB: number | null;
  readonly a: string;
  readonly b: string;
}

/** The first cycle, at or after that, which decided otherwise for some symbol. */
export interface DecisionDifference {
  readonly cycle: number;
  readonly tUs: number;
  readonly symbol: string;
  readonly a: Decision;
  readonly b: Decision;
}

/** One number or word of the trace of a cycle that differs. */
export interface ValueDifference {
  /** Those for which it differs in this way. */
  readonly symbols: readonly string[];
  readonly section: string;
  /** Model, horizon or check; null for a value of the whole section. */
  readonly row: string | null;
  readonly name: string;
  readonly unit: string;
  readonly a: number | string | null;
  readonly b: number | string | null;
}

export interface RunDiff {
  /** Every value that the runs started from differently. */
  readonly changes: readonly IdentityChange[];
  /** Undefined: they predicted, decided, traded and learned alike, to the bit. */
  readonly first: FirstDifference | undefined;
  readonly firstDecision: DecisionDifference | undefined;
  /** Which kind of change, of those there are, the first difference points to; undefined: none explains it. */
  readonly likelyCause: ChangeKind | undefined;
  /** Other kinds that differ and could explain it as well, the likelier first. */
  readonly otherCauses: readonly ChangeKind[];
  /** First values that differ in that cycle, in the order data flows. */
  readonly values: readonly ValueDifference[];
  /** Why there are none, where the cycle could not be recomputed. */
  readonly valuesMissing: string | undefined;
  readonly cycles: number;
  readonly cyclesDecidedDifferently: number;
}

/** Values of the trace that are told; the first says most. */
const MAX_VALUES = 8;

/**
 * Compares two runs record by record, names where they first part by cycle and stage, what they started from
 * differently, and the values that differ there, recomputed from both tapes.
 * @throws InputError when a folder is no run; CheckFailedError when a tape is damaged
 */
export async function diffRuns(options: DiffOptions): Promise<RunDiff> {
  const { progress } = options;
  const [dirA, dirB] = [openRunFolder(options.a).tapeDir, openRunFolder(options.b).tapeDir] as const;
  const changes = identityChanges(comparedIdentity(dirA), comparedIdentity(dirB));
  const left = comparedRecords(dirA);
  const right = comparedRecords(dirB);
  let alike = 0;
  let a = nextOf(left);
  let b = nextOf(right);
  for (; a !== undefined && b !== undefined && isSame(a, b); a = nextOf(left), b = nextOf(right)) {
    if (a.type !== 'CycleCompleted') continue;
    alike += 1;
    progress.update(alike, 0, 'cycles');
  }
  const parted = pairCycles(completedFrom(a, left), completedFrom(b, right));
  progress.stop();
  const first = a === undefined && b === undefined ? undefined : differenceOf(a, b, parted.first);
  const causes = first === undefined ? [] : (CAUSES[first.stage] ?? []);
  const [likelyCause, ...otherCauses] = causes.filter((kind) =>
    changes.some((change) => change.kind === kind),
  );
  return {
    changes,
    first,
    firstDecision: parted.firstDecision,
    likelyCause,
    otherCauses,
    ...(first === undefined || options.values === 'left_out' ? NO_VALUES : await valuesOf({ a, b }, options)),
    cycles: alike + parted.cycles,
    cyclesDecidedDifferently: parted.decidedDifferently,
  };
}

const NO_VALUES: Pick<RunDiff, 'values' | 'valuesMissing'> = { values: [], valuesMissing: undefined };

function nextOf(records: Iterator<ComparedRecord>): ComparedRecord | undefined {
  const read = records.next();
  return read.done === true ? undefined : read.value;
}

function isSame(a: ComparedRecord, b: ComparedRecord): boolean {
  return a.type === b.type && a.dueUs === b.dueUs && a.text === b.text;
}

function* completedFrom(
  record: ComparedRecord | undefined,
  records: Iterator<ComparedRecord>,
): Generator<ComparedRecord> {
  for (let at = record; at !== undefined; at = nextOf(records)) if (at.type === 'CycleCompleted') yield at;
}

/** A cycle that both runs completed. */
interface CyclePair {
  readonly a: ComparedRecord;
  readonly b: ComparedRecord;
}

interface PairedCycles {
  readonly first: CyclePair | undefined;
  readonly firstDecision: DecisionDifference | undefined;
  readonly cycles: number;
  readonly decidedDifferently: number;
}

/** Goes through the cycles that were due at the same time in both. */
function pairCycles(left: Iterator<ComparedRecord>, right: Iterator<ComparedRecord>): PairedCycles {
  let first: CyclePair | undefined;
  let firstDecision: DecisionDifference | undefined;
  let cycles = 0;
  let decidedDifferently = 0;
  let a = nextOf(left);
  let b = nextOf(right);
  while (a !== undefined && b !== undefined) {
    const order = a.dueUs - b.dueUs;
    if (order === 0) {
      first ??= { a, b };
      cycles += 1;
      const different = decisionDifference(a, b);
      firstDecision ??= different;
      if (different !== undefined) decidedDifferently += 1;
    }
    if (order <= 0) a = nextOf(left);
    if (order >= 0) b = nextOf(right);
  }
  return { first, firstDecision, cycles, decidedDifferently };
}

function decisionDifference(a: ComparedRecord, b: ComparedRecord): DecisionDifference | undefined {
  const different = differentDecision(decisionsOf(a), decisionsOf(b));
  return different === undefined ? undefined : { cycle: a.cycle, tUs: a.dueUs, ...different };
}

/** The first symbol of two cycles that was decided on differently. */
export function differentDecision(
  left: readonly Decision[],
  right: readonly Decision[],
): Pick<DecisionDifference, 'symbol' | 'a' | 'b'> | undefined {
  for (const [k, decision] of left.entries()) {
    const beside = right[k];
    const other =
      beside?.symbol === decision.symbol ? beside : right.find(({ symbol }) => symbol === decision.symbol);
    if (other === undefined || isEqual(decision, other)) continue;
    return { symbol: decision.symbol, a: decision, b: other };
  }
  return undefined;
}

function decisionsOf({ payload }: ComparedRecord): readonly Decision[] {
  return payload.decisions as unknown as readonly Decision[];
}

/** The chance with which it was drawn is no part of what was decided. */
function isEqual(a: Decision, b: Decision): boolean {
  const [{ propensity: _, ...left }, { propensity: __, ...right }] = [a, b];
  return canonicalJson(left as unknown as Json) === canonicalJson(right as unknown as Json);
}

/** Records between the start of a cycle and its end, whose stage the digests at its end tell better. */
const WITHIN_CYCLE: ReadonlySet<string> = new Set(['PredictionsMade', 'InferenceFailed', 'CycleCompleted']);

function differenceOf(
  a: ComparedRecord | undefined,
  b: ComparedRecord | undefined,
  cycle: CyclePair | undefined,
): FirstDifference {
  const [earlier, later] = a === undefined || (b !== undefined && b.dueUs < a.dueUs) ? [b!, a] : [a, b];
  const isWithin =
    WITHIN_CYCLE.has(earlier.type) && later?.dueUs === earlier.dueUs && cycle?.a.dueUs === earlier.dueUs;
  return {
    cycle: earlier.cycle,
    tUs: earlier.dueUs,
    stage: isWithin ? stageWithin(earlier.type, cycle) : stageOfType(earlier.type),
    seqA: a?.seq ?? null,
    seqB: b?.seq ?? null,
    ...textsOf(a, b),
  };
}

/** Other predictions from the same features are the models' doing; from other features, they merely follow. */
function stageWithin(type: string, { a, b }: CyclePair): string {
  const stage = firstDifferentStage(a.payload, b.payload);
  return type === 'CycleCompleted' || stage === 'features' ? stage : 'predictions';
}

function textsOf(
  a: ComparedRecord | undefined,
  b: ComparedRecord | undefined,
): Pick<FirstDifference, 'a' | 'b'> {
  if (a === undefined || b === undefined || a.type !== b.type || a.text === b.text) {
    const textOf = (record: ComparedRecord | undefined): string =>
      record === undefined ? NOTHING : `${record.type} ${record.text}`;
    return { a: textOf(a), b: textOf(b) };
  }
  const { expected, found } = firstDifferentField(a.payload, b.payload, '');
  return { a: `${a.type} ${expected}`, b: `${b.type} ${found}` };
}

const DECIDING: readonly ChangeKind[] = [
  'symbols',
  'horizons',
  'settings',
  'start',
  'code',
  'models',
  'data',
  'mode',
];

/** What a first difference in a stage points to, the most likely first. */
const CAUSES: Readonly<Record<string, readonly ChangeKind[]>> = {
  session: ['sessions', 'data', 'mode', 'settings', 'code'],
  market: ['symbols', 'data', 'sessions', 'code'],
  features: ['symbols', 'data', 'sessions', 'horizons', 'models', 'settings', 'code', 'start', 'mode'],
  predictions: ['symbols', 'horizons', 'models', 'data', 'code', 'mode'],
  prediction: DECIDING,
  blending: DECIDING,
  arbitration: DECIDING,
  gating: DECIDING,
  sizing: DECIDING,
  risk: DECIDING,
  decisions: DECIDING,
  orders: DECIDING,
  learning: DECIDING,
  ledger: DECIDING,
  exchange: ['symbols', 'mode', 'settings', 'data', 'code'],
};

/** The values of the cycle in which the runs part that differ. */
async function valuesOf(
  { a, b }: { readonly a: ComparedRecord | undefined; readonly b: ComparedRecord | undefined },
  { datasetDir, progress, ...dirs }: DiffOptions,
): Promise<Pick<RunDiff, 'values' | 'valuesMissing'>> {
  if (a === undefined || b === undefined || a.cycle === 0 || a.dueUs !== b.dueUs) {
    return { values: [], valuesMissing: 'the runs have no cycle in common there' };
  }
  try {
    const left = await recomputeCycle({ runDir: dirs.a, datasetDir, cycle: a.cycle, progress });
    const right = await recomputeCycle({ runDir: dirs.b, datasetDir, cycle: b.cycle, progress });
    const found = left.engine.layout.symbols.flatMap((symbol, ix) => {
      const other = right.engine.layout.symbols.indexOf(symbol);
      return other < 0 ? [] : compareTraces(left.explain(ix), right.explain(other));
    });
    found.sort((x, y) => x.order - y.order);
    return { values: groupBySymbols(found).slice(0, MAX_VALUES), valuesMissing: undefined };
  } catch (error) {
    if (!(error instanceof InputError || error instanceof CheckFailedError)) throw error;
    return { values: [], valuesMissing: error.message };
  }
}

/** What differs for many symbols in the same way, such as a limit, is told once. */
function groupBySymbols(found: readonly OrderedDifference[]): ValueDifference[] {
  const groups = new Map<string, ValueDifference & { readonly symbols: string[] }>();
  for (const { symbol, order: _, ...value } of found) {
    const key = JSON.stringify(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { symbols: [symbol], ...value });
    else group.symbols.push(symbol);
  }
  return [...groups.values()];
}

interface OrderedDifference extends Omit<ValueDifference, 'symbols'> {
  readonly symbol: string;
  /** Place of the section in the order data flows. */
  readonly order: number;
}

function compareTraces(a: Explanation, b: Explanation): OrderedDifference[] {
  return a.sections.flatMap((section, order) => {
    const other = b.sections.find(({ stage }) => stage === section.stage);
    if (other === undefined) return [];
    const place = { order, symbol: a.symbol, section: section.stage };
    const rows = (section.rows ?? []).flatMap(({ label, values }) =>
      compareValues(values, rowOf(other, label), { ...place, row: label }),
    );
    return [...compareValues(section.values, other.values, { ...place, row: null }), ...rows];
  });
}

function rowOf(section: TraceSection, label: string): readonly TraceValue[] {
  return section.rows?.find((row) => row.label === label)?.values ?? [];
}

function compareValues(
  a: readonly TraceValue[],
  b: readonly TraceValue[],
  place: Pick<OrderedDifference, 'order' | 'symbol' | 'section' | 'row'>,
): OrderedDifference[] {
  return a.flatMap(({ name, unit, value }) => {
    const other = b.find((entry) => entry.name === name);
    return other === undefined || Object.is(other.value, value)
      ? []
      : [{ ...place, name, unit, a: value, b: other.value }];
  });
}
