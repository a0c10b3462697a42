/** The test runner of a mutation run: all tests in one process, quickest first, until one fails. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { register as registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import {
  DryRunStatus,
  determineHitLimitReached,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { register as registerTypeScript } from 'tsx/esm/api';
import { collect, leaveOut, suites } from './suite.mjs';

const FOLDERS = ['engine', 'exchange', 'features', 'learning', 'pipeline', 'prediction', 'vectors'];
/**
 * What takes long, by file or by the title of the test: a mutant that survives would cost it all. Leaving tests out can
 * only lower the score; `SAMETAPE_MUTATION=slow` leaves none out.
 */
const SLOW =
  process.env.SAMETAPE_MUTATION === 'slow'
    ? []
    : [
        'engine/corporate-actions.test.ts',
        'engine/corporate-actions-run.test.ts',
        'engine/determinism.test.ts',
        'engine/end-of-day.test.ts',
        'engine/invariance.test.ts',
        'engine/matured-on-tape.test.ts',
        'engine/real-split.test.ts',
        'engine/snapshot.test.ts',
        'exchange/conservation.test.ts',
        'learning/broken-horizon.test.ts',
        'learning/learning-run.test.ts',
        'learning/warm-start.test.ts',
        'pipeline/risk-scale.test.ts',
        'goes on from its snapshot as if nothing had happened, whatever is next',
        'learning_bandit: every case passes or deviates for a stated reason',
        'would break the bound without learning: the game is hard enough to tell',
        'come to an end under any size limits: order after order, the position reaches 0',
        'read and write as little a bar after 6,000 bars as after 1,000: %s',
      ];
/** How many times as often as without it a mutant may be reached, before it counts as one that never ends. */
const HIT_FACTOR = 10;
/** That of Stryker, which asks for a limit of so many times. */
const ASKED_HIT_FACTOR = 100;
/** In the copy of the repository, so that a process started after a mutant that hung knows them. */
const DURATIONS = 'mutation-durations.json';

/** Switches mutants on, and is told what they cover, by the code that they were put into. */
globalThis.__stryker__ ??= {};
const instrumented = globalThis.__stryker__;
/** @type {Record<string, number>} milliseconds by test */
let durationsMs = {};

class OneProcessRunner {
  static inject = [];

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    // A mutant may leave work behind that fails after its test has ended.
    process.on('unhandledRejection', () => undefined);
    console.log = () => undefined;
    registerTypeScript();
    registerHooks('./hooks.mjs', import.meta.url);
    instrumented.activeMutant = undefined;
    leaveOut(SLOW);
    for (const folder of FOLDERS) {
      for (const name of readdirSync(join('test', folder)).sort()) {
        const file = `${folder}/${name}`;
        if (!name.endsWith('.test.ts') || SLOW.includes(file)) continue;
        await collect(`test/${file}`, pathToFileURL(join('test', file)).href);
      }
    }
    if (existsSync(DURATIONS)) durationsMs = JSON.parse(readFileSync(DURATIONS, 'utf8'));
  }

  async dryRun() {
    instrumented.activeMutant = undefined;
    instrumented.hitCount = undefined;
    const tests = await run(undefined, { covering: true });
    durationsMs = Object.fromEntries(tests.map(({ id, timeSpentMs }) => [id, timeSpentMs]));
    writeFileSync(DURATIONS, JSON.stringify(durationsMs));
    const mutantCoverage = instrumented.mutantCoverage ?? { static: {}, perTest: {} };
    return { status: DryRunStatus.Complete, tests, mutantCoverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit: askedLimit }) {
    const hitLimit = askedLimit === undefined ? undefined : (askedLimit / ASKED_HIT_FACTOR) * HIT_FACTOR;
    instrumented.hitCount = 0;
    instrumented.hitLimit = hitLimit;
    instrumented.activeMutant = activeMutant.id;
    const tests = await run(new Set(testFilter), { covering: false });
    instrumented.activeMutant = undefined;
    const failed = tests.find(({ status }) => status === TestStatus.Failed);
    if (failed !== undefined) await checkUnharmed(failed.id);
    const outcome = { status: DryRunStatus.Complete, tests };
    return toMutantRunResult(determineHitLimitReached(instrumented.hitCount, hitLimit) ?? outcome);
  }
}

/** A mutant that spoiled what the process holds must not be what the next ones die of: the process is started anew. */
async function checkUnharmed(id) {
  const [{ status, failureMessage }] = await run(new Set([id]), { covering: false });
  if (status === TestStatus.Failed) throw new Error(`${id} fails with no mutant: ${failureMessage}`);
}

/** Runs the tests asked for, or all of them, and stops at the first that fails. */
async function run(asked, { covering }) {
  const results = [];
  const wanted = [...suites.values()].map((suite) => wantedOf(suite, asked)).filter(({ count }) => count > 0);
  wanted.sort((a, b) => a.ms - b.ms);
  for (const suite of wanted) {
    if (!(await runSuite(suite, { results, covering }))) break;
  }
  return results;
}

/** What is asked for of a suite, quickest first. */
function wantedOf(suite, asked) {
  const children = suite.children
    .map((child) => {
      if ('children' in child) return wantedOf(child, asked);
      const isAsked = asked === undefined || asked.has(child.id);
      return { test: child, count: isAsked ? 1 : 0, ms: durationsMs[child.id] ?? 0 };
    })
    .filter(({ count }) => count > 0);
  if (asked !== undefined) children.sort((a, b) => a.ms - b.ms);
  const ms = children.reduce((sum, child) => sum + child.ms, 0);
  return { suite, children, ms, count: children.length };
}

function firstIdOf({ test, children }) {
  return test?.id ?? firstIdOf(children[0]);
}

async function runSuite(wanted, to) {
  const { suite, children } = wanted;
  let isGood = true;
  // What a hook covers, the first test behind it covers.
  const hooksAre = firstIdOf(wanted);
  if (suite.before.length > 0) {
    const id = hooksAre;
    isGood = await attempt({ id, name: id, file: suite.file }, suite.before, to);
    if (isGood) to.results.pop();
  }
  for (const child of children) {
    if (!isGood) break;
    if (child.suite !== undefined) isGood = await runSuite(child, to);
    else isGood = await attempt({ ...child.test, file: suite.file }, [child.test.body], to);
  }
  for (const hook of suite.after) await hook();
  return isGood;
}

async function attempt({ id, name, file }, bodies, { results, covering }) {
  const startedMs = performance.now();
  const result = { id, name, fileName: join(process.cwd(), file), status: TestStatus.Success };
  if (covering) instrumented.currentTestId = id;
  try {
    for (const body of bodies) await body();
  } catch (error) {
    result.status = TestStatus.Failed;
    result.failureMessage = String(error?.message ?? error);
  }
  instrumented.currentTestId = undefined;
  result.timeSpentMs = Math.ceil(performance.now() - startedMs);
  results.push(result);
  return result.status === TestStatus.Success;
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'one-process', OneProcessRunner)];
