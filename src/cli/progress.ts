import { US_PER_SECOND } from '../domain/units.ts';
import { type Progress, silentProgress } from '../ports/progress.ts';
import { duration, number } from '../report/format.ts';
import type { TextStream } from './terminal.ts';

const REDRAW_MS = 100;
const BAR_WIDTH = 20;
const DEFAULT_COLUMNS = 80;
/** To the start of the line, then erase to its end. */
const ERASE_LINE = '\r\u001b[K';

/** How far work is, and how fast it goes: what one line of the bar says. */
export interface ProgressState {
  readonly done: number;
  readonly total: number;
  readonly seconds: number;
  readonly label: string;
}

/** `[██████░░░░] 62 %  620/1,000  155/s  ETA 2 s  2024-03-04`; `620  155/s  cycles` where the total, 0, is not known. */
export function progressLine({ done, total, seconds, label }: ProgressState, width = BAR_WIDTH): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const what = label === '' ? '' : `  ${label}`;
  if (total === 0) return `${number(done)}  ${number(rate)}/s${what}`;
  const share = Math.min(1, Math.max(0, done / total));
  const filled = Math.round(share * width);
  const eta = rate > 0 ? duration((Math.max(0, total - done) / rate) * US_PER_SECOND) : 'n/a';
  const bar = `[${'█'.repeat(filled)}${'░'.repeat(width - filled)}]`;
  const counts = `${number(done)}/${number(total)}`;
  return `${bar} ${Math.floor(share * 100)} %  ${counts}  ${number(rate)}/s  ETA ${eta}${what}`;
}

/**
 * A progress bar with rate and ETA on a terminal; silent where the stream is a pipe or a file. It draws inside
 * `update`, throttled, because the caller may keep the event loop busy.
 * @param nowMs wall clock in milliseconds
 */
export function createProgress(
  stream: TextStream = process.stderr,
  nowMs: () => number = Date.now,
): Progress {
  if (stream.isTTY !== true) return silentProgress;
  const startedMs = nowMs();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let lastLabel = '';
  let isDrawn = false;
  return {
    update(done, total, label = lastLabel) {
      const now = nowMs();
      lastLabel = label;
      if (now - drawnMs < REDRAW_MS && (done < total || total === 0)) return;
      drawnMs = now;
      const line = progressLine({ done, total, seconds: (now - startedMs) / 1000, label });
      const columns = stream.columns ?? DEFAULT_COLUMNS;
      stream.write(`${ERASE_LINE}${[...line].slice(0, columns - 1).join('')}`);
      isDrawn = true;
    },
    stop() {
      if (isDrawn) stream.write(ERASE_LINE);
      isDrawn = false;
    },
  };
}
