import { InvariantError, invariant } from '../domain/errors.ts';
import { MARKET_VALUE_COLUMNS, type MarketSlice } from '../domain/market-table.ts';
import { type Base64Codec, littleEndianBytes } from './base64.ts';
import { canonicalJson, quote } from './canonical.ts';
import { exactInteger } from './encode-fields.ts';
import type { MarketOrigin } from './inputs.ts';
import type { Json, JsonObject } from './record.ts';

const SORTED_VALUE_COLUMNS = [...MARKET_VALUE_COLUMNS].sort();

/**
 * Payload of MarketSlice as canonical JSON: a row range of the session's table (`dataset`), or the rows themselves (`inline`), columns
 * as base64 of little-endian arrays with the symbols they index.
 * @throws InvariantError for an empty or impossible range, or inline rows that a replay could not restore
 */
export function encodeMarketSlice(slice: MarketSlice, origin: MarketOrigin, base64: Base64Codec): string {
  const { table, from, to } = slice;
  if (!(from >= 0 && from < to && to <= table.rowCount)) {
    throw new InvariantError(
      `market slice: rows [${from}, ${to}) of a table of ${table.rowCount} (${table.session})`,
    );
  }
  if (origin === 'dataset') {
    return `{"from":${exactInteger(from, 'from')},"session":${quote(table.session)},"to":${exactInteger(to, 'to')}}`;
  }
  return canonicalJson(inlinePayload(slice, base64));
}

function inlinePayload({ table, from, to }: MarketSlice, base64: Base64Codec): JsonObject {
  const endUs = table.endUs[from];
  for (let row = from; row < to; row += 1) {
    invariant(
      table.endUs[row] === endUs,
      `market slice: row ${row} ends at ${table.endUs[row]}, not ${endUs}`,
    );
    invariant(
      table.symbolIx[row] >= 0 && table.symbolIx[row] < table.symbols.length,
      `market slice: row ${row} has symbol index ${table.symbolIx[row]}`,
    );
  }
  const columns: Record<string, Json> = {};
  for (const name of SORTED_VALUE_COLUMNS) {
    const rows = table[name].subarray(from, to);
    for (let i = 0; i < rows.length; i += 1) {
      invariant(Number.isFinite(rows[i]), `market slice: ${name} is ${rows[i]} in row ${from + i}`);
    }
    columns[name] = base64.encode(littleEndianBytes(rows));
  }
  return {
    barSeconds: exactInteger(table.barSeconds, 'barSeconds'),
    columns,
    endUs: exactInteger(endUs, 'endUs'),
    flags: base64.encode(table.flags.subarray(from, to)),
    session: table.session,
    symbolIx: base64.encode(littleEndianBytes(table.symbolIx.subarray(from, to))),
    symbols: table.symbols,
  };
}
