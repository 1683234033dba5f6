import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { openQueues } from '../../../src/batches/client-queues.js';
import { borrowLink } from '../../../src/redis/client-link.js';
import { type PlantedBatch, plant } from '../../helpers/planted-batches.js';
import { AUTHORIZATION, createServer, LOGIN, type TestServer } from '../test-server.js';

/** A server, and these batches in its Redis. */
export async function startWith(
  batches: readonly PlantedBatch[],
  of?: Pick<TestServer, 'prefix' | 'url'>,
) {
  const test = await createServer({
    ...LOGIN,
    ...(of && { REDIS_URL: of.url, QUEUE_PREFIX: of.prefix }),
  });
  const redis = new Redis(test.url, { maxRetriesPerRequest: null });
  const queues = openQueues(borrowLink(redis), test.prefix);
  onTestFinished(async () => {
    await queues.close();
    redis.disconnect();
  });
  await plant(queues, batches);
  return { ...test, queues };
}

export const get = async ({ server }: TestServer, url: string) => {
  const response = await server.app.inject({ url, headers: { authorization: AUTHORIZATION } });
  return { ...response, text: textOf(response.body), statusCode: response.statusCode };
};

export const post = ({ server }: TestServer, url: string, form: URLSearchParams | string) =>
  server.app.inject({
    method: 'POST',
    url,
    headers: {
      authorization: AUTHORIZATION,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: String(form),
  });

/** What a page says, without its tags. */
export const textOf = (body: string) => body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
/** Of the links to batches. */
export const referencesIn = (body: string) =>
  [...body.matchAll(/batches\/([\w-]+)"/g)].map(([, one]) => one);
/** The fields of the form of a page that is sent by POST. */
export function fieldsOf(body: string): URLSearchParams {
  const [, form = ''] =
    /<form method="post" action="[^"]*bulk"[^>]*>([\s\S]*?)<\/form>/.exec(body) ?? [];
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  return new URLSearchParams(
    fields.map(([, name = '', value = '']) => [name, value] as [string, string]),
  );
}

export const failed = (count: number, product = 'LOAN_APP'): PlantedBatch[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ reference: `${product.toLowerCase().replace('_', '-')}-${i}`, state: 'failed' },
    ...{ productType: product, code: i % 2 === 0 ? 'ATLAS_AUTH' : 'INCOMPLETE', present: 1 },
    // Those of other products have ended later.
    endedAt: Date.now() - (product === 'LOAN_APP' ? 60_000 : 30_000) + i,
  }));
