import { type Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../../errors.js';
import type {
  AtlasFaultRule,
  CallbackOptions,
  S3FaultRule,
  Simulators,
} from '../../simulator/index.js';
import { collects, createCommand } from '../command.js';
import { explainListening } from '../explain-listening.js';
import { readDocuments } from '../input/read-documents.js';
import { readFault, type ShellFault } from '../input/read-fault.js';
import { readJson } from '../input/read-manifest.js';
import { reportLeftOut } from '../output/left-out.js';
import { printRequests } from '../output/request-lines.js';
import { printJson, printVerbatim } from '../output/terminal.js';
import { runUntilSignal, type Stoppable } from '../run-until-signal.js';
import type { WholeSystem } from '../simulator/whole-system.js';

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
  content?: string;
  fault?: ShellFault[];
  s3Fault?: ShellFault[];
  callback?: string;
  log?: true;
  json?: true;
  all?: true;
  serverPort: number;
}

export function simulatorCommand(): Command {
  return createCommand('simulator', 'run stand-ins for Atlas and S3 until SIGTERM or SIGINT', [
    'simulator',
    'simulator --documents ./scans --completion-ms 5000',
    'simulator --json --port 4010 --s3-port 4020',
    'simulator --all --documents ./scans',
    'simulator --log --fault \'{"fault":503,"times":3}\'',
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
    .option('--content <file>', 'JSON: what documents hold, by the name of the file')
    .option(
      '--fault <fault>',
      'of Atlas: 503, multiupload:503, or a rule as JSON; repeatable',
      collects(readFault),
    )
    .option(
      '--s3-fault <fault>',
      'of S3: 503, get:AccessDenied, or a rule; repeatable',
      collects(readFault),
    )
    .option('--callback <url>', 'address of our server, which Atlas calls when a batch is done')
    .option(
      '--all',
      'run a worker and the server too, with API and dashboard, and a Redis if none is set',
    )
    .option('--server-port <number>', 'port of the server; 0 takes a free one', portNumber, 3000)
    .option('--log', 'print each request on standard error')
    .option('--json', 'print the variables as JSON')
    .action((options: SimulatorOptions, command: Command) => {
      if (!options.all && command.getOptionValueSource('serverPort') === 'cli')
        throw new UsageError('--server-port goes with --all only: without it there is no server');
      return runUntilSignal(() => startAndPrint(options));
    });
}

async function startAndPrint(options: SimulatorOptions): Promise<Stoppable> {
  const { host, port, s3Port, directory, completionMs } = options;
  const documents = options.content === undefined ? undefined : await readJson(options.content);
  const callback = options.callback === undefined ? undefined : callbackTo(options.callback);
  // Imported here, so that a worker in production never loads it.
  const { startSimulators } = await import('../../simulator/index.js');
  const simulators = await startSimulators({
    atlas: { host, port, completionMs, documents, callback },
    s3: { host, port: s3Port, directory },
  }).catch((error) => {
    throw explainListening(error, { ports: '--port and --s3-port', host: '--host' });
  });
  try {
    setFaults(simulators, options);
    if (options.documents !== undefined) await putDocuments(simulators, options.documents);
  } catch (error) {
    await simulators.stop();
    throw error;
  }
  if (options.log) printRequests(simulators);
  const variables = {
    ...simulators.environment,
    RESULTS_BUCKET,
    ...(callback && {
      CALLBACK_CLIENT_ID: callback.clientId,
      CALLBACK_CLIENT_SECRET: callback.clientSecret,
    }),
  };
  const system = options.all ? await startSystem(simulators, variables, options) : undefined;
  const environment = { ...variables, ...system?.environment };
  if (options.json) printJson(environment);
  else printExports(environment, system !== undefined);
  return {
    async stop() {
      // The worker goes first: it still talks to the stand-ins.
      await system?.stop();
      await simulators.stop();
    },
  };
}

/** The worker and the server beside the stand-ins, which are stopped when that fails. */
async function startSystem(
  simulators: Simulators,
  variables: Record<string, string>,
  { host, serverPort: port }: SimulatorOptions,
): Promise<WholeSystem> {
  const environment = { ...variables, S3_ALLOWED_BUCKETS: DOCUMENTS_BUCKET };
  try {
    const { startWholeSystem } = await import('../simulator/whole-system.js');
    return await startWholeSystem(simulators, { environment, host, port });
  } catch (error) {
    await simulators.stop();
    throw error;
  }
}

/** They come from a shell: the simulator refuses what it does not know. */
function setFaults(
  { atlas, s3 }: Simulators,
  { fault = [], s3Fault = [] }: SimulatorOptions,
): void {
  atlas.setFaults({ rules: fault as AtlasFaultRule[] });
  s3.setFaults({ rules: s3Fault as S3FaultRule[] });
}

/** The routes of our server, with credentials that it gets by the variables. */
function callbackTo(url: string): CallbackOptions {
  if (!/^https?:\/\/[^/]+\/?$/.test(url)) {
    throw new UsageError(
      '--callback must be the address of a server, such as http://127.0.0.1:3000',
    );
  }
  const base = url.replace(/\/$/, '');
  return {
    authUrl: `${base}/callbacks/atlas/token`,
    callbackUrl: `${base}/callbacks/atlas`,
    clientId: 'simulator-callback',
    clientSecret: 'simulator-callback-secret',
  };
}

async function putDocuments({ s3 }: Simulators, directory: string): Promise<void> {
  const leftOut: { key: string; why: string }[] = [];
  for await (const file of readDocuments(directory)) {
    if ('why' in file) leftOut.push(file);
    else s3.put(DOCUMENTS_BUCKET, file.key, file.content);
  }
  reportLeftOut(leftOut);
}

function printExports(environment: Record<string, string>, isWhole: boolean): void {
  const what = isWhole ? 'Stand-ins, worker and server' : 'Stand-ins for Atlas and S3';
  // One comment of a shell, whatever is copied: it is not folded, and fits 80 columns.
  printVerbatim(`# ${what} are running; Ctrl-C stops them. In another shell:`);
  for (const [name, value] of Object.entries(environment)) {
    printVerbatim(`export ${name}='${value}'`);
  }
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
