/**
 * Prints `N passed, N failed` (and `, N skipped`) alone on its last line from a JSON report of vitest, and before
 * it how many tests ran in how many seconds, so that a log shows when they become slow.
 * Usage: node scripts/test-summary.mjs REPORT SECONDS. Exit 1 when a test failed or none ran.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {{ status: string, assertionResults: readonly unknown[] }} FileResult
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number,
 *   numTodoTests: number, success: boolean, testResults: readonly FileResult[] }} Report
 */

/**
 * @param {Report} report
 * @returns {{ ran: number, line: string, ok: boolean }}
 */
export function summarize(report) {
  // A file that cannot be loaded has no tests to fail, and an error outside of tests has no file.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length;
  const counted = report.numFailedTests + broken;
  const failed = counted === 0 && !report.success ? 1 : counted;
  const skipped = report.numPendingTests + report.numTodoTests;
  const line = `${report.numPassedTests} passed, ${failed} failed`;
  return {
    ran: report.numPassedTests + report.numFailedTests,
    line: skipped === 0 ? line : `${line}, ${skipped} skipped`,
    ok: failed === 0 && report.numPassedTests > 0,
  };
}

const [, program, file, seconds] = process.argv;
if (program === fileURLToPath(import.meta.url)) {
  const { ran, line, ok } = summarize(JSON.parse(readFileSync(file ?? '', 'utf8')));
  console.log(`${ran} tests took ${seconds} s`);
  console.log(line);
  process.exitCode = ok ? 0 : 1;
}
