#!/usr/bin/env node
import './cli/quiet-aws-sdk.js';
import { nodeIssue } from './cli/package-manifest.js';

process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // With `results … | head -1` the reader closes the pipe. That is no failure.
  if (code === 'EPIPE') process.exit(0);
  const advice = code === 'ENOSPC' ? '; free some space, and run it again' : '';
  process.stderr.write(`cannot write the output (${code})${advice}\n`);
  process.exit(1);
});
// Nobody is there to be told.
process.stderr.on('error', () => {});

const issue = nodeIssue(process.versions.node);
if (issue === undefined) {
  // Imported after the check: an older Node could not link it, and would print its own error.
  const { runCommandLine } = await import('./cli/program.js');
  process.exitCode = await runCommandLine(process.argv);
} else {
  process.stderr.write(`${issue}\n`);
  process.exitCode = 1;
}
