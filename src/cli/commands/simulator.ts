import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../../errors.js';
import { escapeControls } from '../../jobs/validation-issues.js';
import type { Simulators } from '../../simulator/index.js';
import { whyClutter } from '../clutter.js';
import { createCommand } from '../command.js';
import { print, printError, printJson } from '../output/terminal.js';
import { runUntilSignal } from '../run-until-signal.js';

const RESULTS_BUCKET = 'atlas-results';
const DOCUMENTS_BUCKET = 'kyc-documents';

interface SimulatorOptions {
  port: number;
  s3Port: number;
  host: string;
  directory?: string;
  documents?: string;
  completionMs?: number;
  json?: true;
}

export function simulatorCommand(): Command {
  return createCommand('simulator', 'run stand-ins for Atlas and S3 until SIGTERM or SIGINT', [
    'simulator',
    'simulator --documents ./scans --completion-ms 5000',
    'simulator --json --port 4010 --s3-port 4020',
  ])
    .option('--port <number>', 'port of Atlas; 0 takes a free one', wholeNumber, 0)
    .option('--s3-port <number>', 'port of S3; 0 takes a free one', wholeNumber, 0)
    .option('--host <address>', 'address that both listen on', '127.0.0.1')
    .option('--directory <dir>', 'keep the objects of S3 there; in memory without it')
    .option('--documents <dir>', `put its files into the bucket ${DOCUMENTS_BUCKET}`)
    .option('--completion-ms <number>', 'time until a document is done', wholeNumber)
    .option('--json', 'print the variables as JSON')
    .action((options: SimulatorOptions) => runUntilSignal(() => startAndPrint(options)));
}

async function startAndPrint(options: SimulatorOptions): Promise<Simulators> {
  const { host, port, s3Port, directory, completionMs } = options;
  // Imported here, so that a worker in production never loads it.
  const { startSimulators } = await import('../../simulator/index.js');
  const simulators = await startSimulators({
    atlas: { host, port, completionMs },
    s3: { host, port: s3Port, directory },
  });
  try {
    if (options.documents !== undefined) await putDocuments(simulators, options.documents);
  } catch (error) {
    await simulators.stop();
    throw error;
  }
  const environment = { ...simulators.environment, RESULTS_BUCKET };
  if (options.json) printJson(environment);
  else printExports(environment);
  return simulators;
}

async function putDocuments({ s3 }: Simulators, directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error) => {
    throw new UsageError(`cannot read the directory ${directory} (${error.code})`);
  });
  for (const { name } of entries.filter((entry) => entry.isFile())) {
    const content = await readFile(join(directory, name));
    const why = whyClutter({ key: name, size: content.length });
    if (why === undefined) s3.put(DOCUMENTS_BUCKET, name, content);
    else printError(`left out: ${escapeControls(name)} (${why})`);
  }
}

function printExports(environment: Record<string, string>): void {
  print('# Stand-ins for Atlas and S3 are running; Ctrl-C stops them. In another shell:');
  for (const [name, value] of Object.entries(environment)) print(`export ${name}='${value}'`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
