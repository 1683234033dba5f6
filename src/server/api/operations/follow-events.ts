/**
 * `GET /events`: outcomes and progress as server-sent events. Outcomes have ids, which are their positions in
 * the stream of outcomes: a caller that comes again with the last one misses none, or is told so.
 */
import { z } from 'zod';
import { isPosition, type Outcome } from '../../../batches/events/outcomes.js';
import type { BatchStatus } from '../../../batches/status/status.js';
import { REASON_CODES, RedisUnavailableError } from '../../../errors.js';
import { whenAborted } from '../../../timeouts.js';
import { type Caller, maySee } from '../access.js';
import type { OutcomeFeed } from '../feeds/outcome-feed.js';
import { type ApiCall, type ApiServices, operation } from '../operation.js';
import { invalid } from '../problem.js';

/** Proxies close a connection that is silent for half a minute or longer. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ':\n\n';
/** How soon a caller comes again when its connection breaks. */
const RETRY_MS = 2000;
/** Statuses that wait for a slow caller; of each batch only the latest. Older ones go. */
const MAX_WAITING_STATUSES = 1000;

const query = z.strictObject({
  progress: z
    .enum(['true', 'false'])
    .optional()
    .describe('false: outcomes only. Default: the progress of batches too.'),
});

type Query = z.infer<typeof query>;

export const outcomeEventSchema = z.object({
  eventId: z.string().describe('Unique for ever: work is done once per id.'),
  reference: z.string().nullable(),
  tenant: z.string().nullable(),
  status: z.enum(['completed', 'failed']),
  code: z.enum(REASON_CODES).nullable().describe('Why it failed.'),
  announcedAt: z.iso.datetime(),
});

export const followEvents = operation<Query>({
  operationId: 'followEvents',
  method: 'GET',
  path: '/events',
  action: 'read',
  summary: 'Follows batches by server-sent events',
  description:
    'Events `batch.completed` and `batch.failed` have an id, and `Last-Event-ID` goes on after it. `batch.progress` holds a BatchStatus and is not durable. `reset`: outcomes after the last id are gone; read the list of batches. Comments keep the connection open. Events never take a job from anybody.',
  query,
  headers: { 'Last-Event-ID': 'Outcomes after this one come first. Default: from now on.' },
  responses: {
    200: {
      description: 'Events, until the caller goes away.',
      contentType: 'text/event-stream',
      schema: outcomeEventSchema,
    },
  },
  problems: [],
  async handle(services, call) {
    const close = call.holdOpen('events');
    try {
      const position = await startOf(services.outcomes, call.header('last-event-id'));
      return {
        status: 200,
        // Proxies that gather responses would keep events back.
        headers: { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' },
        stream: eventsOf(services, call, position, close),
      };
    } catch (error) {
      close();
      throw error;
    }
  },
});

/** @throws ApiProblem for what is no id of an event; RedisUnavailableError. */
async function startOf(feed: OutcomeFeed, lastEventId: string | undefined): Promise<string> {
  if (lastEventId === undefined) return feed.end();
  if (isPosition(lastEventId)) return lastEventId;
  throw invalid('INVALID_REQUEST', ['Last-Event-ID is no id of an event']);
}

async function* eventsOf(
  { outcomes, progress, closing }: ApiServices,
  { caller, query, signal, isStillKnown }: ApiCall<Query>,
  start: string,
  close: () => void,
): AsyncGenerator<string> {
  const alarm = new Alarm();
  const statuses = new Map<string, BatchStatus>();
  const ends = [
    outcomes.follow(() => alarm.ring()),
    ...(query.progress === 'false'
      ? []
      : [progress.follow(({ status, tenant }) => note(caller, statuses, status, tenant, alarm))]),
    whenAborted(signal, () => alarm.ring()),
    whenAborted(closing, () => alarm.ring()),
  ];
  let position = start;
  try {
    // With the id a caller that has had no event yet knows where it began.
    yield `retry: ${RETRY_MS}\nid: ${position}\n\n`;
    while (!signal.aborted && !closing.aborted && isStillKnown()) {
      const page = await pageAfter(outcomes, position);
      // What was said of a batch before its end would be wrong after it.
      for (const { reference } of page?.outcomes ?? []) statuses.delete(reference ?? '');
      const changed = [...statuses.values()];
      statuses.clear();
      for (const status of changed) yield eventOf('batch.progress', status);
      if (page?.reset) yield eventOf('reset', {}, page.position);
      for (const outcome of page?.outcomes ?? []) {
        if (maySee(caller, outcome.tenant)) yield outcomeEvent(outcome);
      }
      position = page?.position ?? position;
      if (page !== null && page.outcomes.length > 0) continue;
      if (!(await alarm.rings(HEARTBEAT_MS))) yield HEARTBEAT;
    }
  } finally {
    for (const end of ends) end();
    close();
  }
}

/** Null while Redis is away: the feed rings when it is back. */
async function pageAfter(feed: OutcomeFeed, position: string) {
  try {
    return await feed.after(position);
  } catch (error) {
    if (error instanceof RedisUnavailableError) return null;
    throw error;
  }
}

function note(
  caller: Caller,
  statuses: Map<string, BatchStatus>,
  status: BatchStatus,
  tenant: string | null,
  alarm: Alarm,
): void {
  if (!maySee(caller, tenant)) return;
  statuses.delete(status.reference);
  const [oldest] = statuses.keys();
  if (statuses.size >= MAX_WAITING_STATUSES && oldest !== undefined) statuses.delete(oldest);
  statuses.set(status.reference, status);
  alarm.ring();
}

function outcomeEvent({ position, announcedAt, ...outcome }: Outcome): string {
  const { eventId, reference, tenant, status, code } = outcome;
  const at = new Date(announcedAt).toISOString();
  const data = { eventId, reference, tenant, status, code, announcedAt: at };
  return eventOf(`batch.${status}`, data, position);
}

/** JSON has no line break. */
function eventOf(name: string, data: object, id?: string): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return `event: ${name}\n${idLine}data: ${JSON.stringify(data)}\n\n`;
}

/** Rung by many, and waited for by one. A ring while nobody waits is remembered. */
class Alarm {
  private isRung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.isRung = true;
    this.wake?.();
  }

  /** Whether it was rung before that time was over. */
  async rings(timeoutMs: number): Promise<boolean> {
    if (!this.isRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const { isRung } = this;
    this.isRung = false;
    this.wake = undefined;
    return isRung;
  }
}
