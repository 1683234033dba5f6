/** Does something to the batches that a command names, or to all that fit its filter. */
import type { BulkPreview } from '../batches/bulk/preview.js';
import type { BulkProgress } from '../batches/bulk/run-bulk.js';
import type { BulkAction, BulkSelection } from '../batches/bulk/selection.js';
import type { AtlasBatchClient } from '../client/atlas-batch-client.js';
import { UsageError } from '../errors.js';
import { countText, plural } from '../plural.js';
import type { ChangeOptions, ExitCode } from './command.js';
import { type FilterOptions, isFiltered, toFilter } from './filter-options.js';
import { ask } from './input/ask.js';
import { createBulkView, describePreview, PARTICIPLES } from './output/describe-bulk.js';
import { print, printError, printJson } from './output/terminal.js';
import { reportUnknown } from './output/unknown-batch.js';
import { untilInterrupted } from './until-interrupted.js';
import { withClient } from './with-client.js';

export interface BulkCommandOptions extends FilterOptions, ChangeOptions {
  dryRun?: true;
  rate?: number;
  reason?: string;
  givenUp?: true;
  yes?: true;
  quiet?: true;
  json?: true;
}

type Step = BulkProgress['batches'][number];

const RUN: Record<BulkAction, (client: AtlasBatchClient) => AtlasBatchClient['retryMany']> = {
  retry: (client) => client.retryMany,
  cancel: (client) => client.cancelMany,
  redeliver: (client) => client.redeliverMany,
};

export async function runBulkCommand(
  action: BulkAction,
  references: readonly string[],
  options: BulkCommandOptions,
): Promise<ExitCode> {
  let selection = toSelection(action, references, options);
  let latest: BulkProgress | undefined;
  let total = 0;
  return untilInterrupted(
    (signal) =>
      withClient<ExitCode>(async (client) => {
        const byName = 'references' in selection;
        if (!byName || options.dryRun) {
          const preview = await client.preview(action, selection, { signal });
          total = preview.batches;
          if (options.dryRun && options.json) printJson(preview);
          else if (!options.quiet && !options.json) print(describePreview(preview));
          if (options.dryRun || total === 0) return 0;
          await confirm(preview, options, signal);
          // None is met that nobody was asked about.
          if (preview.until) selection = { ...selection, until: preview.until };
        }
        const view = createBulkView(action, total, options);
        let code: ExitCode = 0;
        try {
          const { rate, reason } = options;
          for await (latest of RUN[action](client)(selection, { rate, reason, signal })) {
            if (byName || options.json) for (const step of latest.batches) tell(step, options);
            if (byName && latest.changed < latest.done) code = 1;
            if (!byName) view.show(latest);
          }
        } finally {
          view.done();
        }
        if (!byName && !options.quiet && !options.json) print(describeEnd(action, latest, total));
        return code;
      }, options),
    () => {
      if (latest)
        printError(`stopped: ${describeEnd(action, latest, total)}; the others are as they were`);
      else printError('stopped: nothing was done');
    },
  );
}

function describeEnd(
  action: BulkAction,
  progress: BulkProgress | undefined,
  total: number,
): string {
  const changed = progress?.changed ?? 0;
  const of =
    total > 0
      ? `${countText(changed)} of ${plural(total, 'batch', 'batches')}`
      : plural(changed, 'batch', 'batches');
  return `${of} ${PARTICIPLES[action]}`;
}

/** @throws UsageError when nothing says which batches are meant, or too much. */
function toSelection(
  action: BulkAction,
  references: readonly string[],
  options: BulkCommandOptions,
): BulkSelection {
  const filtered = isFiltered(options) || options.givenUp !== undefined;
  if (references.length > 0 && filtered)
    throw new UsageError(`${action} takes references or a filter, and not both`);
  if (references.length > 0) return { references };
  const { givenUp } = options;
  // That something is asked for the compiler cannot see.
  if (filtered) return { ...toFilter(options), givenUp } as BulkSelection;
  const more = action === 'redeliver' ? '--given-up, ' : '';
  throw new UsageError(
    `${action} which batches? Name them, or say which by ${more}--state, --code, --product, --tenant, --priority, --since, --until or --text`,
  );
}

/** Of many batches nothing is done that nobody has agreed to. @throws UsageError when nobody can be asked. */
async function confirm(
  { action, batches }: BulkPreview,
  { yes }: BulkCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  if (yes) return;
  const typed = await ask(`${action} ${plural(batches, 'batch', 'batches')}? [y/N] `, signal);
  if (!/^y(es)?$/i.test(typed)) throw new UsageError('nothing was done');
}

const WORDS: Record<Exclude<Step['status'], 'unknown'>, { text: string; isDone: boolean }> = {
  retried: { text: ': retried', isDone: true },
  queued: { text: ' is queued for the webhook', isDone: true },
  running: { text: ' has not ended: there is no event yet', isDone: false },
  cancelling: { text: ': cancelling', isDone: true },
  'not-failed': { text: ' has not failed', isDone: false },
  ended: { text: ' has ended already', isDone: false },
};

function tell(step: Step, { json, quiet }: BulkCommandOptions): void {
  const { status, reference } = step;
  if (status === 'unknown') {
    reportUnknown(reference, { json });
    return;
  }
  if (json) {
    printJson(step);
    return;
  }
  const { text, isDone } = WORDS[status];
  const event = 'eventId' in step && step.eventId !== null ? `: ${step.eventId}` : '';
  const line = `${reference}${event}${text}`;
  if (!isDone) printError(line);
  else if (!quiet) print(line);
}
