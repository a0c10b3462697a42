import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Child processes and native modules stay apart from each other.
    pool: 'forks',
    // The default leaves a core to whoever watches; on two cores that is half of them.
    maxWorkers: availableParallelism(),
    testTimeout: 180_000,
    hookTimeout: 180_000,
    coverage: {
      provider: 'v8',
      include: ['src/pipeline/**/*.ts', 'src/engine/**/*.ts', 'src/tape/**/*.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: {
        'src/pipeline/**/*.ts': { branches: 90 },
        'src/engine/**/*.ts': { branches: 90 },
        'src/tape/**/*.ts': { branches: 90 },
      },
    },
  },
});
