/** The routes of actions on many batches: what one will cost, its start, how far it has come, its abort. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Auditor, audited } from '../../../../batches/audit.js';
import {
  type AuditedRun,
  auditedBulk,
  auditedRedelivery,
} from '../../../../batches/bulk/audited-bulk.js';
import type { PaceOptions } from '../../../../batches/bulk/paced.js';
import { type BulkPreview, previewBulk } from '../../../../batches/bulk/preview.js';
import {
  type BulkAction,
  type BulkSelection,
  checkSelection,
} from '../../../../batches/bulk/selection.js';
import { previewGivenUp } from '../../../../batches/events/redeliver-events.js';
import type { BatchFilter, StateFilter } from '../../../../batches/lists/batch-filter.js';
import { UsageError } from '../../../../errors.js';
import { REFERENCE_PATTERN } from '../../../../jobs/ids.js';
import { plural } from '../../../../plural.js';
import type { ServerContext } from '../../../context.js';
import { redisNow } from '../../../health/read-liveness.js';
import { mayChange, operatorOf } from '../../../login/operator.js';
import { auditorOf } from '../../actor.js';
import { BATCHES_PATH, DASHBOARD_PATH } from '../../dashboard-path.js';
import { readFrame } from '../../frame/read-frame.js';
import { sendPage } from '../../frame/send-page.js';
import { reasonIn } from '../../read-form.js';
import {
  filterOf,
  type ListQuery,
  listPath,
  parametersOf,
  queryFault,
  readListQuery,
} from '../list/list-query.js';
import { wordsOf } from '../list/list-times.js';
import { BULK_PATH, GIVEN_UP, previewPage, progressPage } from './bulk-page.js';
import { readRecord, requestAbort } from './bulk-record.js';
import { createBulkRuns } from './bulk-runs.js';

/** A person waits for it. */
const PREVIEW_MAX_MS = 4000;
/** More are not on one page. */
const MAX_SELECTED = 100;

const ENDED: ReadonlySet<StateFilter> = new Set(['completed', 'failed', 'cancelled', 'ended']);

type Query = Readonly<Record<string, unknown>>;

interface Asked {
  action: BulkAction;
  query: ListQuery;
  references: string[] | null;
  /** Of the events that were given up there is nothing to select. */
  selection: BulkSelection | typeof GIVEN_UP;
}

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
    const asked = readAsked(values, { askedAtMs }, values.which === 'selected');
    if (asked === null) return reply.redirect(wayBack(values, askedAtMs), 303);
    const [frame, preview] = await Promise.all([
      readFrame(context, request),
      queues.link.run(() => previewOf(asked)),
    ]);
    const untilMs = preview.until?.getTime() ?? askedAtMs;
    const view = { ...asked, of: thingsOf(asked), preview, which: inWords(asked) };
    return sendPage(reply, previewPage({ ...view, askedAtMs, untilMs, ...frame }));
  });

  app.post(path, async (request, reply) => {
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const untilMs = Number(form.get('until'));
    // The page of an earlier version has no other time, while servers are replaced.
    const askedAtMs = Number(form.get('asked-at') ?? untilMs);
    const total = Number(form.get('total'));
    const times = { askedAtMs, untilMs };
    const asked = readAsked(valuesOf(form), times, form.has('ref'));
    const rate = form.get('rate') ? Number(form.get('rate')) : null;
    const isRate = rate === null || (rate > 0 && Number.isFinite(rate));
    if (asked === null || !isRate || ![askedAtMs, untilMs, total].every(Number.isSafeInteger))
      return reply.status(400).send({ error: 'Bad Request' });
    const { action } = asked;
    const reason = reasonIn(form);
    const order = {
      ...{ action, of: thingsOf(asked), total, rate, reason },
      ...{ which: inWords(asked), by: operatorOf(request).name },
    };
    const auditor = auditorOf(request, logger);
    const id = await queues.link.run(() =>
      runs.start(order, (signal, run) =>
        stepsOf(asked, auditor, { rate: rate ?? undefined, reason, signal, run }, untilMs),
      ),
    );
    // The redirect keeps a reload of the page from repeating the action.
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

function thingsOf({ selection }: Asked): 'batches' | 'events' {
  return selection === GIVEN_UP ? 'events' : 'batches';
}

/** The button of another action than the first of its form has the name of that action. */
function withButton(values: Query): Query {
  const { redeliver } = values;
  return redeliver === undefined ? values : { ...values, action: 'redeliver', which: redeliver };
}

interface AskedTimes {
  /** When somebody saw the list, by the clock of Redis: what ended in the last hour is told from there. */
  askedAtMs: number;
  /** Until when the preview has counted; not known before it. */
  untilMs?: number;
}

/** Null when it makes no sense, as an address that somebody has changed. */
function readAsked(
  values: Query,
  { askedAtMs, untilMs }: AskedTimes,
  isSelected: boolean,
): Asked | null {
  const { action } = values;
  if (action !== 'retry' && action !== 'cancel' && action !== 'redeliver') return null;
  if (values.which === GIVEN_UP) {
    const whole = { query: readListQuery({}), references: null, selection: GIVEN_UP } as const;
    return action === 'redeliver' ? { action, ...whole } : null;
  }
  const query = readListQuery(values);
  if (queryFault(query, askedAtMs) !== null) return null;
  const given = [values.ref ?? []].flat();
  const references = isSelected
    ? given
        .filter((one): one is string => typeof one === 'string' && REFERENCE_PATTERN.test(one))
        .slice(0, MAX_SELECTED)
    : null;
  const selection: BulkSelection = references
    ? { references }
    : endingAt(filterFor(action, query, askedAtMs), untilMs);
  try {
    checkSelection(action, selection);
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
  return { action, query, references, selection };
}

/** Where the preview has ended, and no later than what was asked for. */
function endingAt(filter: BatchFilter, untilMs: number | undefined): BatchFilter {
  if (untilMs === undefined) return filter;
  const lastMs = filter.until?.getTime() ?? untilMs;
  return { ...filter, until: new Date(Math.min(untilMs, lastMs)) };
}

/** The list says what is wrong with the times of an address. */
function wayBack(values: Query, now: number): string {
  const query = readListQuery(values);
  return queryFault(query, now) === null ? BATCHES_PATH : listPath(query);
}

/** Of the list of all batches, those that have ended have an event. */
function filterFor(action: BulkAction, query: ListQuery, askedAtMs: number): BatchFilter {
  const filter = filterOf(query, askedAtMs);
  if (action !== 'redeliver') return filter;
  const states = [filter.state ?? []].flat();
  return { ...filter, state: states.filter((state) => ENDED.has(state)) };
}

/** As an address is parsed: a text, or a list of what is given several times. */
function valuesOf(form: URLSearchParams): Query {
  const names = [...new Set(form.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

/** `failed, product LOAN_APP` */
function inWords({ action, query, references, selection }: Asked): string {
  if (selection === GIVEN_UP) return 'given up';
  if (references) return `${plural(references.length, 'selected batch', 'selected batches')}`;
  return parametersOf({ ...query, sort: 'newest' })
    .map(([name, value]) => {
      if (name === 'from' || name === 'to') return `${name} ${wordsOf(value)}`;
      if (name !== 'show') return `${name === 'q' ? 'with' : name} ${value || 'none'}`;
      return action === 'redeliver' && value === 'all' ? 'all that have ended' : value;
    })
    .join(', ');
}
