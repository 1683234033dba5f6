/**
 * The pages for operators, behind one login. Only the listed routes may change something: all others
 * that Bull Board has, now or in a later version, are refused.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServerContext } from '../context.js';
import { batchPages } from './batches/routes.js';
import { bullBoard } from './bull-board.js';
import { isSameOrigin, requireLogin } from './dashboard-login.js';
import { DASHBOARD_PATH } from './dashboard-path.js';

const JOB_PATH = `${DASHBOARD_PATH}/api/queues/:queueName/:jobId`;
const BATCH_PATH = `${DASHBOARD_PATH}/batches/:reference`;
const MAY_CHANGE: ReadonlySet<string> = new Set([
  `PUT ${JOB_PATH}/retry`,
  `PUT ${JOB_PATH}/promote`,
  `POST ${BATCH_PATH}/poll`,
  `POST ${BATCH_PATH}/cancel`,
  `POST ${BATCH_PATH}/retry`,
]);

/** Adds the pages, unless they are off because no credentials are set. */
export async function dashboard(app: FastifyInstance, context: ServerContext): Promise<void> {
  const credentials = () => {
    const { DASHBOARD_USER: user, DASHBOARD_PASSWORD: password } = context.config;
    return user === null || password === null ? [] : [{ user, password }];
  };
  if (credentials().length === 0) return;
  await app.register(
    async (scope) => {
      await requireLogin(scope, context, credentials);
      scope.addHook('onRequest', refuseChanges);
      // Set in this scope, so that unknown paths ask for the login too.
      scope.setNotFoundHandler((_request, reply) => reply.status(404).send({ error: 'Not Found' }));
      await scope.register(batchPages, context);
      await scope.register(bullBoard, context);
    },
    { prefix: DASHBOARD_PATH },
  );
}

async function refuseChanges(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { method } = request;
  if (method === 'GET' || method === 'HEAD') return;
  if (!MAY_CHANGE.has(`${method} ${request.routeOptions.url}`)) {
    await reply.status(405).header('allow', 'GET, HEAD').send({ error: 'Method Not Allowed' });
  } else if (!isSameOrigin(request)) {
    await reply.status(403).send({ error: 'Forbidden' });
  }
}
