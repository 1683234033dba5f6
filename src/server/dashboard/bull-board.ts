/**
 * Bull Board with names for jobs that a person can find: the reference and the progress of a batch, to whose
 * page each job links. Long data and progress are cut to what fits a screen. It shows, and changes nothing: a
 * job that is edited, cleaned or drained away has no event. What may be done is on our own pages.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { AppControllerRoute, QueueJobJson } from '@bull-board/api/typings/app';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import { prefixOf } from '../base-path.js';
import type { ServerContext } from '../context.js';
import { DASHBOARD_PATH } from './dashboard-path.js';
import { withBanner } from './frame/board-banner.js';
import { readSystemIfThere } from './frame/read-frame.js';
import { nameOfBatch, nameOfEvent, nameOfPoll, referenceOf, shortened } from './job-names.js';

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

/** Its page asks a host of fonts for a style sheet, which nobody needs to know of. */
const FOREIGN_STYLE = /<link [^>]*href="https?:[^>]*>/g;

const LIGHT = {
  primary: '#4f46e5',
  'sidebar-primary': '#3730a3',
  'muted-foreground': '#3f4854',
};
const DARK = { primary: '#a5b4fc', 'muted-foreground': '#b4bdc9' };
const FONT = 'Inter, ui-sans-serif, system-ui, sans-serif';

const boardConfig = (path: string) => ({
  boardTitle: 'atlas-batch',
  hideRedisDetails: true,
  hideDocsLink: true,
  // The log has the steps of a job.
  jobDetails: { defaultTab: 'Logs' as const },
  favIcon: { default: 'data:,', alternative: 'data:,' },
  // Its own colours for small texts are too pale to be read by all.
  theme: {
    light: { ...LIGHT, 'font-sans': FONT },
    dark: { ...DARK, 'font-sans': FONT },
  },
  miscLinks: [{ text: 'Batches', url: `${path}/batches` }],
  // Counting workers would ask for CLIENT LIST at each refresh. The page of batches counts them.
  showWorkers: false,
});

/** Routes that change something are not even there. */
class ReadingAdapter extends FastifyAdapter {
  override setApiRoutes(routes: AppControllerRoute[]): FastifyAdapter {
    return super.setApiRoutes(
      routes.filter(({ method }) => [method].flat().every((one) => one === 'get')),
    );
  }
}

export async function bullBoard(app: FastifyInstance, context: ServerContext): Promise<void> {
  const { queues, config } = context;
  const path = prefixOf(config) + DASHBOARD_PATH;
  const serverAdapter = new ReadingAdapter();
  // Its page is sent with BASE_PATH before it, as all are.
  serverAdapter.setBasePath(DASHBOARD_PATH);
  createBullBoard({
    queues: [
      adapterOf(queues.batches, 'Batches of callers', nameOfBatch, path),
      adapterOf(queues.pollJobs, 'Poll jobs of Atlas batches', nameOfPoll, path),
      adapterOf(queues.completions, 'Completion events', nameOfEvent, path),
      adapterOf(queues.webhooks, 'Events on their way to the webhook', nameOfEvent, path),
    ],
    serverAdapter,
    options: { uiConfig: boardConfig(path) },
  });
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('content-security-policy', CONTENT_POLICY);
    });
    scope.addHook('onSend', async (_request, reply, payload) => {
      const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
      // Errors are pages of ours, which say it themselves, and only to those who have logged in.
      const isTheirs = isPage && reply.statusCode === 200;
      if (!isTheirs || typeof payload !== 'string') return payload;
      reply.removeHeader('content-length').header('cache-control', 'no-store');
      const system = await readSystemIfThere(context);
      return withBanner(payload.replace(FOREIGN_STYLE, ''), system, prefixOf(config));
    });
    await scope.register(serverAdapter.registerPlugin());
  });
}

function adapterOf<T, R>(
  queue: Queue<T, R>,
  description: string,
  nameOf: (job: object) => string,
  path: string,
): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    description,
    readOnlyMode: true,
    externalJobUrl: (job) => linkToBatch(job, path),
  });
  adapter.setFormatter('name', nameOf);
  for (const field of ['data', 'progress', 'returnValue'] as const) {
    adapter.setFormatter(field, shortened);
  }
  return adapter;
}

function linkToBatch(job: QueueJobJson, path: string): { displayText: string; href: string } {
  const reference = referenceOf(job);
  const href =
    reference === null ? `${path}/batches` : `${path}/batches/${encodeURIComponent(reference)}`;
  return { displayText: 'Batch', href };
}
