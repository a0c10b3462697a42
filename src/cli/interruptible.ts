import { relative } from 'node:path';
import { EXIT } from './errors.ts';

/** What an interrupted run left, told before the process ends. */
export interface Interruptible {
  /** Folder of the unfinished run, once there is one. */
  folderMade(dir: string): void;
  /** Takes the handler off again. */
  stop(): void;
}

/**
 * Ends the process on Ctrl-C with one line that says what is left and how to go on. What the tape holds stays: an
 * interruption is a crash that somebody asked for, and is gone on with in the same way.
 * @param what what is left unfinished
 * @param howToGoOn what to type next, after a folder was left
 * @param clear takes an unfinished line, such as a progress bar, off the terminal
 * @param leave is waited for, such as telemetry that tells what is open; a second Ctrl-C waits for nothing
 */
export function onInterrupt({
  what = 'the run',
  howToGoOn,
  clear,
  leave,
}: {
  readonly what?: string;
  readonly howToGoOn: string;
  readonly clear: () => void;
  readonly leave?: () => Promise<void>;
}): Interruptible {
  let left: string | undefined;
  const onSignal = (): void => {
    clear();
    const state = left === undefined ? 'nothing was written' : `${what} is partial, in ${left}; ${howToGoOn}`;
    process.stderr.write(`sametape: interrupted: ${state}\n`);
    const exit = (): never => process.exit(EXIT.interrupted);
    if (leave === undefined) exit();
    else void leave().finally(exit);
  };
  process.once('SIGINT', onSignal);
  return {
    folderMade: (dir) => {
      left = relative(process.cwd(), dir);
    },
    stop: () => process.off('SIGINT', onSignal),
  };
}
