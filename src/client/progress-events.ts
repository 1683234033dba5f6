/**
 * Progress of batches as it happens, for screens. It is not durable: a change while nobody listens
 * is not reported later. For the end of a batch there are `wait` and `onCompletion`.
 */
import type { ClientQueues } from '../batches/client-queues.js';
import { type BatchStatus, readBatchStatus } from '../batches/status/status.js';
import { andNot, checkOptions, checkSignal } from '../check-options.js';
import { RedisUnavailableError, UnknownReferenceError, UsageError } from '../errors.js';
import { REFERENCE_PATTERN, REFERENCE_RULE, referenceOfBatchJobId } from '../jobs/ids.js';
import { unlessAborted, whenAborted } from '../timeouts.js';
import { lastEventId, QueueEventReader, readPause } from './queue-events.js';

/** Something that the client closes when it is closed itself. */
export interface Closeable {
  /** Never rejects. */
  close(): Promise<void>;
}

/** Which batches to follow, and for how long. */
export interface EventsOptions {
  /** References of the batches to follow. Default: all. */
  references?: readonly string[] | undefined;
  /** Ends the loop, without an error. */
  signal?: AbortSignal | undefined;
}

/** Events of BullMQ that say that a batch job has changed, and those of its end. */
const CHANGES = ['added', 'progress'] as const;
const ENDS = ['completed', 'failed'] as const;

/**
 * The status of a batch each time it has changed. A slow reader gets the latest status of each batch
 * only, so nothing piles up. The status before the first change has to be read first.
 */
export async function* followProgress(
  queues: ClientQueues,
  options: EventsOptions = {},
  client: { closing: AbortSignal; opened: Set<Closeable> },
): AsyncGenerator<BatchStatus, void, undefined> {
  checkEventsOptions(options);
  const { references, signal } = options;
  const wanted = references && new Set(references);
  /** Batches to tell of, and whether they have ended. */
  const changed = new Map<string, boolean>();
  let wake: () => void = () => {};
  const note = (reference: string | null, hasEnded: boolean) => {
    if (reference === null || wanted?.has(reference) === false) return;
    changed.set(reference, hasEnded || changed.get(reference) === true);
    wake();
  };
  const over = new AbortController();
  const end = () => {
    over.abort();
    wake();
  };
  const stopWaiting = [signal ?? [], client.closing].flat().map((one) => whenAborted(one, end));
  const run = <T>(action: () => Promise<T>) => unlessAborted(queues.link.run(action), over.signal);
  let listeners: QueueEventReader[] = [];
  try {
    const after = await run(() =>
      Promise.all([lastEventId(queues, queues.batches), lastEventId(queues, queues.pollJobs)]),
    );
    listeners = listen(queues, after, note);
    // A reader that abandons the loop closes nothing: then the client does at its own end.
    for (const one of listeners) client.opened.add(one);
    await run(() => Promise.all(listeners.map((one) => one.waitUntilReady())));
    while (!over.signal.aborted) {
      const [next] = changed;
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const [reference, hasEnded] = next;
      changed.delete(reference);
      const status = await run(() => readBatchStatus(queues, reference)).catch(async (error) => {
        // A batch that was removed has no status.
        if (error instanceof UnknownReferenceError) return null;
        if (!(error instanceof RedisUnavailableError)) throw error;
        // It is told of when Redis is back.
        note(reference, hasEnded);
        await unlessAborted(readPause(), over.signal);
        return null;
      });
      // What came before the end may be read after it. The end is told by its own event alone, or it
      // would be told twice.
      if (status && (hasEnded || status.summary === null)) yield status;
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    for (const stop of stopWaiting) stop();
    for (const one of listeners) client.opened.delete(one);
    await Promise.all(listeners.map((one) => one.close()));
  }
}

function listen(
  queues: ClientQueues,
  [afterBatch, afterPoll]: readonly [string, string],
  note: (reference: string | null, hasEnded: boolean) => void,
): QueueEventReader[] {
  const batches = new QueueEventReader(queues, queues.batches.name, afterBatch);
  for (const name of [...CHANGES, ...ENDS]) {
    const isEnd = ENDS.some((end) => end === name);
    batches.on(name, ({ jobId }: { jobId: string }) => note(referenceOfBatchJobId(jobId), isEnd));
  }
  const polls = new QueueEventReader(queues, queues.pollJobs.name, afterPoll);
  polls.on('progress', ({ jobId }) => {
    findParent(queues, jobId).then(
      (reference) => note(reference, false),
      () => {},
    );
  });
  return [batches, polls];
}

function checkEventsOptions(options: EventsOptions): void {
  checkOptions('events', options, ['references', 'signal']);
  checkSignal(options.signal);
  const { references = [] } = options;
  if (!Array.isArray(references) || !references.every((one) => typeof one === 'string'))
    throw new UsageError('references must be a list of references, which are text');
  // Nobody can add a batch of such a reference: the loop would wait for ever.
  const wrong = references.filter((one) => !REFERENCE_PATTERN.test(one));
  if (wrong.length > 0)
    throw new UsageError(
      `references must be a list of references: each ${REFERENCE_RULE}${andNot(wrong)}`,
    );
}

/** The batch of a poll job: the last part of its parent's key. */
async function findParent({ link, pollJobs }: ClientQueues, jobId: string): Promise<string | null> {
  const parentKey = await link.redis.hget(pollJobs.toKey(jobId), 'parentKey');
  return referenceOfBatchJobId(parentKey?.split(':').at(-1) ?? '');
}
