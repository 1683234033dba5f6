import type { Command } from 'commander';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { print, printError, printJson } from '../output/terminal.js';
import { toReference, withClient } from '../with-client.js';

export function cancelCommand(finish: Finish): Command {
  return createCommand('cancel', 'stop a batch; it ends in batch.failed with CANCELLED', [
    'cancel loan-8841 --reason "sent by mistake"',
  ])
    .argument('<reference>', 'the batch', toReference)
    .option('--reason <text>', 'told in the completion event', 'cancelled by an operator')
    .option('--json', 'print JSON')
    .action(async (reference: string, options: { reason: string; json?: true }) =>
      finish(await cancel(reference, options.reason, options.json)),
    );
}

async function cancel(reference: string, reason: string, json?: true): Promise<ExitCode> {
  const result = await withClient((client) => client.cancel(reference, reason));
  if (json) printJson(result);
  else if (result.status === 'cancelling') print(`${reference}: cancelling`);
  else if (result.status === 'ended') printError(`${reference} has ended already`);
  else printError(`no batch ${reference} is known here`);
  return result.status === 'cancelling' ? 0 : 1;
}
