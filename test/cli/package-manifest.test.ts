import { expect, test } from 'vitest';
import { nodeIssue } from '../../src/cli/package-manifest.js';

test.each([
  ['18.20.4', false],
  ['20.18.3', false],
  ['20.19.0', true],
  ['22.1.0', true],
  ['24.0.0', true],
])('the doctor takes Node %s for new enough: %s', (version, isGood) => {
  expect(nodeIssue(version) === undefined).toBe(isGood);
  if (!isGood) expect(nodeIssue(version)).toContain(`Node ${version} is too old; install 20.19`);
});
