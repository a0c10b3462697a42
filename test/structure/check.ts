import { checkBarrels, checkHooks, checkLockFile, checkTopLevel } from './house-rules.ts';
import { checkImports } from './import-rules.ts';
import { checkPureZone, PURE_ZONE } from './pure-zone.ts';
import { checkRatchets } from './ratchets.ts';
import { listSources, projectRoot, readSource } from './sources.ts';

/**
 * Runs every structure check on this checkout and prints what it finds.
 * @returns exit code: 0 when the source is in shape, 1 when not
 */
export async function checkStructure(): Promise<number> {
  const files = listSources(projectRoot, 'src').map((path) => readSource(projectRoot, path));
  const pure = files.filter((file) => PURE_ZONE.some((folder) => file.path.startsWith(`src/${folder}/`)));
  const imports = await checkImports(projectRoot, files.length);
  const checks: readonly (readonly [string, readonly string[]])[] = [
    [`import directions and cycles (${imports.modules} modules)`, imports.problems],
    [`pure zone (${pure.length} files)`, pure.flatMap(checkPureZone)],
    [`line ratchets (${files.length} files)`, checkRatchets(files)],
    [`no barrels (${files.length} files)`, files.flatMap(checkBarrels)],
    ['top level', checkTopLevel(projectRoot)],
    ['lock file', await checkLockFile(projectRoot)],
    ['hooks', checkHooks(projectRoot)],
  ];
  let failed = 0;
  for (const [name, problems] of checks) {
    process.stdout.write(`${problems.length === 0 ? 'ok    ' : 'FAILED'}  ${name}\n`);
    for (const problem of problems) process.stdout.write(`        ${problem}\n`);
    if (problems.length > 0) failed += 1;
  }
  return failed === 0 ? 0 : 1;
}
