/** The routes of the pages of batches: `/dashboard/batches` and below. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { audited } from '../../../batches/audit.js';
import { findBatch } from '../../../batches/find.js';
import { countRunning, countSets } from '../../../batches/lists/batch-sets.js';
import type { BatchCounts } from '../../../batches/lists/count-batches.js';
import { listRows, type RowList } from '../../../batches/lists/list-batches.js';
import { UsageError } from '../../../errors.js';
import { REFERENCE_PATTERN } from '../../../jobs/ids.js';
import type { ServerContext } from '../../context.js';
import { readLiveness } from '../../health/read-liveness.js';
import { operatorOf } from '../../login/operator.js';
import { auditorOf } from '../actor.js';
import { assetRoutes } from '../assets.js';
import { BATCHES_PATH, DASHBOARD_PATH } from '../dashboard-path.js';
import { type PageFrame, readFrame, readSystemIfThere } from '../frame/read-frame.js';
import { sendPage } from '../frame/send-page.js';
import { readForm, reasonIn } from '../read-form.js';
import { ACTIONS, cameOf, isActionResult } from './actions.js';
import { batchPage } from './batch-page.js';
import { readRecords } from './bulk/bulk-record.js';
import { readDocumentsQuery } from './documents.js';
import { erasedPage } from './erased-page.js';
import { createCountCache } from './list/counts-cache.js';
import { listPage } from './list/list-page.js';
import type { Section } from './list/list-parameters.js';
import {
  filterOf,
  isNarrowed,
  type ListQuery,
  listPath,
  queryFault,
  readListQuery,
} from './list/list-query.js';
import { batchPath } from './pieces.js';
import { readBatch } from './read-batch.js';

/** Batches on one page. */
const PAGE_SIZE = 25;

/** What is shown of batches that nobody can ask for. */
const NO_ROWS: RowList = { rows: [], next: null, searched: 0, total: 0 };
const NO_COUNTS: BatchCounts = {
  ...{ matching: 0, searched: 0, total: 0 },
  ...{ state: [], code: [], productType: [], tenant: [], priority: [] },
};

type Query = Readonly<Record<string, unknown>>;

export async function batchPages(app: FastifyInstance, context: ServerContext): Promise<void> {
  const { queues, config, logger } = context;
  assetRoutes(app);

  const countCached = createCountCache(queues);
  const list = BATCHES_PATH.slice(DASHBOARD_PATH.length);
  app.get<{ Querystring: Query }>(list, async (request, reply) => {
    const query = readListQuery(request.query);
    const direct = isOnlyText(query)
      ? await queues.link.run(() => findBatch(queues, query.text))
      : null;
    if (direct !== null) return reply.redirect(batchPath(direct), 303);
    return sendList(reply, query, await readFrame(context, request));
  });

  app.get<{ Params: { reference: string }; Querystring: Query }>(
    `${list}/:reference`,
    async (request, reply) => {
      const { params, query } = request;
      const { reference } = params;
      const frame = await readFrame(context, request);
      const view = REFERENCE_PATTERN.test(reference)
        ? await queues.link.run(() => readBatch(queues, reference, readDocumentsQuery(query)))
        : null;
      if (!view) {
        const query = readListQuery({ q: reference });
        const direct = await queues.link.run(() => findBatch(queues, query.text));
        if (direct !== null) return reply.redirect(batchPath(direct), 303);
        return sendList(reply.status(404), query, frame);
      }
      const { now } = frame.system;
      const done = isActionResult(query.done) ? query.done : null;
      return sendPage(reply, batchPage({ ...view, frame, now, done }));
    },
  );

  for (const [name, action] of Object.entries(ACTIONS)) {
    app.post<{ Params: { reference: string } }>(
      `${list}/:reference/${name}`,
      async (request, reply) => {
        const { reference } = request.params;
        if (!REFERENCE_PATTERN.test(reference)) return reply.callNotFound();
        const form = readForm(request.body);
        const auditor = auditorOf(request, logger);
        const asked = { form, actor: auditor.actor };
        const change = { action: action.name, reference, reason: reasonIn(form) };
        const { done, certificate } = await queues.link.run(() =>
          audited(
            queues,
            auditor,
            change,
            async () => cameOf(await action.act(context, reference, asked)),
            (came) => came.audited,
          ),
        );
        if (certificate) {
          const system = await readSystemIfThere(context).catch(() => undefined);
          const operator = operatorOf(request);
          return sendPage(reply, erasedPage({ system, operator }, certificate));
        }
        // The redirect keeps a reload of the page from repeating the action.
        return reply.redirect(`${batchPath(reference)}?done=${done}`, 303);
      },
    );
  }

  async function sendList(
    reply: FastifyReply,
    query: ListQuery,
    frame: PageFrame,
  ): Promise<FastifyReply> {
    const { now } = frame.system;
    const liveness = await readLiveness(queues, config.BATCH_DEADLINE_MS);
    const fault = queryFault(query, now);
    const filter = fault === null ? filterOf(query, now) : null;
    const { sort, cursor } = query;
    const read = () =>
      Promise.all([
        filter ? listRows(queues, { ...filter, sort, limit: PAGE_SIZE, cursor }) : NO_ROWS,
        filter ? countCached(listPath(query), filter) : NO_COUNTS,
        readSections(),
        readRecords(queues, now),
        countWebhooks(),
      ]);
    const known = await queues.link.run(read).catch((error) => {
      // A cursor that somebody has changed, or that an earlier version has given.
      if (error instanceof UsageError && cursor !== undefined) return null;
      throw error;
    });
    if (known === null) return reply.redirect(listPath(query), 303);
    const [page, counts, sections, bulks, webhooks] = known;
    const figures = { liveness, sections, counts, bulks, webhooks };
    if (fault !== null) reply.status(400);
    return sendPage(reply, listPage({ ...figures, query, fault, list: page, frame }));
  }

  async function countWebhooks(): Promise<{ known: number; givenUp: number }> {
    const counts = await queues.webhooks.getJobCounts();
    const known = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { known, givenUp: counts.failed ?? 0 };
  }

  async function readSections(): Promise<Record<Section, number>> {
    const failures = { state: ['failed', 'cancelled'] } as const;
    const [sets, { state }] = await Promise.all([
      countSets(queues),
      countCached('failures', failures),
    ]);
    const running = countRunning(sets);
    const cancelled = state.find(({ value }) => value === 'cancelled')?.count ?? 0;
    const { failed, completed } = sets;
    const all = running + failed + completed;
    return { running, failed: Math.max(0, failed - cancelled), cancelled, completed, all };
  }
}

/** A search that may lead straight to a batch. */
function isOnlyText(query: ListQuery): boolean {
  const { text, section, cursor, unknown } = query;
  const isPlain = cursor === undefined && unknown.length === 0;
  return text !== '' && section === 'all' && isPlain && !isNarrowed({ ...query, text: '' });
}
