/** The options of commands that may do something to many batches. */
import type { Command } from 'commander';
import { MAX_RATE } from '../batches/bulk/paced.js';
import { UsageError } from '../errors.js';
import { addFilterOptions } from './filter-options.js';

export function addBulkOptions(command: Command): Command {
  return addFilterOptions(command)
    .option('-n, --dry-run', 'only say how many, and what it will cost')
    .option('--rate <count>', 'how many a second, such as 20/s', toRate)
    .option(
      '-y, --yes',
      'ask nothing before it is done to all that fit; without a terminal it is needed',
    )
    .option('-q, --quiet', 'print nothing but what is wrong')
    .option('--json', 'print JSON, a line a batch');
}

/** @throws UsageError for what is no rate. */
function toRate(text: string): number {
  const [, count = '0'] = /^(\d{1,5}(?:\.\d+)?)(?:\/s)?$/.exec(text) ?? [];
  const rate = Number(count);
  if (rate > 0 && rate <= MAX_RATE) return rate;
  throw new UsageError(`--rate is a number a second, at most ${MAX_RATE}, such as 20/s`);
}
