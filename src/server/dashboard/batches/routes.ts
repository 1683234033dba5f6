/** The routes of the pages of batches: `/dashboard/batches` and below. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { searchBatches } from '../../../batches/find.js';
import { countSections, idsFrom, isSection, SECTIONS } from '../../../batches/list.js';
import { REFERENCE_PATTERN } from '../../../jobs/ids.js';
import type { ServerContext } from '../../context.js';
import { readLiveness, redisNow } from '../../health/read-liveness.js';
import { assetRoutes } from '../assets.js';
import { DASHBOARD_PATH } from '../dashboard-path.js';
import { ACTIONS, isActionResult } from './actions.js';
import { batchPage } from './batch-page.js';
import { listPage, PAGE_SIZE } from './list-page.js';
import { BATCHES_PATH, batchPath } from './pieces.js';
import { readBatch } from './read-batch.js';
import { readRows } from './rows.js';

/** Allows our own style sheet and script, and forms to our own routes. */
const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Longer than any reference, batch_id or document id. */
const MAX_SEARCH_LENGTH = 300;
/** Higher numbers of pages are not read: their offsets would no longer be whole numbers. */
const MAX_PAGE = 1_000_000;

type Query = Partial<Record<'show' | 'page' | 'q' | 'from' | 'done', unknown>>;

export async function batchPages(app: FastifyInstance, context: ServerContext): Promise<void> {
  const { queues, config, logger } = context;
  const askLiveness = () => readLiveness(queues, config.BATCH_DEADLINE_MS);
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  );
  assetRoutes(app);

  const list = BATCHES_PATH.slice(DASHBOARD_PATH.length);
  app.get<{ Querystring: Query }>(list, async ({ query }, reply) => {
    const text = textOf(query.q);
    return text === ''
      ? sendPage(reply, await sectionPage(query))
      : answerSearch(reply, text, numberOf(query.from, 0));
  });

  app.get<{ Params: { reference: string }; Querystring: Query }>(
    `${list}/:reference`,
    async ({ params: { reference }, query }, reply) => {
      const view = REFERENCE_PATTERN.test(reference)
        ? await queues.link.run(() => readBatch(queues, reference, numberOf(query.page, 1)))
        : null;
      if (!view) return answerSearch(reply, reference, 0, 404);
      const [{ workers, pause }, now] = await Promise.all([askLiveness(), redisNow(queues)]);
      const done = isActionResult(query.done) ? query.done : null;
      return sendPage(reply, batchPage({ ...view, workers, pause, now, done }));
    },
  );

  for (const [name, act] of Object.entries(ACTIONS)) {
    app.post<{ Params: { reference: string } }>(
      `${list}/:reference/${name}`,
      async ({ params: { reference }, body }, reply) => {
        if (!REFERENCE_PATTERN.test(reference)) return reply.callNotFound();
        const form = body instanceof URLSearchParams ? new Map(body) : new Map<string, string>();
        const done = await queues.link.run(() => act(queues, reference, form));
        logger.info({ reference, action: name, done }, `an operator asked for: ${name}`);
        // The redirect keeps a reload of the page from repeating the action.
        return reply.redirect(`${batchPath(reference)}?done=${done}`, 303);
      },
    );
  }

  async function sectionPage(query: Query): Promise<string> {
    const asked = textOf(query.show);
    const section = isSection(asked) ? asked : 'in-flight';
    const page = Math.max(1, numberOf(query.page, 1));
    const [liveness, now, { counts, rows }] = await Promise.all([
      askLiveness(),
      redisNow(queues),
      queues.link.run(async () => {
        const types = SECTIONS[section];
        const ids = await idsFrom(queues, types, (page - 1) * PAGE_SIZE, PAGE_SIZE);
        return { counts: await countSections(queues), rows: await readRows(queues, ids) };
      }),
    ]);
    return listPage({ now, liveness, counts, rows, shown: { kind: 'section', section, page } });
  }

  async function answerSearch(
    reply: FastifyReply,
    text: string,
    from: number,
    status = 200,
  ): Promise<FastifyReply> {
    const result = await queues.link.run(() => searchBatches(queues, text, from));
    if (result.kind === 'exact') return reply.redirect(batchPath(result.reference), 303);
    const { searched, total, next } = result;
    const [liveness, now, counts, rows] = await Promise.all([
      askLiveness(),
      redisNow(queues),
      countSections(queues),
      readRows(queues, result.jobIds),
    ]);
    const shown = { kind: 'search', text, searched, total, next } as const;
    return sendPage(reply.status(status), listPage({ now, liveness, counts, rows, shown }));
  }
}

function sendPage(reply: FastifyReply, text: string): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', CONTENT_POLICY)
    .header('cache-control', 'no-store')
    .send(text);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, MAX_SEARCH_LENGTH) : '';
}

function numberOf(value: unknown, otherwise: number): number {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : otherwise;
  return Math.min(number, MAX_PAGE);
}
