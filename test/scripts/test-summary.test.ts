import { expect, test } from 'vitest';
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
  expect(summarize(REPORT)).toEqual({ line: '3 passed, 0 failed', ok: true });
});

test('the test summary counts tests that were skipped or are to be written', () => {
  expect(summarize({ ...REPORT, numPendingTests: 2, numTodoTests: 1 })).toEqual({
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
  ).toEqual({ line: '3 passed, 2 failed', ok: false });
});

test('the test summary counts an error outside of tests as one failure', () => {
  expect(summarize({ ...REPORT, success: false })).toEqual({
    line: '3 passed, 1 failed',
    ok: false,
  });
});

test('the test summary reports a failure when no test ran', () => {
  expect(summarize({ ...REPORT, numPassedTests: 0, testResults: [] })).toEqual({
    line: '0 passed, 0 failed',
    ok: false,
  });
});
