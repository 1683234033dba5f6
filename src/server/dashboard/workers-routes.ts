/** The route of the page of workers. */
import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';
import { DASHBOARD_PATH, WORKERS_PATH } from './dashboard-path.js';
import { readFrame } from './frame/read-frame.js';
import { sendPage } from './frame/send-page.js';
import { workersPage } from './workers-page.js';

export async function workersRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  app.get(WORKERS_PATH.slice(DASHBOARD_PATH.length), async (request, reply) =>
    sendPage(reply, workersPage(await readFrame(context, request))),
  );
}
