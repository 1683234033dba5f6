/** Metrics; liveness: a restart would not help; readiness: this process serves. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { describeRefusal, isReplyError } from '../../redis/reply-error.js';
import type { ServerContext } from '../context.js';
import { countWorkers } from './read-liveness.js';

/** A restart mends a worker that has lost its way to Redis, and nothing else. */
export function liveRoute(app: FastifyInstance, { eventLoop, worker }: ServerContext): void {
  app.get('/health/live', async (_request, reply) => {
    const down = (await worker?.whyNotLive()) ?? [];
    return answer(reply, down, { worstLagMs: eventLoop.worstLagMs() });
  });
}

export function readyRoute(
  app: FastifyInstance,
  { eventLoop, queues, worker }: ServerContext,
): void {
  app.get('/health/ready', async (_request, reply) => {
    const down = worker?.whyNotReady() ?? [];
    if (eventLoop.isStuck()) down.push('the event loop was stuck');
    const workers = await countWorkers(queues).catch((error) => {
      down.push(`Redis ${isReplyError(error) ? describeRefusal(error) : 'does not answer'}`);
      return null;
    });
    return answer(reply, down, { workers });
  });
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
