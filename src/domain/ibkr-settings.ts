import type { DurationUs } from './units.ts';

/**
 * What a code of the gateway means for an order or for the connection. Anything else is asked about: an order is
 * never taken for dead because of a number nobody has explained.
 */
export type CodeMeaning =
  | 'notice'
  | 'held'
  | 'rejected'
  | 'cancelled'
  | 'cancel_refused'
  | 'duplicate_id'
  | 'rate'
  | 'link_lost'
  | 'link_restored'
  | 'not_connected';

/** How long things may take. */
export interface IbkrTiming {
  /** From dialling to the first valid order id. */
  readonly connectUs: DurationUs;
  /** A request for lists or the account; a gateway that takes longer is hung up on. */
  readonly answerUs: DurationUs;
  /** From an order to the first word about it; then it is looked up. */
  readonly acknowledgeUs: DurationUs;
  /** Silence after which the gateway is asked for its time. */
  readonly quietUs: DurationUs;
  /** Between looks at the books while orders are at work: a report that never came is found by them. */
  readonly sweepUs: DurationUs;
  /** Between looks for an order that is in doubt. */
  readonly lookAgainUs: DurationUs;
  /** How long a request to place, change or cancel an order waits to find out what became of it. */
  readonly doubtUs: DurationUs;
  readonly reconnectFirstUs: DurationUs;
  readonly reconnectMaxUs: DurationUs;
}

export interface IbkrSettings {
  /** Which kind of account is meant; the other one is refused. */
  readonly environment: 'paper' | 'live';
  /** What the names of accounts without money begin with. */
  readonly paperAccountPrefix: string;
  readonly host: string;
  readonly port: number;
  /** Hosts besides this machine that may be spoken to; the protocol is not encrypted. */
  readonly allowedHosts: readonly string[];
  readonly clientId: number;
  /** Absent: the only one the gateway manages. */
  readonly account?: string;
  readonly messagesPerSecond: number;
  /** How many of them a second are kept for cancels. */
  readonly reservedForCancels: number;
  /** Orders at work a contract and side; 0 is no limit. */
  readonly maxOrdersPerSymbolSide: number;
  readonly maxClientOrderIdLength: number;
  /** Zone of execution times that name none. */
  readonly timeZone: string;
  /** What stands for the dot of a share class: `BRK.B` is `BRK B`. */
  readonly classSeparator: string;
  /** Looks after which an order that no list holds is taken as not placed. */
  readonly lookupAttempts: number;
  readonly timing: IbkrTiming;
  /** By code; wins over what the client knows of them. */
  readonly codes: Readonly<Record<string, CodeMeaning>>;
}
