/**
 * The demo: batches of scanned documents go from S3 through Atlas to stored extracts, and each
 * ends in one completion event. Redis, Atlas and S3 are private stand-ins, gone at the end. On a
 * terminal, or with `--open`, all of it stays up until Ctrl-C, for a visit to the dashboard.
 */
import '../src/cli/quiet-aws-sdk.js';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { followBatches } from '../src/cli/follow-batches.js';
import { createProgressView } from '../src/cli/output/progress.js';
import { formatTable } from '../src/cli/output/table.js';
import { isTerminal, paint, print, printError } from '../src/cli/output/terminal.js';
import { createAtlasBatchClient } from '../src/client/client.js';
import { PLANS, putScans, SHOWN_REFERENCE } from './batches.js';
import { endWithParent } from './end-with-parent.js';
import { sampleFields, saveResults, summaryTable } from './report.js';
import { OUTPUT, RESULTS_BUCKET, type Stage, setStage } from './stage.js';

/** The demo takes about 16 s; past this something hangs, and it says so rather than wait. */
const TIMEOUT_MS = 60_000;
const INTERRUPTED = 130;
const WRONG_USAGE = 2;

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => interrupt.abort());
}
const signal = AbortSignal.any([interrupt.signal, AbortSignal.timeout(TIMEOUT_MS)]);
endWithParent(() => interrupt.abort());
const staysOpen = readOpen() ?? (isTerminal() && !process.env.CI);

let stage: Stage | undefined;
try {
  headline('Starting a private Redis, stand-ins for Atlas and S3, and a worker');
  stage = await setStage(signal);
  for (const line of stage.describe()) print(`  ${line}`);
  await play(stage);
  headline('What to try next');
  for (const [what, how] of whatNext(stage)) print(`  ${what}:\n    ${how}`);
  if (staysOpen) await stayOpen(stage);
} catch (error) {
  if (interrupt.signal.aborted) printError('stopped');
  else printError(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = interrupt.signal.aborted ? INTERRUPTED : 1;
} finally {
  await stage?.stop();
}

/** What `--open` says. For anything else the process ends. */
function readOpen(): boolean | undefined {
  try {
    return parseArgs({ options: { open: { type: 'boolean' } } }).values.open;
  } catch {
    printError('the demo has one option, --open: it stays up until Ctrl-C, with its dashboard');
    process.exit(WRONG_USAGE);
  }
}

async function play({ redisUrl, simulators }: Stage): Promise<void> {
  const { s3 } = simulators;
  const client = createAtlasBatchClient({
    redisUrl,
    s3: {
      endpoint: s3.url,
      region: s3.region,
      forcePathStyle: true,
      credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    },
  });
  /** Name of the completion event of each reference. */
  const events = new Map<string, string>();
  client.onCompletion(({ reference }, { name }) => {
    events.set(reference ?? '', name);
  });
  try {
    const requests = await putScans(s3);
    headline(`Submitting ${requests.length} batches`);
    const shows = PLANS.map(({ reference, documents, shows }) => [
      reference,
      String(documents),
      paint('gray', shows),
    ]);
    for (const line of formatTable(shows, [1])) print(`  ${line}`);
    await client.enqueueMany(requests);

    headline('Atlas is at work');
    const references = requests.map(({ reference }) => reference);
    const summaries = await followBatches(client, references, createProgressView(), signal);
    while (events.size < references.length) await delay(20, undefined, { signal });

    headline('How they ended');
    for (const line of summaryTable(summaries, events)) print(`  ${line}`);
    headline(`A few extracted fields of ${SHOWN_REFERENCE} (the persons are invented)`);
    for (const line of await sampleFields(client, SHOWN_REFERENCE)) print(`  ${line}`);
    headline('Where the results are');
    const count = await saveResults(s3);
    print(`  in S3    s3://${RESULTS_BUCKET}/<reference>/<batch_id>.json, ${count} objects`);
    print(`  copied   ${OUTPUT}/results/, which stays`);
  } finally {
    await client.close();
  }
}

/** What for, and the command or page. */
function whatNext({ redisUrl }: Stage): [string, string][] {
  return [
    staysOpen
      ? [
          'one batch, from a second shell',
          `REDIS_URL=${redisUrl} node dist/cli.js status loan-8844`,
        ]
      : ['the same, with a dashboard that stays up', 'npm run demo -- --open'],
    ['Atlas and S3 for scans of your own', 'node dist/cli.js simulator --help'],
    ['batches from your app', 'docs/upstream.md'],
  ];
}

/** Resolves at Ctrl-C. */
async function stayOpen({ dashboard: { url, user, password } }: Stage): Promise<void> {
  headline('The dashboard, until Ctrl-C');
  print(`  ${url}   user ${user}, password ${password}`);
  if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
}

function headline(text: string): void {
  print(`\n${paint('bold', text)}`);
}
