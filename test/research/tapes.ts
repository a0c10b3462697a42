import type { MarketTable } from '../../src/domain/market-table.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import type { Json, JsonObject, TapeRecord } from '../../src/events/record.ts';
import type { SessionRun } from '../../src/modes/run-sessions.ts';
import type { MarketDataset } from '../../src/ports/market-data.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import type { TapeLine } from '../../src/ports/tape.ts';
import { type ReplayOptions, type ReplayResult, replayTape } from '../../src/research/replay.ts';
import { chainHash, GENESIS } from '../../src/tape/chain.ts';

/** Records as the lines of a sound tape: numbered from 0 and chained anew, as a forger would. */
export function linesOf(records: readonly TapeRecord[]): TapeLine[] {
  let chain = GENESIS;
  return records.map(({ t, type, payload }, seq) => {
    const body = canonicalJson({ payload, seq, t, type });
    chain = chainHash(chain, body);
    return {
      record: { seq, t, type, payload },
      chain,
      body,
      payloadJson: canonicalJson(payload),
      segment: '000001.jsonl',
      line: seq + 1,
      byteOffset: 0,
    };
  });
}

/** The sessions of a run as a dataset, with the tables of the run or what `change` makes of them. */
export function datasetOf(
  run: SessionRun,
  change = (table: MarketTable): MarketTable => table,
): MarketDataset {
  const { identity, sessions, loadSession } = run;
  return {
    sha256: identity.datasetSha256,
    symbols: identity.layout.symbols,
    sessions,
    barSeconds: identity.barSeconds,
    actions: run.actions ?? [],
    loadSession: async (date) => change(await loadSession(date)),
  };
}

export function replay(
  records: readonly TapeRecord[],
  dataset: MarketDataset,
  options: Partial<ReplayOptions> = {},
): Promise<ReplayResult> {
  const lines = linesOf(records);
  return replayTape({ openTape: () => lines, dataset, progress: silentProgress, ...options });
}

/** A copy of records in which one is another. */
export function withRecord(
  records: readonly TapeRecord[],
  seq: number,
  change: Partial<TapeRecord>,
): TapeRecord[] {
  return records.map((record) => (record.seq === seq ? { ...record, ...change } : record));
}

export function without(records: readonly TapeRecord[], seq: number): TapeRecord[] {
  return records.filter((record) => record.seq !== seq);
}

export function inserted(
  records: readonly TapeRecord[],
  before: number,
  record: Omit<TapeRecord, 'seq'>,
): TapeRecord[] {
  return [...records.slice(0, before), { ...record, seq: before }, ...records.slice(before)];
}

/** The first record of a type that satisfies a condition, at or after a sequence number. */
export function find(
  records: readonly TapeRecord[],
  type: string,
  { from = 0, where = () => true }: { from?: number; where?: (payload: JsonObject) => boolean } = {},
): TapeRecord {
  const found = records.find((record) => record.seq >= from && record.type === type && where(record.payload));
  if (found === undefined) throw new Error(`no ${type} from seq ${from} on`);
  return found;
}

/** A payload with one field, by path, set to another value. */
export function set(payload: JsonObject, path: readonly (string | number)[], value: Json): JsonObject {
  return replaced(payload, path, value) as JsonObject;
}

function replaced(json: Json, [key, ...rest]: readonly (string | number)[], value: Json): Json {
  if (key === undefined) return value;
  const copy = (Array.isArray(json) ? [...json] : { ...(json as JsonObject) }) as Record<string, Json>;
  copy[key] = replaced(copy[key]!, rest, value);
  return copy as unknown as Json;
}
