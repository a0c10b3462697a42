/** Progress of long work, drawn by the CLI on a terminal and ignored in a pipe. */
export interface Progress {
  update(done: number, total: number, label?: string): void;
  stop(): void;
}

export const silentProgress: Progress = { update: () => undefined, stop: () => undefined };
