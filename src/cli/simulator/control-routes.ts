/**
 * `/__simulator`: what a test in another language asks of the stand-ins by HTTP: the requests that they got,
 * faults, what documents hold, and scans. It asks for no login, as the stand-ins do not.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { UsageError } from '../../errors.js';
import type { AtlasFaultPlan, S3FaultPlan, Simulators } from '../../simulator/index.js';

const PATH = '/__simulator';
/** Scans of tests are small. */
const LIMIT_BYTES = 32 * 1024 * 1024;
/** Requests that are told at once. */
const MAX_REQUESTS = 1000;

const NAMES = ['atlas', 's3'] as const;
const faultsSchema = z.strictObject({
  atlas: z.looseObject({ rules: z.array(z.unknown()) }).optional(),
  s3: z.looseObject({ rules: z.array(z.unknown()) }).optional(),
});

export async function controlRoutes(app: FastifyInstance, simulators: Simulators): Promise<void> {
  await app.register(
    async (scope) => {
      scope.removeAllContentTypeParsers();
      const options = { parseAs: 'buffer', bodyLimit: LIMIT_BYTES } as const;
      scope.addContentTypeParser('*', options, (_request, body, done) => done(null, body));
      scope.setErrorHandler((error, _request, reply) => {
        if (!(error instanceof UsageError)) throw error;
        return reply.status(400).send({ error: error.message });
      });
      addRoutes(scope, simulators);
    },
    { prefix: PATH },
  );
}

function addRoutes(scope: FastifyInstance, { atlas, s3 }: Simulators): void {
  const byName = { atlas, s3 };

  scope.get('/', () =>
    Object.fromEntries(
      NAMES.map((name) => {
        const { url, requests } = byName[name];
        const faultsFired = byName[name].faultsFired();
        return [name, { url, requests: requests.table(), faultsFired }];
      }),
    ),
  );

  scope.get('/requests', () => {
    const startedAt = performance.timeOrigin;
    const all = NAMES.flatMap((name) =>
      byName[name].requestLog().map((record) => ({ ...record, to: name })),
    ).sort((a, b) => a.at - b.at);
    const requests = all.slice(-MAX_REQUESTS).map(({ to, endpoint, status, bytes, at }) => {
      return { at: new Date(startedAt + at).toISOString(), to, endpoint, status, bytes };
    });
    return { requests };
  });

  scope.put('/faults', ({ body }, reply) => {
    const { data } = faultsSchema.safeParse(jsonOf(body));
    if (data === undefined) {
      throw new UsageError(
        'the body must be {"atlas": {"rules": […]}, "s3": {"rules": […]}}, or one of both',
      );
    }
    // The stand-ins refuse what they do not know.
    if (data.atlas) atlas.setFaults(data.atlas as unknown as AtlasFaultPlan);
    if (data.s3) s3.setFaults(data.s3 as unknown as S3FaultPlan);
    return reply.status(204).send();
  });

  scope.delete('/faults', (_request, reply) => {
    for (const name of NAMES) byName[name].clearFaults();
    return reply.status(204).send();
  });

  scope.put('/documents', ({ body }, reply) => {
    atlas.setDocuments(jsonOf(body) as Record<string, never>);
    return reply.status(204).send();
  });

  scope.post('/complete', (_request, reply) => {
    atlas.completeNow();
    return reply.status(204).send();
  });

  scope.put<{ Params: { bucket: string; '*': string } }>(
    '/objects/:bucket/*',
    ({ params, body }, reply) => {
      s3.put(params.bucket, params['*'], Buffer.isBuffer(body) ? body : Buffer.alloc(0));
      return reply.status(204).send();
    },
  );
}

/** @throws UsageError for what is no JSON. */
function jsonOf(body: unknown): unknown {
  try {
    return JSON.parse(String(body ?? ''));
  } catch {
    throw new UsageError('the body must be JSON');
  }
}
