import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { AUTHORIZATION, createServer, LOGIN, type TestServer } from '../test-server.js';

/** A server and the queue of batches, without workers. */
export async function startQuietServer(environment: Record<string, string> = {}) {
  const test = await createServer({ ...LOGIN, ...environment });
  const redis = new Redis(test.url, { maxRetriesPerRequest: null });
  const batches = new Queue('atlas-batches', { connection: redis, prefix: test.prefix });
  onTestFinished(async () => {
    await batches.close();
    redis.disconnect();
  });
  return { ...test, redis, batches };
}

/** A page of batches. */
export const get = ({ server }: TestServer, path: string) =>
  server.app.inject({
    url: `/dashboard/batches${path}`,
    headers: { authorization: AUTHORIZATION },
  });

/** A change, as its form sends it. */
export const act = (
  { server }: TestServer,
  path: string,
  form = '',
  headers: Record<string, string> = {},
) =>
  server.app.inject({
    method: 'POST',
    url: `/dashboard/batches/${path}`,
    headers: {
      authorization: AUTHORIZATION,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    payload: form,
  });
