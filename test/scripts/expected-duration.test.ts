import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import type { TestSpecification } from 'vitest/node';
import { expectedDuration } from '../helpers/expected-duration.js';

/** What the reporter writes at the start of a run of so many files. */
function saidOf(files: number): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    expectedDuration.onTestRunStart?.(new Array<TestSpecification>(files));
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

test('a run of all files says at its start how long it will take, and how to run a part of it', () => {
  expect(saidOf(240)).toMatch(
    /^240 files with tests: about \d+ to \d+ minutes on two cores\. .*npm test -- test\/client\n$/,
  );
  expect(saidOf(3)).toBe('');
});

test('a run of few files says nothing of its length, and repeats no warning of the AWS SDK', async () => {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'beside'];
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    // It loads the SDK, which warns of Node 20 where nobody forbids it.
    [...args, 'test/storage/signer.test.ts'],
    // In the long form the command line is not bundled, which takes longer than these files.
    { env: { PATH: process.env.PATH, NO_COLOR: '1', CHAOS_SEEDS: '2' } },
  );
  expect(stdout).toMatch(/^ +Test Files {2}1 passed/m);
  expect(stdout).not.toMatch(/minutes/);
  expect(stdout + stderr).not.toMatch(/AWS SDK/);
});
