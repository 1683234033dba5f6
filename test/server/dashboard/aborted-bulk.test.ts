import { expect, it } from 'vitest';
import type { AuditRecord } from '../../../src/jobs/audit-record.js';
import { plant } from '../../helpers/planted-batches.js';
import { openTestQueues } from '../../helpers/test-queues.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { PASSWORD, writeUsers } from '../login/write-users.js';
import { createServer, SILENT } from '../test-server.js';

/** A server with two operators, and what it writes into its audit log. */
async function start() {
  const { queues, url, prefix } = openTestQueues();
  const path = await writeUsers({ alice: 'operate', bob: 'operate' });
  const records: AuditRecord[] = [];
  const info = (fields: object) => void ('audit' in fields && records.push(fields as never));
  const { server } = await createServer(
    { DASHBOARD_USERS_FILE: path, REDIS_URL: url, QUEUE_PREFIX: prefix },
    { logger: { ...SILENT, info } },
  );
  const post = (name: string, url: string, form = '') =>
    server.app.inject({
      method: 'POST',
      url,
      headers: {
        authorization: `Basic ${Buffer.from(`${name}:${PASSWORD}`).toString('base64')}`,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload: form,
    });
  return { queues, records, post };
}

it('who aborts the action of somebody else is in the audit log, and whose it was', async () => {
  const { queues, records, post } = await start();
  await plant(
    queues,
    Array.from({ length: 6 }, (_, i) => ({ reference: `wait-${i}` })),
  );
  const form = 'action=cancel&show=running&until=9&total=6&rate=1&reason=ticket+7';
  const progress = String((await post('alice', '/dashboard/bulk', form)).headers.location);
  const run = progress.split('/').at(-1);
  const aborted = await post('bob', `${progress}/abort`);
  expect([aborted.statusCode, aborted.headers.location]).toEqual([303, progress]);
  await waitUntil('its end', () => records.some(({ outcome }) => outcome === 'broken off'));
  // It may have begun a moment later than somebody asks for its end.
  const recordOf = (of: string) => records.find(({ outcome }) => outcome === of);
  expect(recordOf('begun')).toMatchObject({ actor: 'alice', action: 'cancel', details: { run } });
  expect(recordOf('aborting')).toMatchObject({
    ...{ actor: 'bob', via: 'dashboard', address: '127.0.0.1', action: 'abort', reference: null },
    details: { run, action: 'cancel', by: 'alice' },
  });
  expect(recordOf('broken off')).toMatchObject({ actor: 'alice', details: { run } });

  await waitUntil('the end of its record', async () => {
    await post('bob', `${progress}/abort`);
    return records.at(-1)?.outcome === 'ended';
  });
  await post('bob', '/dashboard/bulk/nothing/abort');
  expect(records.at(-1)).toMatchObject({
    ...{ actor: 'bob', action: 'abort', outcome: 'unknown', details: { run: 'nothing' } },
  });
  expect(records.filter(({ action }) => action !== 'abort')).toHaveLength(2);
});
