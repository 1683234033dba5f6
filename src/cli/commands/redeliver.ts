import type { Command } from 'commander';
import type { RedeliveredEvents } from '../../batches/events/redeliver-events.js';
import { plural } from '../../plural.js';
import { type BulkCommandOptions, runBulkCommand } from '../bulk.js';
import { addBulkOptions } from '../bulk-options.js';
import { createChange, type ExitCode, type Finish } from '../command.js';
import { isFiltered } from '../filter-options.js';
import { isTerminal, print, printError, printJson } from '../output/terminal.js';
import { untilInterrupted } from '../until-interrupted.js';
import { toReferences, withClient } from '../with-client.js';

export function redeliverCommand(finish: Finish): Command {
  const command = createChange(
    'redeliver',
    'send events to the webhook again, with the same webhook-id',
    [
      'redeliver loan-8841 loan-8842',
      'redeliver --given-up --rate 20/s',
      'redeliver --since 2h --dry-run',
      'redeliver --tenant branch-12 --since 2h',
    ],
  )
    .argument('[reference...]', 'batches whose latest event is sent again', toReferences)
    .option('--given-up', 'only events that were given up');
  return addBulkOptions(command).action(
    async (references: string[] | undefined, options: BulkCommandOptions) =>
      finish(await redeliver(references ?? [], options)),
  );
}

/** What is told by nothing but how it went and when means events, also of batches that are no longer kept. */
async function redeliver(
  references: readonly string[],
  options: BulkCommandOptions,
): Promise<ExitCode> {
  const { since, givenUp, ...others } = options;
  const meansEvents = since !== undefined || givenUp !== undefined;
  return references.length === 0 && meansEvents && !isFiltered(others)
    ? redeliverEvents(options)
    : runBulkCommand('redeliver', references, options);
}

async function redeliverEvents(options: BulkCommandOptions): Promise<ExitCode> {
  const { since, givenUp, dryRun, rate, json, quiet } = options;
  const shows = isTerminal() && !json && !quiet && !dryRun;
  let latest: RedeliveredEvents | undefined;
  return untilInterrupted(
    (signal) =>
      withClient<ExitCode>(async (client) => {
        const onProgress = (progress: RedeliveredEvents) => {
          latest = progress;
          if (shows) process.stdout.write(`\r${plural(latest.events, 'event')}`);
        };
        const how = { since, givenUp, dryRun, rate, signal, onProgress };
        try {
          latest = await client.redeliverAll(how);
        } finally {
          if (shows) process.stdout.write('\r');
        }
        report(latest, options);
        return 0;
      }, options),
    () => {
      const sent = plural(latest?.events ?? 0, 'event');
      printError(`stopped: ${sent} queued for the webhook`);
    },
  );
}

function report(
  { events, gone, reset }: RedeliveredEvents,
  { json, quiet, dryRun }: BulkCommandOptions,
): void {
  if (json) {
    printJson({ events, gone, reset });
    return;
  }
  const what = dryRun ? 'would be sent' : 'queued for the webhook';
  if (!quiet) print(`${plural(events, 'event')} ${what}`);
  if (gone > 0) printError(`${plural(gone, 'event')} not kept any more`);
  if (reset)
    printError('the oldest outcomes since then are not known any more: there may be others');
}
