/** What people say of a change: who makes it and why, by every way to say it. */
import { expect, it } from 'vitest';
import { gatePauseKey } from '../../src/jobs/keys/gate-keys.js';
import { runCommand } from '../cli/run-command.js';
import { startClient } from '../client/test-client.js';
import { plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { startQuietServer } from '../server/dashboard/test-pages.js';
import { AUTHORIZATION } from '../server/test-server.js';

const LONG = 'r'.repeat(501);
const TOO_LONG = 'has at most 500 characters';

it.each(['', ' ', '\t\n', 'n'.repeat(101)])('nobody pauses under the name %j', async (by) => {
  const { client, url, prefix } = startClient();
  const says = by.length > 100 ? 'has at most 100 characters' : 'is empty: it names who';
  await expect(client.pause({ by })).rejects.toThrow(`by ${says}`);
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const { code, stderr } = await runCommand(['pause', '--operator', by], environment);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`--operator ${says}`)]);
  expect(await client.paused()).toBeNull();
});

it('a pause whose by is undefined is of who makes changes through the client', async () => {
  const { client } = startClient();
  const { by } = await client.pause();
  expect(await client.pause({ by: undefined })).toMatchObject({ by });
});

it('a reason that says nothing is none', async () => {
  const { client, url, prefix } = startClient();
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  expect(await client.pause({ reason: ' \n' })).toMatchObject({ reason: null });
  const paused = await runCommand(['pause', '--reason', '', '--json'], environment);
  expect(JSON.parse(paused.stdout)).toMatchObject({ reason: null });
  expect(await client.pause({ reason: ' maintenance ' })).toMatchObject({ reason: 'maintenance' });
});

it('a reason that is longer than is written down is refused, and nothing is done', async () => {
  const { queues, url, prefix } = openTestQueues();
  await plant(queues, [{ reference: 'one' }]);
  const { client } = startClient({ url, prefix });
  const environment = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  for (const change of [
    () => client.pause({ reason: LONG }),
    () => client.cancel('one', LONG),
    () => client.retry('one', LONG),
    () => client.erase('one', { reason: LONG }),
    () => client.cancelMany({ references: ['one'] }, { reason: LONG }).next(),
  ])
    await expect(change()).rejects.toThrow(TOO_LONG);
  for (const command of [['pause'], ['cancel', 'one'], ['retry', 'one'], ['erase', 'one']]) {
    const { code, stderr } = await runCommand([...command, '--reason', LONG], environment);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`--reason ${TOO_LONG}`)]);
  }
  expect(await client.paused()).toBeNull();
  expect((await client.list({ state: 'queued' })).batches).toHaveLength(1);
});

it('a pause by a page is of who has logged in, whatever name is sent, and no reason of it is too long', async () => {
  const test = await startQuietServer();
  const post = (payload: string) =>
    test.server.app.inject({
      method: 'POST',
      url: '/dashboard/pause',
      headers: {
        authorization: AUTHORIZATION,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload,
    });
  const read = async () => JSON.parse((await test.redis.get(gatePauseKey(test.prefix))) ?? 'null');
  const refused = await post(`reason=${LONG}&for=1h`);
  expect([refused.statusCode, refused.body]).toEqual([400, expect.stringContaining(TOO_LONG)]);
  expect(await read()).toBeNull();
  await post('by=Asha&for=resume');
  expect(await read()).toMatchObject({ by: 'operator', reason: null });
});
