import type { Command } from 'commander';
import { type BatchSort, SORTS } from '../../batches/lists/batch-sets.js';
import type { BatchCounts } from '../../batches/lists/count-batches.js';
import type { BatchList } from '../../batches/lists/list-batches.js';
import type { AtlasBatchClient } from '../../client/atlas-batch-client.js';
import { UsageError } from '../../errors.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { addFilterOptions, type FilterOptions, toFilter } from '../filter-options.js';
import { describeCounts, describeList, describeSearched } from '../output/describe-list.js';
import { columnsOf, print, printError, printJson } from '../output/terminal.js';
import { untilInterrupted } from '../until-interrupted.js';
import { withClient } from '../with-client.js';

interface ListCommandOptions extends FilterOptions {
  sort: BatchSort;
  limit: number;
  count?: true;
  json?: true;
}

const DEFAULT_LIMIT = 25;
/** Batches that are read at once. */
const PAGE = 500;
const MAX_LIMIT = 1_000_000;

export function listCommand(finish: Finish): Command {
  const command = createCommand('list', 'list the batches that fit, or count them', [
    'list --state failed --code ATLAS_AUTH --since 12h',
    'list --state running --sort deadline',
    'list --text 8841/pan.jpg --json',
    'list --state failed --count',
  ]);
  return addFilterOptions(command)
    .option(
      '--sort <order>',
      `${SORTS.join(', ')}: nearest first, of those whose deadline runs`,
      toSort,
      'newest',
    )
    .option('-l, --limit <count>', 'how many at most', toLimit, DEFAULT_LIMIT)
    .option('-c, --count', 'only count them, by state, code, product, tenant and priority')
    .option('--json', 'print JSON, a line a batch')
    .action(async (options: ListCommandOptions) =>
      finish(await untilInterrupted((signal) => list(options, signal))),
    );
}

async function list(options: ListCommandOptions, signal: AbortSignal): Promise<ExitCode> {
  const filter = toFilter(options);
  return withClient<ExitCode>(async (client) => {
    if (options.count) showCounts(await client.count(filter), options);
    else await listPages(client, options, signal);
    return 0;
  });
}

async function listPages(
  client: AtlasBatchClient,
  options: ListCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const { sort, limit, json } = options;
  const filter = toFilter(options);
  let left = limit;
  let cursor: string | undefined;
  let page: BatchList;
  const batches: BatchList['batches'] = [];
  do {
    signal.throwIfAborted();
    page = await client.list({ ...filter, sort, limit: Math.min(left, PAGE), cursor });
    left -= page.batches.length;
    cursor = page.next ?? undefined;
    if (json) for (const batch of page.batches) printJson(batch);
    else batches.push(...page.batches);
  } while (left > 0 && cursor !== undefined);
  if (!json) {
    const how = { sort, columns: columnsOf(process.stdout) };
    for (const line of describeList(batches, Date.now(), how)) print(line);
  }
  // Of what there is: standard output is for batches.
  printError(describeSearched(page, { shown: limit - left, sort }));
}

function showCounts(counts: BatchCounts, { json }: ListCommandOptions): void {
  if (json) printJson(counts);
  else for (const line of describeCounts(counts)) print(line);
}

/** @throws UsageError for another word. */
function toSort(text: string): BatchSort {
  const sort = SORTS.find((one) => one === text);
  if (sort === undefined) throw new UsageError(`--sort is one of ${SORTS.join(', ')}`);
  return sort;
}

/** @throws UsageError for what is no count. */
function toLimit(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MAX_LIMIT)
    throw new UsageError(`--limit is a whole number from 1 to ${MAX_LIMIT}`);
  return count;
}
