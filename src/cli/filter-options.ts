/** The options by which commands say which batches they mean. */
import type { Command } from 'commander';
import {
  type BatchFilter,
  checkFilter,
  STATE_FILTERS,
  type StateFilter,
} from '../batches/lists/batch-filter.js';
import { REASON_CODES, type ReasonCode, UsageError } from '../errors.js';
import { PRIORITIES, type Priority } from '../jobs/request/request.js';
import { collects } from './command.js';
import { parseDuration, parseTime } from './duration.js';

export interface FilterOptions {
  state?: string[];
  code?: string[];
  product?: string[];
  tenant?: string[];
  priority?: string[];
  since?: Date;
  until?: Date;
  text?: string;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--state <states>', STATE_FILTERS.join(', '), collects(toList))
    .option('--code <codes>', `why they failed: ${REASON_CODES.join(', ')}`, collects(toList))
    .option('--product <type>', 'product type; may be given several times', collects(toEntries))
    .option('--tenant <tenants>', 'whose they are; "" means those of nobody', collects(toList))
    .option('--priority <priorities>', PRIORITIES.join(', '), collects(toList))
    .option(
      '--since <time>',
      'ended since then, or added, when still running: ISO 8601, or 2h ago',
      toPast('--since'),
    )
    .option('--until <time>', 'the same, until then', toPast('--until'))
    .option(
      '--text <text>',
      'in the reference, a document id or an S3 location, or the id of an Atlas batch',
    );
}

/** Whether any of them is given. */
export function isFiltered({ product, ...options }: FilterOptions): boolean {
  const { state, code, tenant, priority, since, until, text } = options;
  return [state, code, product, tenant, priority, since, until, text].some(
    (one) => one !== undefined,
  );
}

/** @throws UsageError that names the option that is wrong. */
export function toFilter(options: FilterOptions): BatchFilter {
  const { state, code, product, tenant, priority, since, until, text } = options;
  const filter: BatchFilter = {
    // Checked here, so that a mistyped word is said before anything is connected.
    state: state as StateFilter[] | undefined,
    code: code as ReasonCode[] | undefined,
    priority: priority as Priority[] | undefined,
    ...{ productType: product, tenant, since, until, text },
  };
  try {
    checkFilter(filter);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(byOptions(error.message)) : error;
  }
  return filter;
}

/** The same sentence with options in the place of fields: it begins with a field, and may end with one. */
function byOptions(message: string): string {
  return message
    .replace(/^\w+/, (field) => `--${field === 'productType' ? 'product' : field}`)
    .replace(/ until$/, ' --until');
}

/** The option several times. For what may hold a comma itself. */
function toEntries(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/**
 * Several, with commas between them, or the option several times.
 * @throws UsageError for a comma with nothing beside it: as a tenant, that would mean all batches of nobody.
 */
function toList(text: string, before: readonly string[] = []): string[] {
  const entries = text.split(',');
  if (entries.length > 1 && entries.includes(''))
    throw new UsageError(`${JSON.stringify(text)} has a comma with nothing beside it`);
  return [...before, ...entries];
}

/** @throws UsageError when it is neither a time nor a duration. */
function toPast(option: string): (text: string) => Date {
  return (text) => {
    const duration = parseDuration(text);
    const time = duration === undefined ? parseTime(text) : new Date(Date.now() - duration);
    if (time === undefined)
      throw new UsageError(
        `${option} is a time in ISO 8601, such as 2026-11-24T05:00:00Z, or 30m, 2h, 1d ago`,
      );
    return time;
  };
}
