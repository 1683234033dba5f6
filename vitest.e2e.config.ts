import { defineConfig } from 'vitest/config';

/** A browser starts slowly on a busy machine. */
const TIMEOUT_MS = 120_000;

export default defineConfig({
  test: {
    globalSetup: ['test/helpers/redis-setup.ts'],
    include: ['test/e2e/**/*.e2e.ts'],
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});
