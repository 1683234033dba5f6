import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';

/** Prometheus text: this process, the queues, and the workers of this process. */
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
