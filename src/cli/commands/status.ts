import type { Command } from 'commander';
import type { BatchStatus } from '../../batches/status/status.js';
import type { Timeline } from '../../batches/status/timeline.js';
import type { AtlasBatchClient } from '../../client/atlas-batch-client.js';
import type { Pause } from '../../gate/pause-record.js';
import { unlessAborted } from '../../timeouts.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { followBatches, readStatuses } from '../follow-batches.js';
import { describeStatus, describeTimeline } from '../output/describe-batch.js';
import { print, printJson } from '../output/terminal.js';
import { reportUnknown } from '../output/unknown-batch.js';
import { untilInterrupted } from '../until-interrupted.js';
import { toReferences, withClient } from '../with-client.js';

interface StatusOptions {
  watch?: true;
  all?: true;
  timeline?: true;
  quiet?: true;
  json?: true;
}

export function statusCommand(finish: Finish): Command {
  return createCommand('status', 'show where a batch stands, or several', [
    'status loan-8841',
    'status loan-8841 loan-8842 --watch',
    'status loan-8841 --timeline',
    'status loan-8841 --json',
  ])
    .argument('<reference...>', 'the batches', toReferences)
    .option('-w, --watch', 'follow them until they have ended')
    .option('-a, --all', 'show every upload of a large batch')
    .option('-t, --timeline', 'show what happened to them too, and who changed them')
    .option('-q, --quiet', 'print nothing; the exit code says whether one has failed')
    .option('--json', 'print JSON, a line a batch')
    .action(async (references: string[], options: StatusOptions) =>
      finish(await untilInterrupted((signal) => showStatus(references, options, signal))),
    );
}

async function showStatus(
  references: readonly string[],
  options: StatusOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { statuses, timelines, pause } = await withClient(async (client) => {
    const read = () => unlessAborted(readStatuses(client, references), signal);
    let statuses = await read();
    if (options.watch) {
      await watch(client, [...statuses.keys()], options, signal);
      statuses = await read();
    }
    const timelines = new Map<string, Timeline>();
    // Only people are told why; programs ask for the pause itself.
    const isPaused = [...statuses.values()].some(({ line }) => line?.why === 'pause');
    const pause = isPaused ? await unlessAborted(client.paused(), signal) : null;
    if (!options.timeline) return { statuses, timelines, pause };
    for (const reference of statuses.keys())
      timelines.set(reference, await unlessAborted(client.timeline(reference), signal));
    return { statuses, timelines, pause };
  });
  for (const reference of options.quiet ? [] : references) {
    const status = statuses.get(reference);
    if (status === undefined) reportUnknown(reference, options);
    else show(status, { ...options, pause, happened: timelines.get(reference) });
  }
  const isFine = (reference: string) => (statuses.get(reference)?.state ?? 'failed') !== 'failed';
  return references.every(isFine) ? 0 : 1;
}

async function watch(
  client: AtlasBatchClient,
  references: readonly string[],
  { json, quiet }: StatusOptions,
  signal: AbortSignal,
): Promise<void> {
  const { createProgressView } = await import('../output/progress.js');
  const view = json || quiet ? { show: () => {}, done: () => {} } : createProgressView();
  await followBatches(client, references, view, signal);
}

interface Shown extends StatusOptions {
  pause: Pause | null;
  happened: Timeline | undefined;
}

function show(status: BatchStatus, { json, all, pause, happened }: Shown): void {
  const timeline = happened ? describeTimeline(happened) : [];
  if (json) printJson({ ...status, ...(happened && { timeline: happened }) });
  else print([...describeStatus(status, Date.now(), { all, pause }), ...timeline].join('\n'));
}
