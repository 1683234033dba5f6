import { Argument, type Command } from 'commander';
import { type ExtendResult, isExtension } from '../../batches/extend-deadline.js';
import { duration } from '../../duration.js';
import { UsageError } from '../../errors.js';
import { type ChangeOptions, createChange, type ExitCode, type Finish } from '../command.js';
import { parseDuration } from '../duration.js';
import { print, printError, printJson } from '../output/terminal.js';
import { reportUnknown } from '../output/unknown-batch.js';
import { toReference, withClient } from '../with-client.js';

interface DeadlineOptions extends ChangeOptions {
  quiet?: true;
  json?: true;
}

export function deadlineCommand(finish: Finish): Command {
  return createChange('deadline', 'give a batch more time than BATCH_DEADLINE_MS', [
    'deadline extend loan-8841 2h',
    'deadline extend loan-8841 1d --operator asha --json',
  ])
    .addArgument(new Argument('<action>', 'what to do').choices(['extend']))
    .argument('<reference>', 'the batch', toReference)
    .argument('<time>', 'how much more: 30m, 2h, 1d', toDuration)
    .option('-q, --quiet', 'print nothing but what is wrong')
    .option('--json', 'print JSON')
    .action(async (_action: string, reference: string, byMs: number, options: DeadlineOptions) =>
      finish(await extend(reference, byMs, options)),
    );
}

async function extend(
  reference: string,
  byMs: number,
  options: DeadlineOptions,
): Promise<ExitCode> {
  return withClient<ExitCode>(async (client) => {
    const result = await client.extendDeadline(reference, byMs);
    report(result, options);
    return result.status === 'extended' ? 0 : 1;
  }, options);
}

function report(result: ExtendResult, { json, quiet }: DeadlineOptions): void {
  const { status, reference, extendedMs } = result;
  if (status === 'unknown') reportUnknown(reference, { json });
  else if (json) printJson(result);
  else if (status === 'extended') {
    if (!quiet) print(`${reference} has ${duration(extendedMs)} more than BATCH_DEADLINE_MS`);
  } else printError(`${reference} has ended already`);
}

/** @throws UsageError for what is no duration, or none that can be added. */
function toDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && isExtension(ms)) return ms;
  throw new UsageError('the time is how much more it gets, from 1s to 30d, such as 30m, 2h or 1d');
}
