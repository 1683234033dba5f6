/** Metrics; liveness: a restart would not help; readiness: this process serves. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RedisUnavailableError } from '../../errors.js';
import { writeRefusal } from '../../redis/reply-error.js';
import type { ServerContext } from '../context.js';
import { tryRedis } from './read-liveness.js';

/** The second ones are as Kubernetes names its own. */
const LIVE_PATHS = ['/health/live', '/livez'] as const;
const READY_PATHS = ['/health/ready', '/readyz'] as const;

/** A restart mends a worker that has lost its way to Redis, and nothing else. */
export function liveRoute(app: FastifyInstance, { eventLoop, worker }: ServerContext): void {
  const handle = async (_request: FastifyRequest, reply: FastifyReply) => {
    const down = (await worker?.whyNotLive()) ?? [];
    return answer(reply, down, { worstLagMs: eventLoop.worstLagMs() });
  };
  for (const path of LIVE_PATHS) app.get(path, handle);
}

export function readyRoute(
  app: FastifyInstance,
  { eventLoop, queues, worker }: ServerContext,
): void {
  const handle = async (_request: FastifyRequest, reply: FastifyReply) => {
    const down = worker?.whyNotReady() ?? [];
    if (eventLoop.isStuck()) down.push('the event loop was stuck');
    const workers = await tryRedis(queues).catch(({ message, cause }: RedisUnavailableError) => {
      const refusal = writeRefusal(cause, queues.link.redis);
      down.push(refusal === null ? message : `Redis refuses writes: ${refusal}`);
      return null;
    });
    // A worker in this process may say the same.
    return answer(reply, [...new Set(down)], { workers });
  };
  for (const path of READY_PATHS) app.get(path, handle);
}

/** Metrics of this process, of the queues and of the workers of this process, as Prometheus text. */
export function metricsRoute(app: FastifyInstance, { metrics, worker }: ServerContext): void {
  app.get('/metrics', async (_request, reply) => {
    await metrics.refresh();
    const registries = worker ? [metrics.registry, worker.registry] : [metrics.registry];
    const texts = await Promise.all(registries.map((registry) => registry.metrics()));
    return reply.type(metrics.registry.contentType).send(texts.join('\n'));
  });
}

function answer(reply: FastifyReply, down: string[], more: object): FastifyReply {
  const up = down.length === 0;
  return reply
    .status(up ? 200 : 503)
    .header('cache-control', 'no-store')
    .send({ status: up ? 'ok' : 'down', down, ...more });
}
