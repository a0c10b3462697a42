import { closeSync, openSync, writeSync } from 'node:fs';
import { InputError } from '../domain/errors.ts';
import { BAD_ROW_KINDS, type BadRowCounts, type BadRowKind, noBadRows, type RowPolicy } from './manifest.ts';

/** One row that did not enter, as listed in reports. */
export interface BadRow {
  readonly kind: BadRowKind;
  /** Relative to the import root, as in the manifest. */
  readonly file: string;
  /** 1-based line of a text file, 1-based row of a Parquet file. */
  readonly line: number;
  readonly detail: string;
}

/** Counts every bad row, keeps the first few of each kind, writes all of them to a CSV file. */
export interface BadRowLog {
  add(row: BadRow): void;
  readonly counts: BadRowCounts;
  /** The first rows of each kind, in the order they were found. */
  readonly examples: readonly BadRow[];
  close(): void;
}

export interface BadRowLogOptions {
  /** Created when the first row is added. */
  readonly path: string;
  readonly examplesPerKind: number;
}

const FLUSH_CHARS = 1 << 16;

export function createBadRowLog({ path, examplesPerKind }: BadRowLogOptions): BadRowLog {
  const counts = noBadRows();
  const examples: BadRow[] = [];
  let fd: number | undefined;
  let pending = '';
  const flush = (): void => {
    if (fd !== undefined && pending !== '') writeSync(fd, pending);
    pending = '';
  };
  return {
    counts,
    examples,
    add: (row) => {
      if (fd === undefined) {
        fd = openSync(path, 'w');
        pending = 'kind,file,line,detail\n';
      }
      if (counts[row.kind]++ < examplesPerKind) examples.push(row);
      pending += `${row.kind},${csvCell(row.file)},${row.line},${csvCell(row.detail)}\n`;
      if (pending.length > FLUSH_CHARS) flush();
    },
    close: () => {
      flush();
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

function csvCell(text: string): string {
  const oneLine = text.replace(/[\r\n]+/g, ' ');
  return /[",]/.test(oneLine) ? `"${oneLine.replaceAll('"', '""')}"` : oneLine;
}

export function totalBadRows(counts: BadRowCounts): number {
  return BAD_ROW_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

/** Rows of kinds that the policy refuses. */
export function refusedRows(counts: BadRowCounts, policy: RowPolicy): number {
  return BAD_ROW_KINDS.reduce((sum, kind) => sum + (isRefused(kind, policy) ? counts[kind] : 0), 0);
}

export function isRefused(kind: BadRowKind, policy: RowPolicy): boolean {
  return (kind === 'outside_session' ? policy.outsideSession : policy.onBad) === 'refuse';
}

/** The one line an import with refused rows ends in. `listedIn` names the file with all of them. */
export function refusalError(input: {
  readonly log: Pick<BadRowLog, 'counts' | 'examples'>;
  readonly policy: RowPolicy;
  readonly listedIn: string | undefined;
  /** Times without an offset were read as UTC, and nobody asked for that. */
  readonly isZoneAssumed: boolean;
}): InputError {
  const { log, policy, listedIn, isZoneAssumed } = input;
  const kinds = BAD_ROW_KINDS.filter((kind) => log.counts[kind] > 0 && isRefused(kind, policy));
  const first = log.examples.find(({ kind }) => kinds.includes(kind));
  const parts = kinds.map((kind) => `${log.counts[kind]} ${kind}`).join(', ');
  const options = [
    ...(kinds.some((kind) => kind !== 'outside_session') ? ['--on-bad drop'] : []),
    ...(kinds.includes('outside_session') ? ['--outside-session drop'] : []),
  ];
  const place =
    first === undefined ? '' : `; first ${first.kind} at ${first.file}:${first.line}: ${first.detail}`;
  const list = listedIn === undefined ? '' : `; all are listed in ${listedIn}`;
  const zone =
    kinds.includes('outside_session') && isZoneAssumed
      ? '; times here are New York, and those without an offset were read as UTC (or say --time-zone new_york)'
      : '';
  return new InputError(
    'IMPORT_REFUSED',
    `import refused, no dataset written: bad rows ${parts}${place}${zone}${list}; repair them, or leave them out with ${options.join(' and ')}`,
  );
}
