/** The routes of actions on many batches: what one will cost, its start, how far it has come, its abort. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Auditor, audited } from '../../../../batches/audit.js';
import {
  type AuditedRun,
  auditedBulk,
  auditedRedelivery,
  newRunId,
} from '../../../../batches/bulk/audited-bulk.js';
import type { PaceOptions } from '../../../../batches/bulk/paced.js';
import { type BulkPreview, previewBulk } from '../../../../batches/bulk/preview.js';
import { previewGivenUp } from '../../../../batches/events/redeliver-events.js';
import type { ServerContext } from '../../../context.js';
import { redisNow } from '../../../health/read-liveness.js';
import { mayChange, operatorOf } from '../../../login/operator.js';
import { auditorOf } from '../../actor.js';
import { BATCHES_PATH, DASHBOARD_PATH } from '../../dashboard-path.js';
import { readFrame } from '../../frame/read-frame.js';
import { sendPage } from '../../frame/send-page.js';
import { reasonIn } from '../../read-form.js';
import { BULK_PATH, GIVEN_UP, previewPage, progressPage } from './bulk-page.js';
import { readRecord, requestAbort } from './bulk-record.js';
import { createBulkRuns } from './bulk-runs.js';
import {
  type Asked,
  errorFor,
  inWords,
  type Query,
  readAsked,
  runIdIn,
  thingsOf,
  valuesOf,
  wayBack,
  withButton,
} from './read-asked.js';

/** A person waits for it. */
const PREVIEW_MAX_MS = 4000;
export async function bulkRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const { queues, logger } = context;
  const runs = createBulkRuns(context);
  app.addHook('preClose', () => runs.stop());
  const path = BULK_PATH.slice(DASHBOARD_PATH.length);

  app.get<{ Querystring: Query }>(path, async (request, reply) => {
    // It may count for seconds, for what would be refused.
    if (!mayChange(operatorOf(request))) return reply.status(403).send({ error: 'Forbidden' });
    const askedAtMs = await queues.link.run(() => redisNow(queues));
    const values = withButton(request.query);
    const asked = readAsked(values, { askedAtMs });
    if (asked === null) return reply.redirect(wayBack(values, askedAtMs), 303);
    const [frame, preview] = await Promise.all([
      readFrame(context, request),
      queues.link.run(() => previewOf(asked)),
    ]);
    const untilMs = preview.until?.getTime() ?? askedAtMs;
    const view = { ...asked, of: thingsOf(asked), preview, which: inWords(asked) };
    return sendPage(
      reply,
      previewPage({ ...view, confirmation: newRunId(), askedAtMs, untilMs, ...frame }),
    );
  });

  app.post(path, async (request, reply) => {
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const untilMs = Number(form.get('until'));
    // The page of an earlier version has no other time, while servers are replaced.
    const askedAtMs = Number(form.get('asked-at') ?? untilMs);
    const total = Number(form.get('total'));
    const times = { askedAtMs, untilMs };
    const values = valuesOf(form);
    const asked = readAsked(values, times);
    const rate = form.get('rate') ? Number(form.get('rate')) : null;
    const isRate = rate === null || (rate > 0 && Number.isFinite(rate));
    if (asked === null || !isRate || ![askedAtMs, untilMs, total].every(Number.isSafeInteger))
      return reply.status(400).send({ error: errorFor(values) });
    const { action } = asked;
    const id = runIdIn(values) ?? newRunId();
    const reason = reasonIn(form);
    const order = {
      ...{ id, action, of: thingsOf(asked), total, rate, reason },
      ...{ which: inWords(asked), by: operatorOf(request).name },
    };
    const auditor = auditorOf(request, logger);
    await queues.link.run(() =>
      runs.start(order, (signal, run) =>
        stepsOf(asked, auditor, { rate: rate ?? undefined, reason, signal, run }, untilMs),
      ),
    );
    // The redirect keeps a reload of the page from repeating the action, and leads a second one to the first.
    return reply.redirect(`${BULK_PATH}/${id}`, 303);
  });

  app.get<{ Params: { id: string } }>(`${path}/:id`, async (request, reply) => {
    const frame = await readFrame(context, request);
    const { now } = frame.system;
    const record = await queues.link.run(() => readRecord(queues, request.params.id, now));
    if (record === null) return reply.redirect(BATCHES_PATH, 303);
    return sendPage(reply, progressPage({ record, now, ...frame }));
  });

  app.post<{ Params: { id: string } }>(
    `${path}/:id/abort`,
    async (request, reply): Promise<FastifyReply> => {
      const { id } = request.params;
      // A change of its own: the end of the action names who began it, and not who ended it.
      await queues.link.run(() =>
        audited(
          queues,
          auditorOf(request, logger),
          { action: 'abort' },
          async () => requestAbort(queues, id, await redisNow(queues)),
          (came) => came,
        ),
      );
      return reply.redirect(`${BULK_PATH}/${id}`, 303);
    },
  );

  async function previewOf({ action, selection }: Asked): Promise<BulkPreview> {
    if (selection !== GIVEN_UP)
      return previewBulk(queues, action, selection, { maxMs: PREVIEW_MAX_MS });
    const { events, untilMs } = await previewGivenUp(queues);
    const counts = { batches: events, leftOut: 0, atlasBatches: 0, documents: 0 };
    return { action, ...counts, isWhole: true, until: new Date(untilMs) };
  }

  async function* stepsOf(
    { action, selection }: Asked,
    auditor: Auditor,
    options: PaceOptions & AuditedRun & { reason: string | undefined },
    untilMs: number,
  ) {
    if (selection !== GIVEN_UP) {
      yield* auditedBulk(queues, auditor, action, selection, options);
      return;
    }
    const steps = auditedRedelivery(queues, auditor, { ...options, givenUp: true, untilMs });
    for await (const { events, gone } of steps) yield { done: events + gone, changed: events };
  }
}
