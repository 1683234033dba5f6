#!/usr/bin/env node
import './cli/quiet-aws-sdk.js';
import { nodeIssue } from './cli/package-manifest.js';

// `results … | head -1`: the reader has what it wanted, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const issue = nodeIssue(process.versions.node);
if (issue === undefined) {
  // Not before: an older Node could not even link it, and would say so in its own words.
  const { runCommandLine } = await import('./cli/program.js');
  process.exitCode = await runCommandLine(process.argv);
} else {
  process.stderr.write(`${issue}\n`);
  process.exitCode = 1;
}
