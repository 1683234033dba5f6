/** Changes for which nobody has given a reason, by every way to make one. */
import { expect, it } from 'vitest';
import type { AuditRecord } from '../../src/jobs/audit-record.js';
import { auditKey, cancelKey } from '../../src/jobs/keys/redis-keys.js';
import { runCommand } from '../cli/run-command.js';
import { startClient } from '../client/test-client.js';
import { plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startApi } from './api/test-api.js';
import { AUTHORIZATION, LOGIN, SILENT } from './test-server.js';

const BATCHES = ['one', 'many', 'api', 'cli', 'cli-all', 'client', 'client-many'];

async function start() {
  const { queues, url, prefix } = openTestQueues();
  const records: object[] = [];
  const info = (fields: object) => void ('audit' in fields && records.push(fields));
  const environment = { ...LOGIN, REDIS_URL: url, QUEUE_PREFIX: prefix };
  const api = await startApi(environment, { ...SILENT, info });
  const post = (path: string, form: string) =>
    api.server.app.inject({
      method: 'POST',
      url: `/dashboard/${path}`,
      headers: {
        authorization: AUTHORIZATION,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload: form,
    });
  /** What servers have logged, and what workers will, of changes that have ended. */
  const all = async () => {
    const relayed = await queues.link.redis.lrange(auditKey(prefix), 0, -1);
    const both = [...records, ...relayed.map((text) => JSON.parse(text))] as AuditRecord[];
    return both.filter(({ outcome }) => outcome !== 'begun');
  };
  return { ...api, queues, environment, post, all };
}

it('a cancel without a reason has none in the audit log, and its event says who asked for it', async () => {
  const { queues, prefix, url, environment, call, post, all } = await start();
  await plant(
    queues,
    BATCHES.map((reference) => ({ reference, productType: reference.toUpperCase() })),
  );
  await post('batches/one/cancel', 'reason=+');
  await post('bulk', 'action=cancel&show=running&product=MANY&until=9&total=1');
  await call('operate', 'POST /batches/api/cancel');
  for (const which of [['cli'], ['--product', 'CLI-ALL', '--yes']])
    expect((await runCommand(['cancel', ...which], environment)).code).toBe(0);
  const { client } = startClient({ url, prefix });
  await client.cancel('client');
  for await (const { changed } of client.cancelMany({ productType: 'CLIENT-MANY' }))
    expect(changed).toBe(1);
  const records = await waitUntil('all records', async () => {
    const found = await all();
    return found.length === BATCHES.length ? found : undefined;
  });
  expect(records.map(({ action, reason }) => [action, reason])).toEqual(
    BATCHES.map(() => ['cancel', null]),
  );
  const flags = await queues.link.redis.mget(BATCHES.map((one) => cancelKey(prefix, one)));
  expect(flags.map((flag) => JSON.parse(flag ?? 'null')?.reason)).toEqual([
    ...['cancelled by an operator', 'cancelled by an operator', 'cancelled by operate'],
    ...['cancelled by an operator', 'cancelled by an operator'],
    ...['cancelled by the caller', 'cancelled by the caller'],
  ]);
});

it('the reason of a retry is in the audit log and in the timelines, by every way to give one', async () => {
  const { queues, prefix, url, environment, all } = await start();
  const ways = ['named', 'all', 'one', 'many'];
  await plant(
    queues,
    ways.map((reference) => ({ reference, state: 'failed', productType: reference.toUpperCase() })),
  );
  const reason = 'ticket 7';
  for (const which of [['named'], ['--product', 'ALL', '--yes']])
    await runCommand(['retry', ...which, '--reason', reason], environment);
  const { client } = startClient({ url, prefix });
  await client.retry('one', reason);
  for await (const { changed } of client.retryMany({ productType: 'MANY' }, { reason }))
    expect(changed).toBe(1);
  expect((await all()).map((record) => [record.action, record.reason])).toEqual(
    ways.map(() => ['retry', reason]),
  );
  for (const reference of ways) {
    const { logs } = await queues.batches.getJobLogs(`batch-${reference}`);
    expect(logs).toEqual([expect.stringMatching(/retry by .*: retried, because: ticket 7$/)]);
  }
});

it('a retry of many has no reason in the audit log, and one that is given is in it', async () => {
  const { queues, post, all } = await start();
  await plant(queues, [{ reference: 'failed', state: 'failed' }]);
  const asked = 'action=retry&show=failed&until=9&total=1';
  for (const form of [asked, `${asked}&reason=+ticket+7+`]) {
    const before = (await all()).length;
    expect((await post('bulk', form)).statusCode).toBe(303);
    await waitUntil('its record', async () => (await all()).length > before);
  }
  expect((await all()).map(({ action, reason }) => [action, reason])).toEqual([
    ['retry', null],
    ['retry', 'ticket 7'],
  ]);
});
