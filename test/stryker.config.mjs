import { resolve } from 'node:path';

// The tests run in a copy of the repository, from which the folder beside it is not found.
process.env.SAMETAPE_VECTORS ??= resolve('../shared/vectors');

/**
 * Mutation testing: changes the code of the pipeline, of learning and of the engine in small ways and sees whether a test
 * notices. `npm run mutation -- --mutate 'src/learning/*.ts'` tries a part; mutation.md says what came out.
 */
export default {
  testRunner: 'one-process',
  plugins: [resolve('test/mutation/runner.mjs')],
  mutate: ['src/pipeline/**/*.ts', 'src/learning/**/*.ts', 'src/engine/**/*.ts'],
  coverageAnalysis: 'perTest',
  concurrency: 1,
  timeoutMS: 4_000,
  timeoutFactor: 2,
  // Code that runs once, at import: trying it means a new process for each.
  ignoreStatic: true,
  ignorePatterns: ['build', 'coverage', 'dist', 'runs', 'datasets', 'golden'],
  reporters: ['clear-text', 'json', 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'build/mutation.json' },
  tempDirName: 'build/stryker',
  thresholds: { high: 90, low: 80, break: null },
};
