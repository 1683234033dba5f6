import { defineConfig } from 'vitest/config';

/** A browser starts slowly on a busy machine. */
const TIMEOUT_MS = 120_000;
/** On two cores. One file at once, which waits for its browser most of the time, left them idle for two thirds of it. */
const FILES_AT_ONCE = 3;
/** Its documents come in seconds, or after their deadline: nothing else may take the machine meanwhile. */
const DEMO = 'test/e2e/demo.e2e.ts';

const times = { testTimeout: TIMEOUT_MS, hookTimeout: TIMEOUT_MS };

export default defineConfig({
  test: {
    globalSetup: ['test/helpers/redis-setup.ts'],
    projects: [
      {
        test: {
          ...times,
          name: 'beside',
          include: ['test/e2e/**/*.e2e.ts'],
          exclude: [DEMO],
          maxWorkers: FILES_AT_ONCE,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: { ...times, name: 'alone', include: [DEMO], sequence: { groupOrder: 1 } },
      },
    ],
  },
});
