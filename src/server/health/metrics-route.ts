import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';

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
