import { type Command, InvalidArgumentError } from 'commander';
import type { Simulators } from '../../simulator/index.js';
import { createCommand } from '../command.js';
import { explainListening } from '../explain-listening.js';
import { reportLeftOut } from '../output/left-out.js';
import { print, printJson } from '../output/terminal.js';
import { readDocuments } from '../read-documents.js';
import { runUntilSignal } from '../run-until-signal.js';

const RESULTS_BUCKET = 'atlas-results';
const DOCUMENTS_BUCKET = 'kyc-documents';
const MAX_PORT = 65_535;

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
    .option('--port <number>', 'port of Atlas; 0 takes a free one', portNumber, 0)
    .option('--s3-port <number>', 'port of S3; 0 takes a free one', portNumber, 0)
    .option('--host <address>', 'address that both listen on', '127.0.0.1')
    .option('--directory <dir>', 'keep the objects of S3 there; in memory without it')
    .option(
      '--documents <dir>',
      `put its files, folders below too, into the bucket ${DOCUMENTS_BUCKET}`,
    )
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
  }).catch((error) => {
    throw explainListening(error, { ports: '--port and --s3-port', host: '--host' });
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
  const leftOut: { key: string; why: string }[] = [];
  for await (const file of readDocuments(directory)) {
    if ('why' in file) leftOut.push(file);
    else s3.put(DOCUMENTS_BUCKET, file.key, file.content);
  }
  reportLeftOut(leftOut);
}

function printExports(environment: Record<string, string>): void {
  print('# Stand-ins for Atlas and S3 are running; Ctrl-C stops them. In another shell:');
  for (const [name, value] of Object.entries(environment)) print(`export ${name}='${value}'`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port > MAX_PORT) throw new InvalidArgumentError(`The last port is ${MAX_PORT}.`);
  return port;
}
