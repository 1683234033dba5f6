/**
 * Bull Board with names for jobs that a person can find: the reference and the progress of a batch.
 * Long data and progress are cut to what fits a screen.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../context.js';
import { DASHBOARD_PATH } from './dashboard-path.js';
import { nameOfBatch, nameOfEvent, nameOfPoll, shortened } from './job-names.js';

/** Bull Board loads its scripts from files and has styles in attributes. It loads no fonts. */
const CONTENT_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const FONT = 'Inter, ui-sans-serif, system-ui, sans-serif';

const BOARD = {
  boardTitle: 'atlas-batch',
  hideRedisDetails: true,
  hideDocsLink: true,
  // The log has the steps of a job.
  jobDetails: { defaultTab: 'Logs' as const },
  favIcon: { default: 'data:,', alternative: 'data:,' },
  theme: {
    light: { primary: '#4f46e5', 'font-sans': FONT },
    dark: { primary: '#a5b4fc', 'font-sans': FONT },
  },
  miscLinks: [{ text: 'Batches', url: `${DASHBOARD_PATH}/batches` }],
  // Counting workers would ask for CLIENT LIST at each refresh. The page of batches counts them.
  showWorkers: false,
};

export async function bullBoard(app: FastifyInstance, { queues }: ServerContext): Promise<void> {
  const serverAdapter = new FastifyAdapter();
  serverAdapter.setBasePath(DASHBOARD_PATH);
  createBullBoard({
    queues: [
      adapterOf(queues.batches, 'Batches of callers', nameOfBatch),
      // A poll job always completes. No batch would wait for the retry of one.
      adapterOf(queues.pollJobs, 'Poll jobs of Atlas batches', nameOfPoll, { allowRetries: false }),
      adapterOf(queues.completions, 'Completion events', nameOfEvent),
    ],
    serverAdapter,
    options: { uiConfig: BOARD },
  });
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('content-security-policy', CONTENT_POLICY);
    });
    await scope.register(serverAdapter.registerPlugin());
  });
}

function adapterOf<T, R>(
  queue: Queue<T, R>,
  description: string,
  nameOf: (job: object) => string,
  options: { allowRetries?: boolean } = {},
): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, { ...options, description });
  adapter.setFormatter('name', nameOf);
  for (const field of ['data', 'progress', 'returnValue'] as const) {
    adapter.setFormatter(field, shortened);
  }
  return adapter;
}
