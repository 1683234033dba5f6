/** The route that sends all webhooks again that were given up. */
import type { FastifyInstance } from 'fastify';
import { auditedRedelivery } from '../../batches/bulk/audited-bulk.js';
import type { ServerContext } from '../context.js';
import { auditorOf } from './actor.js';
import { BATCHES_PATH } from './dashboard-path.js';

export async function webhookRoutes(
  app: FastifyInstance,
  { queues, logger }: ServerContext,
): Promise<void> {
  app.post('/redeliver', async (request, reply) => {
    const auditor = auditorOf(request, logger);
    await queues.link.run(async () => {
      for await (const _ of auditedRedelivery(queues, auditor, { givenUp: true }));
    });
    return reply.redirect(BATCHES_PATH, 303);
  });
}
