import { defineConfig } from 'vitest/config';
import { expectedDuration } from './test/helpers/expected-duration.js';
import { LONG } from './test/helpers/long-form.js';
import { WaitingBesideComputing } from './test/helpers/waiting-beside-computing.js';

/** Several processes start and recover in a test, or a property is tried; only a hang takes this. */
const TEST_TIMEOUT_MS = 120_000;
/**
 * On two cores. Integration tests wait more than half of their time, but six files at once keep both cores busy on a
 * machine that is slow, and more starve each other there: what takes 3 s took a minute. In the long form they wait less.
 */
const FILES_AT_ONCE = LONG ? 4 : 6;

export default defineConfig({
  test: {
    // The AWS SDK's advice to leave Node 20, once per process, says nothing of a test.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // Once for the whole run: projects that do not extend this configuration do not repeat it.
    reporters: ['default', expectedDuration],
    globalSetup: ['test/helpers/redis-setup.ts'],
    sequence: { sequencer: WaitingBesideComputing },
    projects: [
      {
        test: {
          name: 'beside',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/alone/**'],
          maxWorkers: FILES_AT_ONCE,
          // Loading the modules again for each file would take a third of the time.
          isolate: false,
          unstubEnvs: true,
          testTimeout: TEST_TIMEOUT_MS,
          hookTimeout: TEST_TIMEOUT_MS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'alone',
          include: ['test/integration/alone/**/*.test.ts'],
          // They count what comes within seconds: nothing else may take the machine meanwhile.
          maxWorkers: 1,
          testTimeout: TEST_TIMEOUT_MS,
          hookTimeout: TEST_TIMEOUT_MS,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
