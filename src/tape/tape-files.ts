import { type Dirent, readdirSync } from 'node:fs';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import { TapeFaultError, tapeFault } from './faults.ts';

/** Written when a run is closed: what the tape must end with. */
export const HEAD_FILE = 'head.json';
/** Written when damage at the end was set aside: `torn-<seq>.bin`. */
export const TORN_PREFIX = 'torn-';

/** `000001.jsonl`, `000002.jsonl`, … @param number from 1 */
export function segmentName(number: number): string {
  return `${String(number).padStart(6, '0')}.jsonl`;
}

/** @throws InputError TAPE_NOT_FOUND when there is no such folder */
export function listTapeFolder(dir: string): readonly Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    throw new InputError(
      'TAPE_NOT_FOUND',
      `tape ${dir}: cannot be read (${(error as NodeJS.ErrnoException).code}); expected the tape folder of a run`,
      { cause: error },
    );
  }
}

/**
 * Segment file names in order.
 * @throws TapeFaultError when one is missing between others, or a `.jsonl` entry is not a segment
 */
export function listSegments(dir: string): readonly string[] {
  const entries = listTapeFolder(dir)
    .filter((entry) => entry.name.endsWith('.jsonl'))
    .sort((a, b) => compareCodeUnits(a.name, b.name));
  const present = new Set(entries.filter((entry) => entry.isFile()).map((entry) => entry.name));
  const segments: string[] = [];
  while (present.has(segmentName(segments.length + 1))) segments.push(segmentName(segments.length + 1));
  const stray = entries.find((entry) => !segments.includes(entry.name));
  if (stray === undefined) return segments;
  const missing = segmentName(segments.length + 1);
  throw new TapeFaultError(
    /^\d{6,}\.jsonl$/.test(stray.name) && stray.isFile() && stray.name > missing
      ? tapeFault('TAPE_SEGMENT_MISSING', `segment is missing, but ${stray.name} is there`, { file: missing })
      : tapeFault(
          'TAPE_SEGMENT_UNEXPECTED',
          stray.isFile()
            ? `not a segment of this tape, whose next would be ${missing}`
            : 'not a plain file, as segments are, but a link, a folder or a device',
          { file: stray.name },
        ),
  );
}
