/** Says at the start of a run how long it will take. Named in vitest.config.ts. */
import type { Reporter, TestSpecification } from 'vitest/node';

/** All files, on two cores, of which some are half as fast as others. */
const ALL_FILES_MINUTES = '5 to 10';
/** Below this somebody runs what they work on, and sees the end soon. */
const MANY_FILES = 100;

export const expectedDuration: Reporter = {
  onTestRunStart(specifications: readonly TestSpecification[]) {
    const files = specifications.length;
    if (files < MANY_FILES) return;
    process.stdout.write(
      `${files} files with tests: about ${ALL_FILES_MINUTES} minutes on two cores. ` +
        'A part of them: npm test -- test/client\n',
    );
  },
};
