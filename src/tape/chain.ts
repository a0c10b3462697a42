import { hash } from 'node:crypto';

/** What the first record's hash is chained to. */
export const GENESIS = '0'.repeat(64);
export const HASH_LENGTH = 64;

/**
 * Hash of a record chained to the one before it.
 * @param previous chain hash of the previous record, lower-case hex
 * @param body canonical JSON of `{payload, seq, t, type}`
 * @returns lower-case hex SHA-256 over the UTF-8 of `previous` followed by `body`
 */
export function chainHash(previous: string, body: string): string {
  return hash('sha256', previous + body, 'hex');
}

/** The same over bytes that already hold previous hash and body one after the other. */
export function chainHashOfBytes(previousAndBody: Uint8Array): string {
  return hash('sha256', previousAndBody, 'hex');
}
