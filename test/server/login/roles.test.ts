import { expect, it } from 'vitest';
import type { ClientQueues } from '../../../src/batches/client-queues.js';
import { pauseSending, planPause } from '../../../src/batches/pause.js';
import { webhookPayload } from '../../../src/jobs/state/webhook-state.js';
import { redisTimeMs } from '../../../src/redis/clock.js';
import { createRecord } from '../../../src/server/dashboard/batches/bulk/bulk-record.js';
import { plant } from '../../helpers/planted-batches.js';
import { openTestQueues } from '../../helpers/test-queues.js';
import { createServer } from '../test-server.js';
import { PASSWORD, writeUsers } from './write-users.js';

/** Every page, with what an operator is offered there, by the end of its route or its word. */
const OFFERED: Record<string, readonly string[]> = {
  batches: ['/pause"', '/resume"', '"given-up"', 'Cancel selected', 'type="checkbox"'],
  'batches?show=failed': ['Retry selected', 'Retry all'],
  'batches/runs': ['/resume"', '/poll"', '/deadline"', '/cancel"'],
  'batches/failed': ['/retry"', '/erase"'],
  'batches/cancelled': ['/retry"', '/erase"'],
  'batches/completed': ['/erase"', '/redeliver"'],
  workers: ['/resume"'],
  'bulk/one': ['/resume"', '/abort"'],
};

/** The forms that change nothing. */
const HARMLESS = /<form class="(?:search|narrow)"[\s\S]*?<\/form>/g;

async function plantAll(queues: ClientQueues): Promise<void> {
  await plant(queues, [
    { reference: 'runs', state: 'processing' },
    { reference: 'failed', state: 'failed' },
    { reference: 'cancelled', state: 'cancelled' },
    { reference: 'completed', state: 'completed' },
  ]);
  await pauseSending(queues, await planPause(queues, { by: 'alice' }));
  const { webhooks, link } = queues;
  const summary = { eventId: 'e', completedAt: new Date(0).toISOString() } as never;
  const options = { jobId: 'done-completed' };
  await webhooks.add('batch.completed', webhookPayload('batch.completed', summary), options);
  await link.redis.lrem(webhooks.toKey('wait'), 1, 'done-completed');
  await link.redis.zadd(webhooks.toKey('failed'), 1, 'done-completed');
  const startedAt = Math.floor(await redisTimeMs(link.redis));
  const order = { action: 'retry', of: 'batches', total: 1, rate: 1, by: 'alice' } as const;
  await createRecord(queues, { ...order, which: 'failed', id: 'one', startedAt });
}

async function start() {
  const { queues, url, prefix } = openTestQueues();
  const path = await writeUsers({ alice: 'operate', bob: 'view' });
  const { server } = await createServer({
    ...{ DASHBOARD_USERS_FILE: path, REDIS_URL: url, QUEUE_PREFIX: prefix },
  });
  const read = (name: string, page: string) => {
    const authorization = `Basic ${Buffer.from(`${name}:${PASSWORD}`).toString('base64')}`;
    const headers = { authorization, accept: 'text/html' };
    return server.app.inject({ url: `/dashboard/${page}`, headers });
  };
  return { queues, read };
}

it('the role view is offered nothing that would be refused, and operators all of it', async () => {
  const { queues, read } = await start();
  await plantAll(queues);
  for (const [page, offered] of Object.entries(OFFERED)) {
    const { body } = await read('alice', page);
    expect([page, offered.filter((one) => !body.includes(one))]).toEqual([page, []]);
    const viewed = await read('bob', page);
    expect([page, viewed.statusCode]).toEqual([page, 200]);
    const left = viewed.body.replace(HARMLESS, '');
    expect([page, left.match(/<form|<details|type="checkbox"/)?.[0]]).toEqual([page, undefined]);
    // It is told all the same what there is to know.
    expect(viewed.body).toContain('Paused by alice');
  }
});

it('what an action on many batches would cost is for operators', async () => {
  const { queues, read } = await start();
  await plantAll(queues);
  const preview = 'bulk?action=retry&show=failed&which=all';
  expect((await read('alice', preview)).body).toContain('Retry 1 batch?');
  const { statusCode, body } = await read('bob', preview);
  expect([statusCode, body.includes('your role may change nothing')]).toEqual([403, true]);
});
