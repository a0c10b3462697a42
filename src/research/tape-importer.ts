import { join } from 'node:path';
import type { SourcedAction } from '../data/actions.ts';
import { type BarRow, CELLS_PER_SIDE, createBarRow, SIDES } from '../data/bar-row.ts';
import { clearRow, setNumberCell } from '../data/cell-text.ts';
import type { Importer, ImportOptions } from '../data/import-types.ts';
import { InputError } from '../domain/errors.ts';
import { IS_HALTED, MARKET_VALUE_COLUMNS, type MarketTable } from '../domain/market-table.ts';
import { decodeInput } from '../events/decode.ts';
import { decodeInlineSlice } from '../events/decode-market.ts';
import type { InputEvent } from '../events/inputs.ts';
import { runIdOf } from '../modes/run-identity.ts';
import type { TapeLine } from '../ports/tape.ts';
import { nodeBase64 } from '../tape/node-base64.ts';
import { readTape } from '../tape/read-tape.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { recordedIdentity } from './recorded-scenario.ts';

/**
 * Reader of the market data that a paper or live run recorded: what was lived through becomes a dataset that backtests
 * run over. Sessions that had not ended are left out, so that none is shorter than it was.
 * @throws InputError IMPORT_TAPE for a run that carries no market data; TapeFaultError for a damaged tape
 */
export async function createTapeImporter({ sources }: ImportOptions): Promise<Importer> {
  const [runDir] = sources;
  if (runDir === undefined || sources.length !== 1) {
    throw new InputError('IMPORT_TAPE', `a tape import takes one run folder, got ${sources.length}`);
  }
  const { tapeDir } = openRunFolder(runDir);
  const identity = recordedIdentity(tapeDir);
  if (identity.mode === undefined) {
    throw new InputError(
      'IMPORT_TAPE',
      `${runDir}: the tape of a backtest refers to its dataset and holds no market data; name a paper or live run`,
    );
  }
  const found = scan(tapeDir);
  if (found.barSeconds === undefined) {
    throw new InputError('IMPORT_TAPE', `${runDir}: no market data was recorded before its tape ends`);
  }
  if (!found.hasEnded) {
    throw new InputError(
      'IMPORT_TAPE',
      `${runDir}: no session has ended on the tape, and one that goes on is not taken (${found.open.join(', ')}); import it after its close`,
    );
  }
  const left = new Set(found.open);
  const row = createBarRow();
  const lines = linesTo(tapeDir, found.lastSeq);
  let next: IteratorResult<TapeLine, void> | undefined;
  return {
    files: found.segments.map((name) => ({ path: join(tapeDir, name), name })),
    actions: found.actions,
    barSeconds: found.barSeconds,
    optionsUsed: { runId: runIdOf(identity), chainHead: found.chainHead },
    filesLeftOut: [],
    sessionsLeftOut: found.open,
    async read({ name }, intake) {
      next ??= lines.next();
      for (; next.done !== true && next.value.segment === name; next = lines.next()) {
        const { record, line } = next.value;
        if (record.type !== 'MarketSlice') continue;
        const { table } = decodeInlineSlice(record, nodeBase64);
        if (left.has(table.session)) continue;
        for (let i = 0; i < table.rowCount; i++) {
          fillRow(row, table, i);
          intake.offer(row, line);
        }
      }
    },
  };
}

/** What was scanned, and no more: a run that goes on has recorded sessions since that nobody knows to have ended. */
function* linesTo(tapeDir: string, lastSeq: number): Generator<TapeLine, void> {
  for (const line of readTape(tapeDir, { torn: 'report' })) {
    if (line.record.seq > lastSeq) return;
    yield line;
  }
}

interface TapeContents {
  readonly segments: readonly string[];
  readonly chainHead: string;
  readonly barSeconds: number | undefined;
  /** Dates of sessions that were opened and not closed. */
  readonly open: readonly string[];
  /** Whether any session was opened and closed. */
  readonly hasEnded: boolean;
  readonly lastSeq: number;
  readonly actions: readonly SourcedAction[];
}

const SCANNED: ReadonlySet<string> = new Set<InputEvent['type']>([
  'SessionOpened',
  'SessionClosed',
  'CorporateActionApplied',
]);

/** Reads the whole tape, every byte checked, before anything is written. */
function scan(tapeDir: string): TapeContents {
  const open = new Set<string>();
  const actions: SourcedAction[] = [];
  let barSeconds: number | undefined;
  let hasEnded = false;
  const lines = readTape(tapeDir, { torn: 'report' });
  let read = lines.next();
  for (; read.done !== true; read = lines.next()) {
    const { record, segment, line } = read.value;
    if (record.type === 'MarketSlice') barSeconds ??= decodeInlineSlice(record, nodeBase64).table.barSeconds;
    if (!SCANNED.has(record.type)) continue;
    const event = decodeInput(record, noReference, nodeBase64);
    if (event.type === 'SessionOpened') open.add(event.session.date);
    if (event.type === 'SessionClosed') hasEnded = open.delete(event.date) || hasEnded;
    if (event.type === 'CorporateActionApplied') {
      actions.push({ action: event.action, at: `${segment}:${line}` });
    }
  }
  const { segments, cursor } = read.value;
  return {
    segments,
    chainHead: cursor.head,
    lastSeq: cursor.nextSeq - 1,
    barSeconds,
    open: [...open],
    hasEnded,
    actions,
  };
}

function noReference(): never {
  throw new InputError('IMPORT_TAPE', 'the tape refers to a dataset; import that');
}

/** The row as the tape has it: no side is completed, and a price that is no whole number of 1e-4 dollars is refused. */
function fillRow(row: BarRow, table: MarketTable, i: number): void {
  const flags = table.flags[i]!;
  clearRow(row);
  row.endUs = table.endUs[i]!;
  row.symbol = table.symbols[table.symbolIx[i]!]!;
  row.isHalted = (flags & IS_HALTED) !== 0;
  for (const { flag, at } of SIDES) {
    if ((flags & flag) === 0) continue;
    for (let c = at; c < at + CELLS_PER_SIDE; c++) {
      setNumberCell(row, c, table[MARKET_VALUE_COLUMNS[c]!][i]!, 'whole_e4');
    }
  }
}
