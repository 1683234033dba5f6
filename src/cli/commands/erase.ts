import type { Command } from 'commander';
import { describeCertificate } from '../../batches/erase/describe-certificate.js';
import type { EraseResult } from '../../batches/erase/erase-batch.js';
import { UsageError } from '../../errors.js';
import {
  type ChangeOptions,
  createChange,
  type ExitCode,
  type Finish,
  toReason,
} from '../command.js';
import { ask } from '../input/ask.js';
import { print, printError, printJson } from '../output/terminal.js';
import { reportUnknown } from '../output/unknown-batch.js';
import { toReference, withClient } from '../with-client.js';

/** Of the names in a certificate. */
const NAME_WIDTH = 12;

interface EraseOptions extends ChangeOptions {
  reason?: string;
  yes?: true;
  json?: true;
}

export function eraseCommand(finish: Finish): Command {
  return createChange(
    'erase',
    'remove an ended batch for good, with every version of its results, and print a certificate',
    [
      'erase loan-8841 --yes --reason "ticket 4711"',
      'erase loan-8841 --yes --json > loan-8841.erased.json',
    ],
  )
    .argument('<reference>', 'the batch', toReference)
    .option('--reason <text>', 'for the audit log; it is kept, so it must name nobody', toReason)
    .option('-y, --yes', 'ask nothing; without a terminal it is needed')
    .option('--json', 'print the certificate as JSON')
    .action(async (reference: string, options: EraseOptions) =>
      finish(await erase(reference, options)),
    );
}

async function erase(reference: string, options: EraseOptions): Promise<ExitCode> {
  if (!options.yes) await askFor(reference);
  return withClient<ExitCode>(async (client) => {
    const result = await client.erase(reference, { reason: options.reason });
    report(result, options);
    return result.status === 'erased' ? 0 : 1;
  }, options);
}

/** @throws UsageError unless somebody types the reference. */
async function askFor(reference: string): Promise<void> {
  const typed = await ask(
    `Results, jobs and events of ${reference} go for good. Type its reference to be sure: `,
  );
  if (typed !== reference) throw new UsageError(`${reference} is not erased`);
}

function report({ status, reference, certificate }: EraseResult, { json }: EraseOptions): void {
  if (status === 'unknown') reportUnknown(reference, { json });
  else if (json) printJson({ status, reference, certificate });
  else if (certificate === null) {
    printError(`${reference} runs; cancel it first: atlas-batch cancel ${reference}`);
  } else {
    print(`${reference} is erased. The certificate, which names nobody:`);
    for (const [name, text] of describeCertificate(certificate))
      print(`  ${name.padEnd(NAME_WIDTH)}${text}`);
  }
}
