#!/usr/bin/env node
import './cli/quiet-aws-sdk.js';
import { nodeIssue } from './cli/package-manifest.js';

// With `results … | head -1` the reader closes the pipe. That is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const issue = nodeIssue(process.versions.node);
if (issue === undefined) {
  // Imported after the check: an older Node could not link it, and would print its own error.
  const { runCommandLine } = await import('./cli/program.js');
  process.exitCode = await runCommandLine(process.argv);
} else {
  process.stderr.write(`${issue}\n`);
  process.exitCode = 1;
}
