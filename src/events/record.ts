import type { TimeUs } from '../domain/units.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** One line of the tape before it is chained: everything in it is hashed, so nothing about the host may enter. */
export interface TapeRecord {
  readonly seq: number;
  readonly t: TimeUs;
  readonly type: string;
  readonly payload: JsonObject;
}

/** A record on its way onto a tape, its payload as canonical JSON. */
export interface TapeEntry {
  readonly seq: number;
  readonly t: TimeUs;
  readonly type: string;
  readonly payloadJson: string;
}
