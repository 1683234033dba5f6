import type { Command } from 'commander';
import type { CancelResult } from '../../batches/cancel.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { print, printError, printJson } from '../output/terminal.js';
import { reportUnknown } from '../output/unknown-batch.js';
import { toReferences, withClient } from '../with-client.js';

interface CancelOptions {
  reason: string;
  quiet?: true;
  json?: true;
}

export function cancelCommand(finish: Finish): Command {
  return createCommand(
    'cancel',
    'stop a batch, or several; each ends in batch.failed with CANCELLED',
    ['cancel loan-8841 --reason "sent by mistake"'],
  )
    .argument('<reference...>', 'the batches', toReferences)
    .option('--reason <text>', 'told in the completion event', 'cancelled by an operator')
    .option('-q, --quiet', 'print nothing but what is wrong')
    .option('--json', 'print JSON, a line a batch')
    .action(async (references: string[], options: CancelOptions) =>
      finish(await cancel(references, options)),
    );
}

async function cancel(references: readonly string[], options: CancelOptions): Promise<ExitCode> {
  const { reason } = options;
  return withClient(async (client) => {
    let code: ExitCode = 0;
    for (const reference of references) {
      const result = await client.cancel(reference, reason);
      report(result, options);
      if (result.status !== 'cancelling') code = 1;
    }
    return code;
  });
}

function report(result: CancelResult, { json, quiet }: CancelOptions): void {
  const { status, reference } = result;
  if (status === 'unknown') reportUnknown(reference, { json });
  else if (json) printJson(result);
  else if (status === 'cancelling') {
    if (!quiet) print(`${reference}: cancelling`);
  } else printError(`${reference} has ended already`);
}
