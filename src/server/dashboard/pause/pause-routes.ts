/** The routes that stop and start the sending of all batches. */
import type { FastifyInstance } from 'fastify';
import { audited } from '../../../batches/audit.js';
import { describePaused, pauseSending, planPause, resumeSending } from '../../../batches/pause.js';
import type { ServerContext } from '../../context.js';
import { auditorOf } from '../actor.js';
import { BATCHES_PATH } from '../dashboard-path.js';
import { readForm, reasonIn } from '../read-form.js';
import { TIME_SPANS } from '../time-spans.js';
import { UNTIL_RESUMED } from './pause-controls.js';

export async function pauseRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const { queues, logger } = context;

  app.post('/pause', async (request, reply) => {
    const form = readForm(request.body);
    const auditor = auditorOf(request, logger);
    const reason = reasonIn(form);
    const asked = form.get('for') ?? UNTIL_RESUMED;
    const span = TIME_SPANS.get(asked)?.ms;
    if (span === undefined && asked !== UNTIL_RESUMED)
      return reply.status(400).send({ error: 'Bad Request' });
    // Nobody pauses in the name of another person.
    const by = auditor.actor.name;
    const pause = async () =>
      pauseSending(queues, await planPause(queues, { forMs: span, reason, by }));
    await queues.link.run(() =>
      audited(queues, auditor, { action: 'pause', reason }, pause, describePaused),
    );
    return reply.redirect(BATCHES_PATH, 303);
  });

  app.post('/resume', async (request, reply) => {
    const auditor = auditorOf(request, logger);
    await queues.link.run(() =>
      audited(
        queues,
        auditor,
        { action: 'resume' },
        () => resumeSending(queues),
        (wasPaused) => ({ outcome: wasPaused ? 'resumed' : 'not-paused' }),
      ),
    );
    return reply.redirect(BATCHES_PATH, 303);
  });
}
