/**
 * What upstream apps import: add a batch, follow it, wait for its end, read its results.
 *
 *     const atlas = createAtlasBatchClient({ redisUrl: 'redis://127.0.0.1:6379' });
 *     const { reference } = await atlas.enqueue({ productType: 'LOAN_APP', documents });
 *     const summary = await atlas.wait(reference);
 *     for await (const { documentId, extracts } of atlas.results(reference)) …
 *     await atlas.close();
 */
import { ClientClosedError } from '../errors.js';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import { borrowLink, openLink, type RedisLink } from '../redis/client-link.js';
import { connectionOptions } from '../redis/connection/connect.js';
import type { RedisTarget } from '../redis/connection/target.js';
import type { AtlasBatchClient } from './atlas-batch-client.js';
import {
  type AtlasBatchClientOptions,
  type ClientSettings,
  checkClientOptions,
} from './client-options.js';
import { checkHandler } from './completion-handler.js';
import {
  isCluster,
  isConnection,
  optionsOfConnection,
  targetAt,
  targetAtUrl,
  targetOfCluster,
} from './redis-address.js';

/**
 * A client of the workers that use a Redis. It connects at once, and is usable before that.
 * @throws UsageError that names the option that is wrong.
 */
export function createAtlasBatchClient(options: AtlasBatchClientOptions): AtlasBatchClient {
  checkClientOptions(options);
  return openClient(linkOf(options), options);
}

/** For the command line, which knows where Redis is from its configuration. */
export function createClient(target: RedisTarget, settings: ClientSettings): AtlasBatchClient {
  const { prefix = DEFAULT_QUEUE_PREFIX } = settings;
  return openClient(openLink(connectionOptions(target, prefix)), settings, 'cli');
}

function linkOf(options: AtlasBatchClientOptions): RedisLink {
  const { redis, redisUrl, connection, prefix = DEFAULT_QUEUE_PREFIX } = options;
  const open = (target: RedisTarget) => openLink(connectionOptions(target, prefix));
  if (redis !== undefined) return open(targetAt(redis));
  if (connection === undefined) return open(targetAtUrl(redisUrl, 'redisUrl'));
  if (!isConnection(connection)) return openLink(optionsOfConnection(connection));
  return isCluster(connection) ? open(targetOfCluster(connection)) : borrowLink(connection);
}

function openClient(
  link: RedisLink,
  settings: ClientSettings,
  via: 'client' | 'cli' = 'client',
): AtlasBatchClient {
  const closing = new AbortController();
  // Loaded with the first client, and not with this module: BullMQ and the checks of a batch are most
  // of what an app would wait for at its start. The connection opens meanwhile.
  const session = import('./session.js').then(({ openSession }) =>
    openSession(link, settings, closing.signal, via),
  );
  // Each call reports it.
  session.catch(() => {});
  let closed: Promise<void> | undefined;

  async function open() {
    if (closed) throw new ClientClosedError();
    const opened = await session;
    if (closed) throw new ClientClosedError();
    return opened;
  }

  return {
    enqueue: async (batch) => (await open()).enqueue(batch),
    enqueueMany: async (batches) => (await open()).enqueueMany(batches),
    status: async (reference) => (await open()).status(reference),
    timeline: async (reference) => (await open()).timeline(reference),
    wait: async (reference, options) => (await open()).wait(reference, options),
    async *results(reference, options) {
      yield* (await open()).results(reference, options);
    },
    onCompletion(handler, options = {}) {
      checkHandler(handler, options);
      if (closed) throw new ClientClosedError();
      const subscription = session.then((opened) => opened.onCompletion(handler, options));
      return { close: async () => (await subscription).close() };
    },
    async *events(options) {
      yield* (await open()).events(options);
    },
    cancel: async (reference, reason) => (await open()).cancel(reference, reason),
    list: async (options) => (await open()).list(options),
    count: async (filter) => (await open()).count(filter),
    retry: async (reference, reason) => (await open()).retry(reference, reason),
    preview: async (action, selection, options) =>
      (await open()).preview(action, selection, options),
    async *retryMany(selection, options) {
      yield* (await open()).runMany('retry', selection, options);
    },
    async *cancelMany(selection, options) {
      yield* (await open()).runMany('cancel', selection, options);
    },
    async *redeliverMany(selection, options) {
      yield* (await open()).runMany('redeliver', selection, options);
    },
    extendDeadline: async (reference, byMs) => (await open()).extendDeadline(reference, byMs),
    pause: async (options) => (await open()).pause(options),
    resume: async () => (await open()).resume(),
    paused: async () => (await open()).paused(),
    redeliver: async (reference) => (await open()).redeliver(reference),
    redeliverAll: async (options) => (await open()).redeliverAll(options),
    erase: async (reference, options) => (await open()).erase(reference, options),
    close() {
      closed ??= (async () => {
        closing.abort();
        try {
          await (await session).close();
        } finally {
          link.close();
        }
      })();
      return closed;
    },
  };
}
