import type { Command } from 'commander';
import type { AtlasBatchClient } from '../../client/atlas-batch-client.js';
import { InvalidBatchError } from '../../client/client-errors.js';
import type { BatchInput } from '../../client/enqueue.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { followBatches, readStatuses } from '../follow-batches.js';
import { type BatchSource, readBatches } from '../input/read-batches.js';
import { describePlan, describeRepetitions, planOf } from '../output/describe-plan.js';
import {
  describeAdded,
  describeEnds,
  describeFailures,
  describeInvalid,
  describeRefused,
  hasFailed,
  type Submitted,
} from '../output/describe-submission.js';
import { print, printError, printJson } from '../output/terminal.js';
import { untilInterrupted } from '../until-interrupted.js';
import { withClient } from '../with-client.js';

interface SubmitOptions extends BatchSource {
  dryRun?: true;
  wait?: true;
  quiet?: true;
  json?: true;
}

export function submitCommand(finish: Finish): Command {
  return createCommand('submit', 'add a batch, or several', [
    'submit --manifest loan-8841.json --wait',
    'submit --manifest - < loan-8841.json',
    'submit --s3 s3://kyc/8841/ --product LOAN_APP --dry-run',
    'submit --s3 s3://archive/2025/ --product LOAN_APP --by-folder',
  ])
    .option(
      '-m, --manifest <file>',
      'JSON: { reference, productType, documents }, a list of them, or one a line; - reads stdin',
    )
    .option('--s3 <uri>', 'all documents in the folder s3://bucket/prefix/')
    .option('--product <type>', 'with --s3: product type as Atlas knows it')
    .option('--reference <reference>', 'with --s3: default is the last part of the prefix')
    .option('--by-folder', 'with --s3: a batch for each folder directly below the prefix')
    .option(
      '--priority <priority>',
      'urgent, normal or bulk: the share of Atlas beside others in line',
    )
    .option('--tenant <tenant>', 'whose the batches are; tenants in line share Atlas')
    .option('-n, --dry-run', 'show what would be sent, and send nothing')
    .option('-w, --wait', 'show progress until the end; exit with 1 when a batch fails')
    .option('-q, --quiet', 'print nothing but what is wrong')
    .option('--json', 'print JSON, a line a batch')
    .action(async (options: SubmitOptions) =>
      finish(await submit(options).catch((error) => refuse(error, options))),
    );
}

async function submit(options: SubmitOptions): Promise<ExitCode> {
  const batches = await readBatches(options);
  if (options.dryRun) return showPlan(batches, options);
  return withClient(async (client) => {
    const submitted = await addAll(client, batches);
    const conflicts = submitted.some(({ status }) => status === 'conflict');
    const waits = options.wait && !conflicts;
    reportAdded(submitted, options, waits);
    for (const line of describeRefused(submitted)) printError(line);
    if (waits)
      return waitForEnd(client, [...new Set(submitted.map(({ reference }) => reference))], options);
    return conflicts || submitted.some(hasFailed) ? 1 : 0;
  });
}

/** @throws what is no fault of the batches. */
function refuse(error: unknown, { json }: SubmitOptions): ExitCode {
  if (!(error instanceof InvalidBatchError)) throw error;
  for (const line of describeInvalid(error.issues, json === true)) printError(line);
  return 2;
}

function reportAdded(
  submitted: readonly Submitted[],
  { json, quiet }: SubmitOptions,
  waits: boolean | undefined,
): void {
  if (quiet) return;
  if (!json) for (const line of describeAdded(submitted)) print(line);
  // With --wait and --json only the summaries are printed.
  else if (!waits) for (const one of submitted) printJson(toJson(one));
}

async function addAll(
  client: AtlasBatchClient,
  batches: readonly BatchInput[],
): Promise<Submitted[]> {
  const added = await client.enqueueMany(batches);
  const duplicates = added.filter(({ status }) => status === 'duplicate');
  const known = await readStatuses(
    client,
    duplicates.map(({ reference }) => reference),
  );
  return added.map((one) =>
    one.status === 'duplicate' ? { ...one, known: known.get(one.reference) } : one,
  );
}

function toJson({ status, reference, known }: Submitted): object {
  if (known === undefined) return { status, reference };
  return { status, reference, state: known.state, reason: known.summary?.reason ?? null };
}

async function showPlan(
  batches: readonly BatchInput[],
  { json }: SubmitOptions,
): Promise<ExitCode> {
  const { checkBatches } = await import('../../client/enqueue.js');
  const plan = planOf(await checkBatches(batches));
  if (json) for (const request of plan.sent) printJson(request);
  else for (const line of describePlan(plan.sent)) print(line);
  for (const line of describeRepetitions(plan)) printError(line);
  // As a submit exits where a reference is taken.
  return plan.conflicting.length > 0 ? 1 : 0;
}

async function waitForEnd(
  client: AtlasBatchClient,
  references: readonly string[],
  { json, quiet }: SubmitOptions,
): Promise<ExitCode> {
  const { createProgressView } = await import('../output/progress.js');
  const view = json || quiet ? { show: () => {}, done: () => {} } : createProgressView();
  return untilInterrupted(
    async (signal) => {
      const summaries = await followBatches(client, references, view, signal);
      if (quiet) for (const line of describeFailures(summaries)) printError(line);
      else if (json) for (const summary of summaries) printJson(summary);
      else for (const line of describeEnds(summaries)) print(line);
      return summaries.every(({ status }) => status === 'completed') ? 0 : 1;
    },
    () => printError(describeGoingOn(references)),
  );
}

function describeGoingOn([first = '', ...others]: readonly string[]): string {
  const subject = others.length === 0 ? `${first} goes on` : 'the batches go on';
  const example = others.length === 0 ? '' : ', and so on';
  return `${subject} without us; atlas-batch status ${first} --watch follows it${example}`;
}
