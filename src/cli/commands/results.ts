import type { Command } from 'commander';
import type { AtlasBatchClient } from '../../client/atlas-batch-client.js';
import { describeReason } from '../../errors.js';
import { plural } from '../../plural.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { printError } from '../output/terminal.js';
import { writeLines } from '../output/write-lines.js';
import { untilInterrupted } from '../until-interrupted.js';
import { toReference, withClient } from '../with-client.js';

export function resultsCommand(finish: Finish): Command {
  return createCommand(
    'results',
    'print the extracts of an ended batch as JSON lines, one document a line',
    ['results loan-8841 -o loan-8841.jsonl', 'results loan-8841 | head -1 | jq .'],
  )
    .argument('<reference>', 'the batch', toReference)
    .option(
      '-o, --output <file>',
      'write them there, - is standard output; nothing of them stays when that fails',
    )
    .action(async (reference: string, { output }: { output?: string }) =>
      finish(await untilInterrupted((signal) => printResults(reference, output, signal))),
    );
}

async function printResults(
  reference: string,
  output: string | undefined,
  signal: AbortSignal,
): Promise<ExitCode> {
  return withClient(async (client) => {
    await writeLines(resultLines(client, reference, signal), output, signal);
    const { summary } = await client.status(reference);
    if (summary?.status !== 'failed') return 0;
    const { missing } = summary.documents;
    if (missing.length > 0) printError(`${plural(missing.length, 'document')} missing`);
    if (summary.reason) printError(describeReason(summary.reason));
    return 1;
  });
}

/** Extracts are printed as Atlas wrote them: parsing would round numbers of twenty digits. */
async function* resultLines(
  client: AtlasBatchClient,
  reference: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const { documentId, raw } of client.results(reference, { signal })) {
    yield `{"documentId":${JSON.stringify(documentId)},"extracts":[${raw.join(',')}]}\n`;
  }
}
