import { readdirSync } from 'node:fs';

/** What the process holds, taken once a session. */
export interface Sample {
  readonly rssMib: number;
  readonly files: number;
}

export interface Growth {
  readonly sessions: number;
  readonly rssMib: { readonly early: number; readonly late: number };
  readonly files: { readonly early: number; readonly late: number };
  readonly isFlat: boolean;
}

/** Memory may differ by this much from the early sessions to the late ones. */
const MAX_GROWTH = 0.1;

export function takeSample(): Sample {
  return { rssMib: process.memoryUsage.rss() / 2 ** 20, files: openFiles() };
}

/** Compares what was held early and late; the first tenth warms up: code is compiled, buffers find their size. */
export function growthOf(samples: readonly Sample[]): Growth {
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const early = samples.slice(tenth, 3 * tenth);
  const late = samples.slice(-2 * tenth);
  const of = (part: readonly Sample[], key: keyof Sample): number => median(part.map((one) => one[key]));
  const rssMib = { early: Math.round(of(early, 'rssMib')), late: Math.round(of(late, 'rssMib')) };
  const files = { early: of(early, 'files'), late: of(late, 'files') };
  const isFlat = rssMib.late <= rssMib.early * (1 + MAX_GROWTH) && files.late <= files.early;
  return { sessions: samples.length, rssMib, files, isFlat };
}

/** Open files of this process; -1 where the system does not tell. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}
