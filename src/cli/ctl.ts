import { resolve } from 'node:path';
import type { Command } from 'commander';
import { formatNewYork } from '../data/calendar.ts';
import { InputError, ServiceError } from '../domain/errors.ts';
import { TIGHTENABLE_LIMITS } from '../domain/tighten.ts';
import { askEngine } from '../sources/operator-client.ts';
import { CTL_VERBS, type CtlVerb, problemOfReason, type Tightening } from '../sources/operator-protocol.ts';
import { openRunFolder } from '../tape/run-folder.ts';
import { tapeWriterOf } from '../tape/tape-lock.ts';
import { statusText } from './status-text.ts';

interface CtlOptions {
  readonly why?: string;
  readonly timeout: string;
  readonly json?: boolean;
}

const MAX_TIMEOUT_SECONDS = 3600;

/** Adds `sametape ctl RUN COMMAND`. */
export function registerCtlCommand(program: Command): void {
  program
    .command('ctl')
    .summary('speak to the engine of a paper or live run')
    .description(
      'Gives a command to a running engine and answers when it is on the tape. Whoever owns the run folder may.',
    )
    .argument('<run-dir>', 'folder of the run')
    .argument('<command>', CTL_VERBS.join(', '))
    .argument('[limit]', 'of tighten: a limit of the risk section of the scenario')
    .argument('[value]', 'of tighten: its new value, smaller than the present one')
    .option('--why <text>', 'the reason, for the tape; kill, flatten, reset and tighten must have one')
    .option('--timeout <seconds>', 'how long to wait for the engine', '30')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Commands:
  status     whether it trades, what it holds, how its models do
  pause      no new entries; exits go on
  resume     entries again, after a pause
  kill       cancel all working orders and enter nothing; stays over restarts, until reset
  flatten    as kill, and close all positions
  reset      trade again after a kill
  reconcile  compare books with the broker now
  tighten    make a limit smaller for the rest of the run (nothing makes it larger again):
             ${TIGHTENABLE_LIMITS.join(', ')}

Examples:
  $ sametape ctl runs/RUN_ID status
  $ sametape ctl runs/RUN_ID kill --why "feed looks wrong"
  $ sametape ctl runs/RUN_ID reset --why "feed checked with the vendor"
  $ sametape ctl runs/RUN_ID tighten maxGross 0.25 --why "earnings tonight"

Exit code 0: on the tape. 2: no engine runs there, or it did not take the command; the message says which.`,
    )
    .action(ctlCommand);
}

async function ctlCommand(
  runDir: string,
  name: string,
  limit: string | undefined,
  value: string | undefined,
  options: CtlOptions,
): Promise<void> {
  const verb = parseVerb(name);
  const tightening = parseTightening(verb, limit, value);
  const why = options.why ?? '';
  const problem = problemOfReason(verb, why);
  if (problem !== undefined) throw new InputError('USAGE', `--why: ${problem}`);
  const folder = openRunFolder(resolve(runDir));
  const answer = await askEngine({
    runDir: folder.dir,
    verb,
    why,
    ...(tightening === undefined ? {} : { tightening }),
    timeoutMs: parseTimeout(options.timeout),
    isEngineAlive: () => tapeWriterOf(folder.tapeDir) !== undefined,
  });
  if (!answer.ok) throw new ServiceError(answer.code, `${runDir}: ${answer.message}`, { retryable: false });
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  } else if ('status' in answer) {
    process.stdout.write(`${statusText(answer.status)}\n`);
  } else {
    const { seq, tUs } = answer.recorded;
    process.stdout.write(`ok: ${verb} is record ${seq} of the tape, ${formatNewYork(tUs)} New York\n`);
  }
}

function parseVerb(name: string): CtlVerb {
  const verb = CTL_VERBS.find((known) => known === name);
  if (verb !== undefined) return verb;
  throw new InputError('USAGE', `unknown command "${name}"; expected ${CTL_VERBS.join(', ')}`);
}

function parseTightening(
  verb: CtlVerb,
  name: string | undefined,
  text: string | undefined,
): Tightening | undefined {
  if (verb !== 'tighten') {
    if (name === undefined) return undefined;
    throw new InputError('USAGE', `${verb} takes nothing after it, found "${name}"`);
  }
  const limit = TIGHTENABLE_LIMITS.find((known) => known === name?.replace(/^risk\./, ''));
  if (limit === undefined) {
    throw new InputError(
      'USAGE',
      `tighten: expected one of ${TIGHTENABLE_LIMITS.join(', ')}${name === undefined ? '' : `, found "${name}"`}`,
    );
  }
  const value = Number(text);
  if (text === undefined || text.trim() === '' || !(value > 0)) {
    throw new InputError(
      'USAGE',
      `tighten ${limit}: expected its new value, a number above 0${text === undefined ? '' : `, found "${text}"`}`,
    );
  }
  return { limit, value };
}

function parseTimeout(value: string): number {
  const seconds = Number(value);
  if (value.trim() === '' || !(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
    throw new InputError(
      'USAGE',
      `--timeout: expected seconds up to ${MAX_TIMEOUT_SECONDS}, found "${value}"`,
    );
  }
  return seconds * 1000;
}
