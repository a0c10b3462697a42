import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, rmSync, type Stats } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { compareCodeUnits } from '../domain/compare.ts';
import { InputError } from '../domain/errors.ts';
import type { Json } from '../events/record.ts';
import { makeFolders } from '../files/make-folders.ts';
import { writeTextAtomic } from './atomic-file.ts';
import { lockTape } from './tape-lock.ts';

/** Where everything of a run lies. */
export interface RunFolder {
  readonly dir: string;
  /** The tape: the truth. */
  readonly tapeDir: string;
  /** Views of engine state for people and scripts; rebuilt from the tape at will. */
  readonly stateDir: string;
  /** Facts about the host that ran it; not hashed, not compared. */
  readonly hostFile: string;
  readonly summaryFile: string;
  /** The run as a page, where one was asked for. */
  readonly reportFile: string;
  /** The scenario as resolved: defaults, profile and `--set` applied. */
  readonly scenarioFile: string;
  /** What a later run may start from; an index, never the truth. */
  readonly warmStateFile: string;
  /** What this run started from, where it did: its replay needs it. */
  readonly warmStartFile: string;
}

/** Names only; touches no disk. */
export function runFolderAt(dir: string): RunFolder {
  const absolute = resolve(dir);
  return {
    dir: absolute,
    tapeDir: join(absolute, 'tape'),
    stateDir: join(absolute, 'state'),
    hostFile: join(absolute, 'host.json'),
    summaryFile: join(absolute, 'summary.json'),
    reportFile: join(absolute, 'report.html'),
    scenarioFile: join(absolute, 'scenario.yaml'),
    warmStateFile: join(absolute, 'state', 'warm_state.json.gz'),
    warmStartFile: join(absolute, 'warm_start.json.gz'),
  };
}

/**
 * Makes the folders of a new run.
 * @param existing what to do where a run already lies: `refuse`, or `replace` it. Only what a run folder holds is
 * ever removed, and nothing while another process writes it
 * @throws InputError RUN_EXISTS, TAPE_LOCKED, RUN_UNWRITABLE
 */
export function createRunFolder(
  dir: string,
  { existing }: { readonly existing: 'refuse' | 'replace' },
): RunFolder {
  const folder = runFolderAt(dir);
  if (isOccupied(folder.dir)) {
    if (existing === 'refuse' || !existsSync(folder.tapeDir)) {
      const what = existsSync(folder.tapeDir) ? 'holds a run already' : 'exists and is not a run folder';
      throw new InputError('RUN_EXISTS', `${dir}: ${what}; choose another --out folder`);
    }
    removeRun(folder);
  }
  try {
    makeFolders(folder.tapeDir);
    makeFolders(folder.stateDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(
      'RUN_UNWRITABLE',
      `${dir}: cannot be created (${code}); choose a writable --out folder`,
      {
        cause: error,
      },
    );
  }
  return folder;
}

/** @throws InputError RUN_NOT_FOUND when `dir` is not the folder of a run */
export function openRunFolder(dir: string): RunFolder {
  const folder = runFolderAt(dir);
  if (!existsSync(folder.tapeDir)) {
    throw new InputError(
      'RUN_NOT_FOUND',
      `${dir}: not a run folder (no tape/ in it); expected what "sametape run" printed${nearRun(folder.dir)}`,
    );
  }
  return folder;
}

/** The run that was likely meant: one beside, or in runs/ here, whose name begins with what was given or is like it. */
function nearRun(dir: string): string {
  const name = basename(dir);
  const inside = namesIn(dir).find((each) => existsSync(runFolderAt(join(dir, each)).tapeDir));
  if (inside !== undefined)
    return `; it holds runs: name one, such as ${relative(process.cwd(), join(dir, inside))}`;
  const runs = [...new Set([dirname(dir), resolve('runs')])].flatMap((parent) =>
    namesIn(parent)
      .filter((each) => existsSync(runFolderAt(join(parent, each)).tapeDir))
      .map((each) => ({ name: each, path: relative(process.cwd(), join(parent, each)) })),
  );
  const near = runs.filter((run) => run.name.startsWith(name) || distance(run.name, name) <= MOST_TYPOS);
  if (near.length === 0 || name === '') return '';
  return `; did you mean ${near
    .slice(0, MOST_RUNS_NAMED)
    .map(({ path }) => path)
    .join(' or ')}?`;
}

const MOST_TYPOS = 2;
const MOST_RUNS_NAMED = 3;

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort(compareCodeUnits);
  } catch {
    return [];
  }
}

function isOccupied(dir: string): boolean {
  const stat = statOf(dir);
  if (stat === undefined) return false;
  try {
    return readdirSync(dir).length > 0;
  } catch {
    return true;
  }
}

/** Of the entry itself, not of what it links to; undefined where nothing is or can be. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function removeRun({
  tapeDir,
  stateDir,
  hostFile,
  summaryFile,
  reportFile,
  scenarioFile,
  warmStartFile,
}: RunFolder): void {
  lockTape(tapeDir).release();
  for (const path of [summaryFile, reportFile, hostFile, scenarioFile, warmStartFile, stateDir, tapeDir]) {
    rmSync(path, { recursive: true, force: true });
  }
}

/**
 * A path below the run folder, for names that come from elsewhere.
 * @throws InputError PATH_OUTSIDE for absolute paths, `..`, and symbolic links that lead out
 */
export function pathInside(folder: RunFolder, name: string): string {
  const path = resolve(folder.dir, name);
  const root = existsSync(folder.dir) ? realpathSync(folder.dir) : folder.dir;
  if (isAbsolute(name) || !isBelow(folder.dir, path) || !isBelow(root, realPathOf(path), { orSame: true })) {
    throw new InputError(
      'PATH_OUTSIDE',
      `"${name}": leads outside the run folder ${folder.dir}; expected a name inside it`,
    );
  }
  return path;
}

function isBelow(root: string, path: string, { orSame = false } = {}): boolean {
  const steps = relative(root, path);
  if (steps === '') return orSame;
  return steps !== '..' && !steps.startsWith(`..${sep}`) && !isAbsolute(steps);
}

/** The real path of what exists of `path`, with links resolved. A dangling link counts as leading nowhere good. */
function realPathOf(path: string): string {
  if (statOf(path) === undefined) return dirname(path) === path ? path : realPathOf(dirname(path));
  try {
    return realpathSync(path);
  } catch {
    return sep;
  }
}

/** Writes readable JSON in one step. */
export function writeJsonAtomic(path: string, value: Json): void {
  writeTextAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** @throws InputError JSON_UNREADABLE when the file is missing or not JSON */
export function readJson(path: string): Json {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Json;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError('JSON_UNREADABLE', `${path}: ${code ?? 'not valid JSON'}; expected a JSON file`, {
      cause: error,
    });
  }
}
