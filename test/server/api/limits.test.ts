import Fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { openQueues } from '../../../src/batches/client-queues.js';
import { loadServerConfig } from '../../../src/config/environment.js';
import { openLink } from '../../../src/redis/client-link.js';
import { api } from '../../../src/server/api/api.js';
import { OPEN_LIMITS, OpenCalls } from '../../../src/server/api/open-calls.js';
import { ApiProblem } from '../../../src/server/api/problem.js';
import type { ServerContext } from '../../../src/server/context.js';
import { createServerMetrics } from '../../../src/server/health/server-metrics.js';
import { connectionTo, testRedis } from '../../helpers/redis.js';
import { SILENT } from '../test-server.js';
import { TOKEN_LINES, TOKENS } from './test-api.js';

it('a token and the process have a limit of calls that are open at once', () => {
  const calls = new OpenCalls({ ...OPEN_LIMITS, wait: { token: 2, process: 3 } });
  const close = calls.open('wait', 'a');
  calls.open('wait', 'a');
  expect(() => calls.open('wait', 'a')).toThrow(ApiProblem);
  calls.open('wait', 'b');
  expect(() => calls.open('wait', 'b')).toThrow('too many open calls of this kind (wait)');
  close();
  close();
  calls.open('wait', 'b');
  expect(() => calls.open('wait', 'a')).toThrow(ApiProblem);
});

it('a token that calls too often is told when to come again, and others go on', async () => {
  const { url, prefix } = testRedis();
  const link = openLink(connectionTo(url));
  const queues = openQueues(link, prefix);
  const app = Fastify();
  onTestFinished(async () => {
    await app.close();
    await queues.close();
    link.close();
  });
  const config = loadServerConfig({ REDIS_URL: url, API_TOKENS: TOKEN_LINES.join('\n') });
  const metrics = createServerMetrics(queues, config);
  const context = { config, queues, metrics, logger: SILENT } as unknown as ServerContext;
  await api(app, context, {
    withLogin: false,
    limits: { requestsInWindow: 3, open: OPEN_LIMITS },
  });
  const call = (as: string) =>
    app.inject({
      url: '/api/v1/batches/x',
      headers: { authorization: `Bearer ${TOKENS[as] ?? as}` },
    });
  const calls = await Promise.all(Array.from({ length: 5 }, () => call('readA')));
  expect(calls.map(({ statusCode }) => statusCode).sort()).toEqual([404, 404, 404, 429, 429]);
  const limited = await call('readA');
  expect(limited.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
  expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
  expect((await call('submitA')).statusCode).toBe(404);
  expect((await call('nobody')).statusCode).toBe(401);
  const { values } = await metrics.apiRequests.get();
  const counts = new Map(values.map(({ labels, value }) => [labels.status, value]));
  expect(['404', '429', '401', '500'].map((status) => counts.get(status))).toEqual([4, 3, 1, 0]);
});
