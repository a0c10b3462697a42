import { readFileSync, truncateSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import type { AlertNotice } from './alert-book.ts';
import type { AlertSink } from './alerts.ts';

/** A sink that writes a line of JSON a notice, in the order they come, behind the back of the loop. */
export interface AlertFile {
  readonly sink: AlertSink;
  /** Whether it was there before. */
  readonly isFound: boolean;
  /** Whether a notice of the tape is in the file already: what an earlier process of this run told. */
  isTold(notice: AlertNotice): boolean;
  /** Done when what was told is in the file. */
  close(): Promise<void>;
}

/**
 * @param path is appended to; a line that a crash cut short is taken off first
 * @param onError told of each failure; what a write held that failed is in no file
 */
export function openAlertFile(path: string, onError: (error: unknown) => void): AlertFile {
  const told = toldIn(path, onError);
  let waiting = '';
  let writing: Promise<void> | undefined;

  async function writeOn(): Promise<void> {
    while (waiting !== '') {
      const text = waiting;
      waiting = '';
      try {
        await appendFile(path, text);
      } catch (error) {
        onError(error);
      }
    }
    writing = undefined;
  }

  return {
    sink: (notice) => {
      waiting += noticeJsonLine(notice);
      writing ??= writeOn();
    },
    isFound: told !== undefined,
    isTold: (notice) => notice.seq !== undefined && told?.has(placeOf(notice)) === true,
    close: async () => writing,
  };
}

/** Keys in one order, so that the same run writes the same bytes. */
export function noticeJsonLine(notice: AlertNotice): string {
  return `${JSON.stringify(noticeJson(notice))}\n`;
}

/** What a line of the file, and the body of a post, say of a notice. */
export function noticeJson({ kind, rule, subject, severity, text, ...rest }: AlertNotice) {
  const { tUs, sinceUs, times, withheld, seq } = rest;
  return {
    kind,
    rule,
    ...(subject === '' ? {} : { subject }),
    severity,
    text,
    tUs,
    sinceUs,
    times,
    withheld,
    ...(seq === undefined ? {} : { seq }),
  };
}

function placeOf({ seq, kind, rule, subject = '' }: Partial<AlertNotice>): string {
  return `${seq} ${kind} ${rule} ${subject}`;
}

/** What is told in whole lines of a file; undefined where there is none, or none that can be read. */
function toldIn(path: string, onError: (error: unknown) => void): ReadonlySet<string> | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
    return new Set(whole.split('\n').flatMap(placeIn));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onError(error);
    return undefined;
  }
}

/** A line that somebody changed by hand tells of nothing: its notice is told again. */
function placeIn(line: string): readonly string[] {
  try {
    return [placeOf(JSON.parse(line) as Partial<AlertNotice>)];
  } catch {
    return [];
  }
}
