/** The route of the page of workers. */
import type { FastifyInstance } from 'fastify';
import { UsageError } from '../../errors.js';
import type { ServerContext } from '../context.js';
import { describeMisspelt } from './batches/list/list-parameters.js';
import { DASHBOARD_PATH, WORKERS_PATH } from './dashboard-path.js';
import { readFrame } from './frame/read-frame.js';
import { sendPage } from './frame/send-page.js';
import { workersPage } from './workers-page.js';

export async function workersRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  const path = WORKERS_PATH.slice(DASHBOARD_PATH.length);
  app.get<{ Querystring: Readonly<Record<string, unknown>> }>(path, async (request, reply) => {
    // It takes none. Whoever asks for some workers would take all for them.
    const misspelt = describeMisspelt(Object.keys(request.query), []);
    if (misspelt.length > 0) throw new UsageError(misspelt.join(' '));
    return sendPage(reply, workersPage(await readFrame(context, request)));
  });
}
