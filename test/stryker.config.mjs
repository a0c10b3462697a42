/**
 * Mutation testing: changes the code of the pipeline, of learning and of the engine in small ways and sees whether a test
 * notices. `npm run mutation -- --mutate 'src/learning/*.ts'` tries a part; all of it takes hours.
 */
export default {
  testRunner: 'vitest',
  vitest: { configFile: 'test/vitest.mutation.ts', related: true },
  mutate: ['src/pipeline/**/*.ts', 'src/learning/**/*.ts', 'src/engine/**/*.ts'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 20_000,
  ignoreStatic: true,
  reporters: ['clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'build/mutation.json' },
  tempDirName: 'build/stryker',
  thresholds: { high: 90, low: 80, break: null },
};
