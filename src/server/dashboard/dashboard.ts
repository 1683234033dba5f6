/**
 * The pages for operators, behind one login. Only the listed routes may change something: all others
 * that Bull Board has, now or in a later version, are refused.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addBasePathToPages, prefixOf } from '../base-path.js';
import type { ServerContext } from '../context.js';
import { mayChange, operatorOf } from '../login/operator.js';
import { hasLogin, requireLogin } from '../login/require-login.js';
import { refuseMethod, refuseUnknown } from '../refused-requests.js';
import { isForAsset } from './assets.js';
import { bulkRoutes } from './batches/bulk/bulk-routes.js';
import { batchPages } from './batches/routes.js';
import { bullBoard } from './bull-board.js';
import { BATCHES_PATH, DASHBOARD_PATH } from './dashboard-path.js';
import { answerErrorsByPages } from './frame/answer-errors.js';
import { pauseRoutes } from './pause/pause-routes.js';
import { acceptForms } from './read-form.js';
import { workersRoutes } from './workers-routes.js';

const BATCH_PATH = `${DASHBOARD_PATH}/batches/:reference`;
const MAY_CHANGE: ReadonlySet<string> = new Set([
  `POST ${BATCH_PATH}/poll`,
  `POST ${BATCH_PATH}/cancel`,
  `POST ${BATCH_PATH}/deadline`,
  `POST ${BATCH_PATH}/retry`,
  `POST ${DASHBOARD_PATH}/bulk`,
  `POST ${DASHBOARD_PATH}/bulk/:id/abort`,
  `POST ${BATCH_PATH}/redeliver`,
  `POST ${BATCH_PATH}/erase`,
  `POST ${DASHBOARD_PATH}/pause`,
  `POST ${DASHBOARD_PATH}/resume`,
]);

/** Adds the pages, unless they are off because nobody can log in. */
export async function dashboard(app: FastifyInstance, context: ServerContext): Promise<void> {
  if (!hasLogin(context)) return;
  const prefix = prefixOf(context.config);
  app.get('/', (_request, reply) => reply.redirect(BATCHES_PATH));
  await app.register(
    async (scope) => {
      answerErrorsByPages(scope, context);
      addBasePathToPages(scope, prefix);
      await requireLogin(scope, context, isForAsset);
      scope.addHook('onRequest', refuseChanges);
      // Set in this scope, so that unknown paths ask for the login too.
      scope.setNotFoundHandler(refuseUnknown);
      acceptForms(scope);
      await scope.register(batchPages, context);
      await scope.register(workersRoutes, context);
      await scope.register(bulkRoutes, context);
      await scope.register(pauseRoutes, context);
      await scope.register(bullBoard, context);
    },
    { prefix: DASHBOARD_PATH },
  );
}

async function refuseChanges(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { method } = request;
  if (method === 'GET' || method === 'HEAD') return;
  if (!MAY_CHANGE.has(`${method} ${request.routeOptions.url}`)) {
    refuseMethod(request, reply);
  } else if (!isSameOrigin(request) || !mayChange(operatorOf(request))) {
    await reply.status(403).send({ error: 'Forbidden' });
  }
}

/** Whether a request comes from our own pages, according to the headers that browsers set. */
function isSameOrigin({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = headers;
  // Only hosts are compared: behind a proxy that ends TLS our scheme is not the browser's.
  return (
    origin !== undefined && host !== '' && URL.canParse(origin) && new URL(origin).host === host
  );
}
