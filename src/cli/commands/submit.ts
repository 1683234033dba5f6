import type { Command } from 'commander';
import type { AtlasBatchClient } from '../../client/client.js';
import type { BatchInput, EnqueueResult } from '../../client/enqueue.js';
import { UsageError } from '../../errors.js';
import { plural } from '../../plural.js';
import { type StoredFile, whyClutter } from '../clutter.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { followBatches } from '../follow-batches.js';
import { describeEnd } from '../output/describe-batch.js';
import { reportLeftOut } from '../output/left-out.js';
import { formatTable } from '../output/table.js';
import { print, printError, printJson } from '../output/terminal.js';
import { parseLocation, planBatches } from '../plan-batches.js';
import { readManifest } from '../read-manifest.js';
import { toReference, withClient } from '../with-client.js';

interface SubmitOptions {
  manifest?: string;
  s3?: string;
  product?: string;
  reference?: string;
  byFolder?: true;
  dryRun?: true;
  wait?: true;
  json?: true;
}

export function submitCommand(finish: Finish): Command {
  return createCommand('submit', 'add a batch, or several', [
    'submit --manifest loan-8841.json --wait',
    'submit --manifest - < loan-8841.json',
    'submit --s3 s3://kyc-documents/8841/ --product LOAN_APP --dry-run',
    'submit --s3 s3://kyc-archive/2025/ --product LOAN_APP --by-folder',
  ])
    .option('--manifest <file>', 'JSON: { reference, productType, documents }; - reads stdin')
    .option('--s3 <uri>', 'all documents in the folder s3://bucket/prefix/')
    .option('--product <type>', 'with --s3: product type as Atlas knows it')
    .option('--reference <reference>', 'with --s3: default is the last part of the prefix')
    .option('--by-folder', 'with --s3: a batch for each folder directly below the prefix')
    .option('--dry-run', 'show what would be sent, and send nothing')
    .option('--wait', 'show progress until the end; exit with 1 when a batch fails')
    .option('--json', 'print JSON, a line a batch')
    .action(async (options: SubmitOptions) => finish(await submit(options)));
}

async function submit(options: SubmitOptions): Promise<ExitCode> {
  const batches = await readBatches(options);
  if (options.dryRun) return showPlan(batches, options);
  return withClient(async (client) => {
    const added = await client.enqueueMany(batches);
    const conflicts = added.filter(({ status }) => status === 'conflict');
    // With --wait and --json only the summaries are printed.
    const quiet = options.wait && options.json && conflicts.length === 0;
    if (!quiet) for (const one of added) report(one, options);
    for (const { reference } of conflicts) {
      printError(`another batch has the reference ${reference}; nothing was added`);
    }
    if (conflicts.length > 0) return 1;
    const references = added.map(({ reference }) => reference);
    return options.wait ? waitForEnd(client, references, options) : 0;
  });
}

async function readBatches(options: SubmitOptions): Promise<BatchInput[]> {
  const { manifest, s3, product, reference, byFolder } = options;
  if ((manifest === undefined) === (s3 === undefined)) {
    throw new UsageError('say what to submit: --manifest FILE, or --s3 s3://bucket/prefix/');
  }
  if (manifest !== undefined) {
    if (product !== undefined || reference !== undefined || byFolder) {
      throw new UsageError('--product, --reference and --by-folder go with --s3 only');
    }
    return readManifest(manifest);
  }
  if (reference !== undefined) toReference(reference);
  if (product === undefined) throw new UsageError('--s3 needs --product TYPE');
  const location = parseLocation(s3 ?? '');
  const folder = `s3://${location.bucket}/${location.prefix}`;
  const { loadS3Config } = await import('../../config/environment.js');
  const { listObjects } = await import('../list-scans.js');
  const { proxiesOf } = await import('../../config/proxy-fields.js');
  const config = loadS3Config();
  const objects = await listObjects(location, {
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    proxies: proxiesOf(config),
  });
  const keys = withoutClutter(objects);
  const batches = planBatches(location, keys, { productType: product, reference, byFolder });
  if (batches.length === 0) throw new UsageError(`there are no documents in ${folder}`);
  return batches;
}

function withoutClutter(objects: readonly StoredFile[]): string[] {
  const judged = objects.map((object) => ({ key: object.key, why: whyClutter(object) }));
  reportLeftOut(
    judged.flatMap(({ key, why }) =>
      why === undefined || why === 'a folder' ? [] : [{ key, why }],
    ),
  );
  return judged.flatMap(({ key, why }) => (why === undefined ? [key] : []));
}

async function showPlan(
  batches: readonly BatchInput[],
  { json }: SubmitOptions,
): Promise<ExitCode> {
  const { checkBatches } = await import('../../client/enqueue.js');
  const requests = await checkBatches(batches);
  if (json) {
    for (const request of requests) printJson(request);
    return 0;
  }
  const rows = requests.map(({ reference, productType, documents }) => [
    reference,
    productType,
    plural(documents.length, 'document'),
    `${documents[0]?.documentId}${documents.length > 1 ? ' …' : ''}`,
  ]);
  for (const line of formatTable(rows)) print(line);
  print(`${plural(requests.length, 'batch', 'batches')} would be sent`);
  return 0;
}

function report(result: EnqueueResult, { json }: SubmitOptions): void {
  if (json) printJson(result);
  else if (result.status === 'added') print(`${result.reference}: added`);
  else if (result.status === 'duplicate') print(`${result.reference}: known already`);
}

async function waitForEnd(
  client: AtlasBatchClient,
  references: readonly string[],
  { json }: SubmitOptions,
): Promise<ExitCode> {
  const { createProgressView } = await import('../output/progress.js');
  const view = json ? { show: () => {}, done: () => {} } : createProgressView();
  const summaries = await followBatches(client, references, view);
  for (const summary of summaries) {
    if (json) printJson(summary);
    else print([`${summary.reference}: ${summary.status}`, ...describeEnd(summary)].join('\n'));
  }
  return summaries.every(({ status }) => status === 'completed') ? 0 : 1;
}
