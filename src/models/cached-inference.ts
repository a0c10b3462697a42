import { InvariantError, invariant } from '../domain/errors.ts';
import type { InferenceRequest } from '../events/inference.ts';
import type { Predictions } from '../events/inputs.ts';
import type { SignalLayout } from '../events/layout.ts';
import type { InferencePort } from '../ports/inference.ts';
import {
  type CacheFolder,
  dropEntry,
  entryPath,
  evictEntries,
  hasEntry,
  partialEntryPath,
  touchEntry,
} from './cache-folder.ts';
import { createPredictionWriter, type PredictionWriter } from './prediction-writer.ts';
import { createRecordedInference, type RecordedInference } from './recorded-inference.ts';

/** The predictions of one session of a run, by their content address. */
export interface CachedSession {
  readonly key: string;
  readonly firstCycle: number;
  readonly lastCycle: number;
}

/** What the cache did, in sessions. */
export interface CacheUse {
  hits: number;
  misses: number;
  evicted: number;
  /** Entries that were damaged, and what kept the cache from being written; one line each. */
  readonly notes: string[];
}

export interface CachedInference extends InferencePort {
  readonly use: CacheUse;
  /** Opens the models now where some session will need them, so that what is wrong with them is said before the run. */
  load(): Promise<void>;
}

/**
 * Answers a session from the cache where it holds all of it, and else asks the models and keeps what they say. Each
 * recorded answer carries the digest of the features it answered: one that was asked something else is not given, the
 * session is computed again, and a note says so. The models are not even loaded while no session misses. What goes wrong
 * with the cache itself costs time and a note, never the run.
 */
export function createCachedInference(spec: {
  readonly folder: CacheFolder;
  readonly layout: SignalLayout;
  /** In order of cycles. */
  readonly sessions: readonly CachedSession[];
  readonly openModels: () => Promise<InferencePort>;
  readonly now: () => Date;
}): CachedInference {
  return new CachedInferenceAdapter(spec);
}

type Spec = Parameters<typeof createCachedInference>[0];

/** The session under way: read from the cache, or computed, and written unless that failed. */
type Open =
  | { readonly kind: 'reading'; readonly session: CachedSession; readonly reader: RecordedInference }
  | {
      readonly kind: 'computing';
      readonly session: CachedSession;
      readonly writer: PredictionWriter | undefined;
    };

type Reading = Extract<Open, { readonly kind: 'reading' }>;

class CachedInferenceAdapter implements CachedInference {
  readonly layout: SignalLayout;
  readonly use: CacheUse = { hits: 0, misses: 0, evicted: 0, notes: [] };
  readonly #spec: Spec;
  #models: InferencePort | undefined;
  #open: Open | undefined;
  /** Cycles of the session under way that its writer has. */
  #computed = 0;

  constructor(spec: Spec) {
    this.#spec = spec;
    this.layout = spec.layout;
  }

  async load(): Promise<void> {
    const { sessions, folder } = this.#spec;
    if (sessions.some(({ key }) => !hasEntry(folder, key))) await this.#model();
  }

  infer(request: InferenceRequest): Predictions | Promise<Predictions> {
    const open = this.#open;
    if (open?.kind === 'reading' && isWithin(open.session, request.cycle)) {
      const known = this.#known(open, request);
      if (known !== undefined) return known;
    }
    return this.#inferLater(request);
  }

  async close(): Promise<void> {
    await this.#finish();
    await this.#models?.close();
    try {
      this.use.evicted = evictEntries(this.#spec.folder, this.#spec.now());
    } catch (error) {
      this.#noteUnwritten(error);
    }
  }

  async #inferLater(request: InferenceRequest): Promise<Predictions> {
    const { cycle } = request;
    if (this.#open === undefined || !isWithin(this.#open.session, cycle)) await this.#enter(cycle);
    if (this.#open?.kind === 'reading') {
      const known = this.#known(this.#open, request);
      if (known !== undefined) return known;
      if (this.#open.kind === 'reading') await this.#recompute(this.#open, cycle);
    }
    const models = await this.#model();
    const answer = await models.infer(request);
    if (this.#open?.kind === 'computing') this.#open.writer?.append(answer, request.featuresDigest);
    this.#computed += 1;
    return answer;
  }

  /** @returns undefined where the entry answers other features, or turned out unreadable: then it is given up */
  #known(open: Reading, request: InferenceRequest): Predictions | undefined {
    try {
      return answerOf(open.reader, request);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      this.use.hits -= 1;
      this.use.misses += 1;
      this.#note(`${entryPath(this.#spec.folder, open.session.key)}: cannot be read on`, error);
      this.#giveUp(open);
      return undefined;
    }
  }

  /** The session goes on with the models; as the cache no longer has its earlier answers, nothing of it is kept. */
  #giveUp({ session, reader }: Reading): void {
    void reader.close();
    this.#open = { kind: 'computing', session, writer: undefined };
  }

  async #enter(cycle: number): Promise<void> {
    await this.#finish();
    const session = this.#spec.sessions.find((candidate) => isWithin(candidate, cycle));
    invariant(session !== undefined, `cycle ${cycle} belongs to no session of the run`);
    const reader = this.#read(session);
    if (reader !== undefined) {
      this.use.hits += 1;
      touchEntry(this.#spec.folder, session.key, this.#spec.now());
      this.#open = { kind: 'reading', session, reader };
      return;
    }
    this.use.misses += 1;
    this.#computed = 0;
    this.#open = { kind: 'computing', session, writer: await this.#write(session) };
  }

  /** @returns undefined where the cache lacks the session, or what it has cannot be used; that is dropped and noted */
  #read({ key, firstCycle, lastCycle }: CachedSession): RecordedInference | undefined {
    const { folder, layout } = this.#spec;
    if (!hasEntry(folder, key)) return undefined;
    try {
      const reader = createRecordedInference({ path: entryPath(folder, key), layout, expectedKey: key });
      if (reader.cycles === lastCycle - firstCycle + 1) return reader;
      void reader.close();
      this.use.notes.push(`${entryPath(folder, key)}: holds ${reader.cycles} cycles, computed again`);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      this.use.notes.push(`${messageOf(error)}; computed again`);
    }
    try {
      dropEntry(folder, key);
    } catch (error) {
      this.#note(`${entryPath(folder, key)}: cannot be removed`, error);
    }
    return undefined;
  }

  /** A cache that cannot be written costs time, not the run. */
  async #write({ key }: CachedSession): Promise<PredictionWriter | undefined> {
    const { folder, layout } = this.#spec;
    try {
      const partialPath = partialEntryPath(folder, key);
      return await createPredictionWriter({ path: entryPath(folder, key), layout, key, partialPath });
    } catch (error) {
      this.#noteUnwritten(error);
      return undefined;
    }
  }

  /** What the cache says was asked something else: the session goes on with the models, its earlier answers kept. */
  async #recompute(open: Reading, cycle: number): Promise<void> {
    const { session, reader } = open;
    const { folder } = this.#spec;
    this.use.hits -= 1;
    this.use.misses += 1;
    this.use.notes.push(
      `${entryPath(folder, session.key)}: cycle ${cycle} answers other features, the session was computed again`,
    );
    const size = this.layout.columns.length * this.layout.symbols.length;
    const usable = new Uint8Array(size).fill(1);
    const writer = await this.#write(session);
    try {
      for (let known = session.firstCycle; known < cycle; known += 1) {
        writer?.append(reader.infer({ cycle: known, batches: [], usable }), reader.featuresOf(known));
      }
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      this.#note(`${entryPath(folder, session.key)}: cannot be read on`, error);
      this.#giveUp(open);
      await this.#abort(writer);
      return;
    }
    await reader.close();
    this.#computed = cycle - session.firstCycle;
    this.#open = { kind: 'computing', session, writer };
  }

  async #finish(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open?.kind === 'reading') await open.reader.close();
    if (open?.kind !== 'computing' || open.writer === undefined) return;
    // of a run that stopped early, or whose models failed to answer a cycle, nothing is kept
    if (this.#computed !== open.session.lastCycle - open.session.firstCycle + 1) {
      await this.#abort(open.writer);
      return;
    }
    try {
      await open.writer.finish();
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      this.#noteUnwritten(error);
    }
  }

  async #abort(writer: PredictionWriter | undefined): Promise<void> {
    try {
      await writer?.abort();
    } catch (error) {
      this.#noteUnwritten(error);
    }
  }

  #noteUnwritten(error: unknown): void {
    this.#note(`${this.#spec.folder.dir}: predictions could not be cached`, error);
  }

  #note(what: string, error: unknown): void {
    const note = `${what} (${messageOf(error)})`;
    if (!this.use.notes.includes(note)) this.use.notes.push(note);
  }

  async #model(): Promise<InferencePort> {
    this.#models ??= await this.#spec.openModels();
    return this.#models;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isWithin({ firstCycle, lastCycle }: CachedSession, cycle: number): boolean {
  return cycle >= firstCycle && cycle <= lastCycle;
}

/** @returns undefined where the recorded answer is to another question */
function answerOf(reader: RecordedInference, request: InferenceRequest): Predictions | undefined {
  invariant(
    request.featuresDigest !== undefined,
    'a cached answer needs the digest of the features asked about',
  );
  return reader.featuresOf(request.cycle) === request.featuresDigest ? reader.infer(request) : undefined;
}
