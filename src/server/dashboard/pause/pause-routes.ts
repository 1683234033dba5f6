/** The routes that stop and start the sending of all batches. */
import type { FastifyInstance } from 'fastify';
import { audited } from '../../../batches/audit.js';
import { describePaused, pauseSending, planPause, resumeSending } from '../../../batches/pause.js';
import { UsageError } from '../../../errors.js';
import type { ServerContext } from '../../context.js';
import { auditorOf } from '../actor.js';
import { BATCHES_PATH } from '../dashboard-path.js';
import { readForm, reasonIn } from '../read-form.js';
import { TIME_SPANS } from '../time-spans.js';
import { UNTIL_RESUMED } from './pause-controls.js';

const HOW_LONG = `for says how long: ${[...TIME_SPANS.keys()].join(', ')}, or ${UNTIL_RESUMED} for a pause that lasts until somebody resumes`;

export async function pauseRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const { queues, logger } = context;

  app.post('/pause', async (request, reply) => {
    const form = readForm(request.body);
    const auditor = auditorOf(request, logger);
    const reason = reasonIn(form);
    const asked = form.get('for');
    const span = TIME_SPANS.get(asked ?? '')?.ms;
    // A form that lost this field would stop all sending without an end.
    if (span === undefined && asked !== UNTIL_RESUMED) throw new UsageError(HOW_LONG);
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
