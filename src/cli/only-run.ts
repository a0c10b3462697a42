import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../domain/errors.ts';
import { runFolderAt } from '../tape/run-folder.ts';
import { tapeWriterOf } from '../tape/tape-lock.ts';

/**
 * Looked at last before a run begins: while a person was asked, another may have begun the same scenario, and both would
 * trade it. One that began before is found when it is looked for to go on with, and its tape is locked.
 * @throws InputError LIVE_RUNS_ALREADY
 */
export function expectOnlyRun(outDir: string, scenario: string): void {
  for (const entry of existsSync(outDir) ? readdirSync(outDir) : []) {
    if (!entry.startsWith(`${scenario}-`) || !/^[0-9a-f]{12}$/.test(entry.slice(scenario.length + 1)))
      continue;
    const { dir, tapeDir } = runFolderAt(join(outDir, entry));
    const writer = tapeWriterOf(tapeDir);
    if (writer === undefined) continue;
    throw new InputError(
      'LIVE_RUNS_ALREADY',
      `${dir}: process ${writer.pid} on ${writer.host} began to trade ${scenario} meanwhile; nothing was sent from here`,
    );
  }
}
