import type { Command } from 'commander';
import { type BulkCommandOptions, runBulkCommand } from '../bulk.js';
import { addBulkOptions } from '../bulk-options.js';
import { createChange, type Finish, toReason } from '../command.js';
import { toReferences } from '../with-client.js';

export function retryCommand(finish: Finish): Command {
  const command = createChange(
    'retry',
    'retry failed batches: what Atlas has is read, then what is still missing is sent',
    [
      'retry loan-8841 loan-8842',
      'retry --code ATLAS_AUTH --since 12h --dry-run',
      'retry --product LOAN_APP --rate 20/s --yes',
    ],
  )
    .argument('[reference...]', 'the batches', toReferences)
    .option(
      '--reason <text>',
      'told in the audit log and in the timelines of the batches',
      toReason,
    );
  return addBulkOptions(command).action(
    async (references: string[] | undefined, options: BulkCommandOptions) =>
      finish(await runBulkCommand('retry', references ?? [], options)),
  );
}
