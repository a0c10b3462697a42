/** A fenced `sh` block of a Markdown page. */
export interface ShellBlock {
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly script: string;
}

/**
 * Finds the blocks that a reader would run: those fenced as exactly `sh`. Blocks in any other language (`console`,
 * `text`, `yaml`, `ts`) are for reading.
 */
export function shellBlocks(markdown: string): ShellBlock[] {
  const blocks: ShellBlock[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const fence = /^( *)(`{3,}|~{3,})(.*)$/.exec(lines[at] ?? '');
    if (fence === null) continue;
    const [, indent = '', mark = '', info = ''] = fence;
    const isEnd = (text: string): boolean =>
      text.trim().startsWith(mark) && text.trim().replaceAll(mark.charAt(0), '') === '';
    const start = at + 1;
    for (at = start; at < lines.length && !isEnd(lines[at] ?? ''); at++);
    if (info.trim() === 'sh') {
      const body = lines
        .slice(start, at)
        .map((text) => (text.startsWith(indent) ? text.slice(indent.length) : text));
      blocks.push({ line: start, script: body.join('\n') });
    }
  }
  return blocks;
}

/** What `.ci/run` has done already when the tests run; running it from inside a test would never end. */
const DONE_BY_CI = /(?<=^|&&|;)\s*(npm (ci|test)|\.ci\/run)\s*(?=$|&&|;)/gm;

/** The script with `npm ci`, `npm test` and `.ci/run` taken as done. */
export function withoutCiSteps(script: string): string {
  return script.replace(DONE_BY_CI, ' true ');
}
