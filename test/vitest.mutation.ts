import { defineConfig } from 'vitest/config';

/** The tests that a mutant of the pure zone can fail: no child processes, no files of the market. */
export default defineConfig({
  test: {
    include: [
      'test/{engine,exchange,features,learning,ledger,math,pipeline,prediction}/**/*.test.ts',
      'test/vectors/**/*.test.ts',
    ],
    testTimeout: 60_000,
  },
});
