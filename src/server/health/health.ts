/** Metrics; liveness: this process works; readiness: Redis answers and a worker is alive. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ServerContext } from '../context.js';
import { countWorkers } from './read-liveness.js';

export function liveRoute(app: FastifyInstance, { eventLoop }: ServerContext): void {
  app.get('/health/live', (_request, reply) => {
    const down = eventLoop.isStuck() ? ['the event loop was stuck'] : [];
    return answer(reply, down, { worstLagMs: eventLoop.worstLagMs() });
  });
}

export function readyRoute(app: FastifyInstance, { eventLoop, queues }: ServerContext): void {
  app.get('/health/ready', async (_request, reply) => {
    const down = eventLoop.isStuck() ? ['the event loop was stuck'] : [];
    const workers = await countWorkers(queues).catch(() => null);
    if (workers === null) down.push('Redis does not answer');
    if (workers === 0) down.push('no worker is alive');
    return answer(reply, down, { workers });
  });
}

/** Metrics of this process, of the queues and of the workers of this process, as Prometheus text. */
export function metricsRoute(
  app: FastifyInstance,
  { metrics, workerRegistry }: ServerContext,
): void {
  app.get('/metrics', async (_request, reply) => {
    await metrics.refresh();
    const registries = workerRegistry ? [metrics.registry, workerRegistry] : [metrics.registry];
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
