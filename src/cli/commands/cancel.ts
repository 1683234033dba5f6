import type { Command } from 'commander';
import { type BulkCommandOptions, runBulkCommand } from '../bulk.js';
import { addBulkOptions } from '../bulk-options.js';
import { createChange, type Finish, toReason } from '../command.js';
import { toReferences } from '../with-client.js';

export function cancelCommand(finish: Finish): Command {
  const command = createChange('cancel', 'stop batches; each ends in batch.failed with CANCELLED', [
    'cancel loan-8841 --reason "sent by mistake"',
    'cancel --tenant branch-12 --state waiting --dry-run',
  ])
    .argument('[reference...]', 'the batches', toReferences)
    .option('--reason <text>', 'told in the completion event, and in the audit log', toReason);
  return addBulkOptions(command).action(
    async (references: string[] | undefined, options: BulkCommandOptions) =>
      finish(await runBulkCommand('cancel', references ?? [], options)),
  );
}
