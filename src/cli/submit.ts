import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { AtlasBatchClient } from '../client/client.js';
import type { BatchInput } from '../client/enqueue.js';
import { UsageError } from '../errors.js';
import { createCommand, type ExitCode, type Finish } from './command.js';
import { describeEnd, describeReason } from './describe-batch.js';
import { followBatches } from './follow-batches.js';
import type { ProgressView } from './progress.js';
import { print, printError, printJson } from './terminal.js';
import { withClient } from './with-client.js';

interface SubmitOptions {
  manifest?: string;
  wait?: true;
  json?: true;
}

export function submitCommand(finish: Finish): Command {
  return createCommand('submit', 'add a batch', [
    'submit --manifest loan-8841.json --wait',
    'submit --manifest - < loan-8841.json',
  ])
    .option('--manifest <file>', 'JSON: { reference, productType, documents }; - reads stdin')
    .option('--wait', 'show progress until the end; exit with 1 when the batch fails')
    .option('--json', 'print JSON')
    .action(async (options: SubmitOptions) => finish(await submit(options)));
}

async function submit({ manifest, wait, json }: SubmitOptions): Promise<ExitCode> {
  if (manifest === undefined) throw new UsageError('say what to submit: --manifest FILE');
  const batch = await readManifest(manifest);
  return withClient(async (client) => {
    const added = await client.enqueue(batch);
    const { reference, status } = added;
    if (status === 'conflict') {
      if (json) printJson(added);
      printError(`another batch has the reference ${reference}; nothing was added`);
      return 1;
    }
    if (!json) print(status === 'added' ? `${reference}: added` : `${reference}: known already`);
    if (wait) return waitForEnd(client, reference, json);
    if (json) printJson(added);
    return 0;
  });
}

async function waitForEnd(
  client: AtlasBatchClient,
  reference: string,
  json: true | undefined,
): Promise<ExitCode> {
  const { createProgressView } = await import('./progress.js');
  const view = json ? SILENT : createProgressView();
  const [summary] = await followBatches(client, [reference], view);
  if (!summary) throw new Error(`batch ${reference} ended without a summary`);
  if (json) printJson(summary);
  else print([`${reference}: ${summary.status}`, ...describeEnd(summary)].join('\n'));
  if (summary.reason && !json) printError(describeReason(summary.reason));
  return summary.status === 'completed' ? 0 : 1;
}

const SILENT: ProgressView = { show: () => {}, done: () => {} };

/** The shape is for the client to check: it names every fault. */
async function readManifest(file: string): Promise<BatchInput> {
  let text: string;
  try {
    text = await (file === '-' ? readStandardInput() : readFile(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`cannot read the manifest ${file} (${code ?? 'unknown'})`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`the manifest ${file} is not valid JSON`);
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
