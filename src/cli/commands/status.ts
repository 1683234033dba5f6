import type { Command } from 'commander';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { describeStatus } from '../output/describe-batch.js';
import { print, printJson } from '../output/terminal.js';
import { toReference, withClient } from '../with-client.js';

export function statusCommand(finish: Finish): Command {
  return createCommand('status', 'show where a batch stands', [
    'status loan-8841',
    'status loan-8841 --json',
  ])
    .argument('<reference>', 'the batch', toReference)
    .option('--json', 'print JSON')
    .action(async (reference: string, options: { json?: true }) =>
      finish(await showStatus(reference, options)),
    );
}

async function showStatus(reference: string, { json }: { json?: true }): Promise<ExitCode> {
  const status = await withClient((client) => client.status(reference));
  if (json) printJson(status);
  else print(describeStatus(status, Date.now()).join('\n'));
  return status.state === 'failed' ? 1 : 0;
}
