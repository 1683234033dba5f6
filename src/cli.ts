#!/usr/bin/env node
import './cli/quiet-aws-sdk.js';
import { runCommandLine } from './cli/program.js';

// `results … | head -1`: the reader has what it wanted, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await runCommandLine(process.argv);
