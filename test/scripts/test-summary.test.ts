import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { summarize } from '../../scripts/test-summary.mjs';

const PASSED = { status: 'passed', assertionResults: [{}] };
const REPORT = {
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  success: true,
  testResults: [PASSED],
};

test('the test summary counts tests that passed', () => {
  expect(summarize(REPORT)).toEqual({ ran: 3, line: '3 passed, 0 failed', ok: true });
});

test('the test summary counts tests that were skipped or are to be written', () => {
  expect(summarize({ ...REPORT, numPendingTests: 2, numTodoTests: 1 })).toEqual({
    ran: 3,
    line: '3 passed, 0 failed, 3 skipped',
    ok: true,
  });
});

test('the test summary counts failed tests, and files that could not be loaded', () => {
  const broken = { status: 'failed', assertionResults: [] };
  expect(
    summarize({
      ...REPORT,
      numFailedTests: 1,
      success: false,
      testResults: [PASSED, { status: 'failed', assertionResults: [{}] }, broken],
    }),
  ).toEqual({ ran: 4, line: '3 passed, 2 failed', ok: false });
});

test('the test summary counts an error outside of tests as one failure', () => {
  expect(summarize({ ...REPORT, success: false })).toEqual({
    ran: 3,
    line: '3 passed, 1 failed',
    ok: false,
  });
});

test('the test summary reports a failure when no test ran', () => {
  expect(summarize({ ...REPORT, numPassedTests: 0, testResults: [] })).toEqual({
    ran: 0,
    line: '0 passed, 0 failed',
    ok: false,
  });
});

test('the end of a run of CI tells how many tests ran, how long they took, and in its last line how they ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'summary-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const report = join(folder, 'report.json');
  await writeFile(report, JSON.stringify(REPORT));
  const command = await readFile('.ci/run', 'utf8');
  const [, program = '', args = ''] =
    /^node (\S+) (.*)$/m.exec(command.split("'done'")[1] ?? '') ?? [];
  const { stdout } = await promisify(execFile)('bash', ['-c', `exec node ${program} ${args}`], {
    env: { PATH: process.env.PATH, report, took: '271' },
  });
  expect(stdout).toBe('3 tests took 271 s\n3 passed, 0 failed\n');
});
