import { expect, it } from 'vitest';
import {
  createRecord,
  updateRecord,
} from '../../../src/server/dashboard/batches/bulk/bulk-record.js';
import { type PlantedBatch, plant } from '../../helpers/planted-batches.js';
import { plantSlowSearch } from '../../helpers/slow-search.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { AUTHORIZATION } from '../test-server.js';
import { failed, fieldsOf, get, post, referencesIn, startWith } from './planted-pages.js';

it('all that fit are retried after a page that says what it will cost, and any server shows how far it is', async () => {
  const test = await startWith([...failed(30), ...failed(3, 'CREDIT_CARD')]);
  const other = await startWith([], test);
  const asked = '/dashboard/bulk?action=retry&show=failed&product=LOAN_APP&which=all';
  const preview = await get(test, asked);
  expect(preview.text).toContain('Retry 30 batches? failed, product LOAN_APP');
  expect(preview.text).toContain(
    '30 Atlas batches are read once more, and at most 30 documents sent.',
  );
  expect(await test.queues.batches.getFailedCount()).toBe(33);
  const started = await post(test, '/dashboard/bulk', fieldsOf(preview.body));
  expect(started.statusCode).toBe(303);
  const progress = String(started.headers.location);
  await waitUntil('the end of it', async () =>
    (await get(other, progress)).text.includes('It is done'),
  );
  expect((await get(other, progress)).text).toContain('30 of 30 batches retried');
  expect((await get(other, progress)).text).toContain(
    'failed, product LOAN_APP; begun by operator',
  );
  expect(await test.queues.batches.getFailedCount()).toBe(3);
  const list = await get(other, '/dashboard/batches?show=failed');
  expect(list.text).toContain('Retry of 30 batches by operator: done, 30 retried');
});

it('the page of what it will cost does not say that nothing is meant, or how much, where not all were searched', async () => {
  const line = Array.from(
    { length: 5001 },
    (_, i): PlantedBatch => ({ reference: `line-${i}`, state: 'in-line' }),
  );
  const test = await startWith(line);
  const asked = '/dashboard/bulk?action=cancel&show=running&state=queued&which=all';
  const none = await get(test, asked);
  expect(none.text).toContain('Cancel all that fit? running, state queued');
  expect(none.text).toContain('None was found, but not all were searched');
  await plant(test.queues, [{ reference: 'waits' }]);
  const one = await get(test, asked);
  expect(one.text).toContain('Cancel at least 1 batch?');
  expect(one.text).toContain('At least, for not all were counted: 0 Atlas batches');
  const started = await post(test, '/dashboard/bulk', fieldsOf(none.body));
  const progress = String(started.headers.location);
  await waitUntil('the end of it', async () =>
    (await get(test, progress)).text.includes('It is done'),
  );
  expect((await get(test, progress)).text).toContain('Cancel of 1 batch running');
});

it('the events of all that have ended and fit go to the webhook again, where there is one', async () => {
  const ended: PlantedBatch[] = ['a', 'b'].map((reference) => ({
    ...{ reference, state: 'completed', productType: 'MORTGAGE' },
  }));
  const test = await startWith([...failed(2), ...ended, { reference: 'waits' }]);
  const { webhooks } = test.queues;
  const completed = '/dashboard/batches?show=completed';
  expect((await get(test, completed)).text).not.toContain('Redeliver');
  await webhooks.add('batch.completed', { data: {} } as never, { jobId: 'done-other' });
  expect((await get(test, completed)).text).toContain('Redeliver all 2…');
  expect((await get(test, '/dashboard/batches?show=failed')).text).toContain(
    'Retry all 2… Redeliver selected… Redeliver all 2…',
  );
  const asked = '/dashboard/bulk?action=retry&show=all&redeliver=all';
  const preview = await get(test, asked);
  expect(preview.text).toContain('Redeliver 4 batches?');
  await post(test, '/dashboard/bulk', fieldsOf(preview.body));
  await waitUntil('their events', async () => (await webhooks.getWaitingCount()) === 5);
  const one = await get(test, '/dashboard/bulk?show=failed&redeliver=selected&ref=a&ref=waits');
  expect(one.text).toContain('Redeliver 1 batch?');
});

it('all events that were given up go to the webhook again, of batches that are gone too, with progress and abort', async () => {
  const test = await startWith([]);
  const other = await startWith([], test);
  const { webhooks, link } = test.queues;
  const ids = ['a', 'b', 'c'].map((reference) => `done-${reference}`);
  for (const jobId of ids) {
    await webhooks.add('batch.completed', { data: {} } as never, { jobId });
    await link.redis.lrem(webhooks.toKey('wait'), 1, jobId);
    await link.redis.zadd(webhooks.toKey('failed'), 1, jobId);
    await link.redis.hset(webhooks.toKey(jobId), { finishedOn: 1, failedReason: '410' });
  }
  const list = await get(test, '/dashboard/batches');
  expect(list.text).toContain('3 webhooks were given up');
  expect(list.text).toContain('Send all of them again…');
  const preview = await get(test, '/dashboard/bulk?action=redeliver&which=given-up');
  expect(preview.text).toContain('Redeliver 3 events?');
  expect(preview.text).toContain('Each goes to the webhook again, with the same webhook-id');
  expect(await webhooks.getFailedCount()).toBe(3);

  const form = fieldsOf(preview.body);
  form.set('rate', '1');
  form.set('reason', 'the receiver is repaired');
  const first = String((await post(test, '/dashboard/bulk', form)).headers.location);
  await waitUntil('a first one', async () =>
    (await get(other, first)).text.includes('1 of 3 events redelivered. It is under way'),
  );
  await post(other, `${first}/abort`, '');
  await waitUntil('its abort', async () =>
    (await get(other, first)).text.includes('It is aborted'),
  );
  expect((await get(other, first)).text).toContain('the other events are as they were.');

  const left = await webhooks.getFailedCount();
  expect(left).toBeGreaterThan(0);
  const again = await get(other, '/dashboard/bulk?action=redeliver&which=given-up');
  const second = String(
    (await post(other, '/dashboard/bulk', fieldsOf(again.body))).headers.location,
  );
  await waitUntil('the end of it', async () =>
    (await get(test, second)).text.includes('It is done'),
  );
  expect(await webhooks.getWaitingCount()).toBe(3);
  expect((await get(test, '/dashboard/batches')).text).toContain(
    `Redeliver of ${left === 1 ? '1 event' : `${left} events`} by operator: done, ${left} redelivered`,
  );
  const none = await get(test, '/dashboard/bulk?action=redeliver&which=given-up');
  expect(none.text).toContain('Nothing to redeliver');
  expect(none.text).toContain('No event is given up.');
});

it('an event that is given up after the preview is not sent with those that it counted', async () => {
  const test = await startWith([]);
  const { webhooks, link } = test.queues;
  const giveUp = async (jobId: string, at: number) => {
    await webhooks.add('batch.completed', { data: {} } as never, { jobId });
    await link.redis.lrem(webhooks.toKey('wait'), 1, jobId);
    await link.redis.zadd(webhooks.toKey('failed'), at, jobId);
    await link.redis.hset(webhooks.toKey(jobId), { finishedOn: at, failedReason: '410' });
  };
  await giveUp('done-early', 1);
  const preview = await get(test, '/dashboard/bulk?action=redeliver&which=given-up');
  await giveUp('done-late', Date.now() + 60_000);
  const form = fieldsOf(preview.body);
  const started = await post(test, '/dashboard/bulk', form);
  await waitUntil('the end of it', async () =>
    (await get(test, String(started.headers.location))).text.includes('It is done'),
  );
  expect(await link.redis.zrange(webhooks.toKey('failed'), 0, '-1')).toEqual(['done-late']);
});

it('all that fit means those too whose producer has a clock that is ahead, as the list does', async () => {
  const ahead = Date.now() + 30_000;
  const test = await startWith([
    ...['wait-1', 'wait-2'].map((reference) => ({ reference, addedAt: ahead })),
    { reference: 'runs', state: 'processing', addedAt: ahead },
    { reference: 'now', addedAt: Date.now() },
    { reference: 'early' },
  ]);
  const since = 'show=running&since=1h';
  const list = await get(test, `/dashboard/batches?${since}`);
  expect(list.text).toContain('Cancel all 4…');
  const preview = await get(test, `/dashboard/bulk?action=cancel&${since}&which=all`);
  expect(preview.text).toContain('Cancel 4 batches?');
  const form = fieldsOf(preview.body);
  form.set('reason', 'sent by mistake');
  const progress = String((await post(test, '/dashboard/bulk', form)).headers.location);
  await waitUntil('the end of it', async () =>
    (await get(test, progress)).text.includes('It is done'),
  );
  expect((await get(test, progress)).text).toContain('4 of 4 batches cancelled');
  expect(await test.queues.link.redis.exists(`${test.prefix}:cancel:early`)).toBe(0);
});

it('all events that were given up means those too that a worker gave up by a clock that is ahead', async () => {
  const test = await startWith([]);
  const { webhooks, link } = test.queues;
  const at = Date.now() + 30_000;
  await webhooks.add('batch.completed', { data: {} } as never, { jobId: 'done-a' });
  await link.redis.lrem(webhooks.toKey('wait'), 1, 'done-a');
  await link.redis.zadd(webhooks.toKey('failed'), at, 'done-a');
  await link.redis.hset(webhooks.toKey('done-a'), { finishedOn: at, failedReason: '410' });
  const preview = await get(test, '/dashboard/bulk?action=redeliver&which=given-up');
  expect(preview.text).toContain('Redeliver 1 event?');
  const started = await post(test, '/dashboard/bulk', fieldsOf(preview.body));
  await waitUntil('the end of it', async () =>
    (await get(test, String(started.headers.location))).text.includes('It is done'),
  );
  expect(await webhooks.getFailedCount()).toBe(0);
});

it('above a list by nearest deadline it is said that all that fit are more than the list has, and so many are meant', async () => {
  const test = await startWith([
    { reference: 'waits', tenant: 'branch-1' },
    { reference: 'in-line', state: 'in-line', tenant: 'branch-1' },
    { reference: 'of-another', tenant: 'branch-2' },
    { reference: 'runs', state: 'processing', tenant: 'branch-1' },
  ]);
  const asked = 'show=running&tenant=branch-1&sort=deadline';
  const list = await get(test, `/dashboard/batches?${asked}`);
  expect(referencesIn(list.body)).toEqual(['runs']);
  expect(list.text).toContain('Cancel all 3…');
  expect(list.text).toContain('2 of all 3 are not in this list, for their deadline does not run.');
  const preview = await get(test, `/dashboard/bulk?action=cancel&${asked}&which=all`);
  expect(preview.text).toContain('Cancel 3 batches?');
  expect(preview.text).toContain(
    'running, tenant branch-1, whether their deadline runs or not: a list by nearest deadline has not all of them',
  );
  const selected = await get(
    test,
    `/dashboard/bulk?action=cancel&${asked}&which=selected&ref=runs`,
  );
  expect(selected.text).not.toContain('nearest deadline');
  const form = fieldsOf(preview.body);
  form.set('reason', 'sent by mistake');
  const progress = String((await post(test, '/dashboard/bulk', form)).headers.location);
  await waitUntil('the end of it', async () =>
    (await get(test, progress)).text.includes('3 of 3 batches cancelled'),
  );

  const none = await get(test, `/dashboard/batches?${asked}&state=queued`);
  expect(none.text).toContain('Cancel all 1…');
  expect(none.text).toContain('1 of all 1 is not in this list, for its deadline does not run.');
  expect(none.text).toContain('Nothing in this order');
  expect(none.text).not.toContain('Nothing fits');
  const newest = await get(test, '/dashboard/batches?show=running&tenant=branch-1');
  expect(newest.text).not.toContain('not in this list');
});

it('a redelivery of all batches says that it means those that have ended', async () => {
  const test = await startWith([
    { reference: 'waits' },
    { reference: 'ended', state: 'completed' },
  ]);
  const preview = await get(test, '/dashboard/bulk?action=redeliver&show=all&which=all');
  expect(preview.text).toContain('Redeliver 1 batch? all that have ended');
});

it('selected batches are cancelled with a reason, at a rate, until somebody aborts it', async () => {
  const running = Array.from({ length: 6 }, (_, i): PlantedBatch => ({ reference: `wait-${i}` }));
  const test = await startWith([...running, ...failed(1)]);
  const refs = running.map(({ reference }) => `ref=${reference}`).join('&');
  const asked = `/dashboard/bulk?action=cancel&show=running&which=selected&${refs}&ref=loan-app-0`;
  const preview = await get(test, asked);
  expect(preview.text).toContain('Cancel 6 batches? 7 selected batches');
  expect(preview.text).toContain(
    'Of those that were selected 1 is left out, in another state by now.',
  );
  const form = fieldsOf(preview.body);
  form.set('reason', 'sent by <mistake>');
  form.set('rate', '1');
  const progress = String((await post(test, '/dashboard/bulk', form)).headers.location);
  await waitUntil('a first one', async () => (await get(test, progress)).text.includes(' 1 of '));
  expect((await get(test, progress)).text).toContain('Abort');
  await post(test, `${progress}/abort`, '');
  await waitUntil('its abort', async () =>
    (await get(test, progress)).text.includes('It is aborted'),
  );
  const flags = await test.queues.link.redis.get(`${test.prefix}:cancel:wait-0`);
  expect(JSON.parse(flags ?? '').reason).toBe('sent by <mistake>');
  expect(await test.queues.link.redis.get(`${test.prefix}:cancel:wait-5`)).toBeNull();
});

it('an action on many batches ends with its server, and says so', async () => {
  const test = await startWith(failed(5));
  const other = await startWith([], test);
  const preview = await get(test, '/dashboard/bulk?action=retry&show=failed&which=all');
  const form = fieldsOf(preview.body);
  form.set('rate', '1');
  const progress = String((await post(test, '/dashboard/bulk', form)).headers.location);
  await test.server.stop();
  const { text } = await get(other, progress);
  expect(text).toContain('It is ended, for its server was stopped');
  expect(text).toContain('What was done stays; the other batches are as they were.');
});

it('a server that stops does not wait until an action has searched all batches', async () => {
  const test = await startWith([]);
  const other = await startWith([], test);
  const calls = await plantSlowSearch(test.queues, failed(12), 100);
  const form = `action=retry&show=failed&q=none&until=${Date.now()}&total=0`;
  const progress = String((await post(test, '/dashboard/bulk', form)).headers.location);
  await waitUntil('a first call', () => calls() > 0);
  await test.server.stop();
  const { text } = await get(other, progress);
  expect(text).toContain('It is ended, for its server was stopped');
  expect(calls()).toBeLessThan(12);
});

it('what makes no sense, comes from elsewhere or selects nothing changes nothing', async () => {
  const test = await startWith(failed(2));
  expect((await post(test, '/dashboard/bulk', 'action=erase')).statusCode).toBe(400);
  const all = `action=retry&show=failed&until=${Date.now()}&total=2`;
  for (const rate of ['abc', '-1', '0', 'Infinity'])
    expect((await post(test, '/dashboard/bulk', `${all}&rate=${rate}`)).statusCode).toBe(400);
  expect(
    (await post(test, '/dashboard/bulk', 'action=retry&show=completed&until=1&total=1')).statusCode,
  ).toBe(400);
  expect((await get(test, '/dashboard/bulk/none')).headers.location).toBe('/dashboard/batches');
  const elsewhere = await test.server.app.inject({
    method: 'POST',
    url: '/dashboard/bulk',
    headers: { authorization: AUTHORIZATION, 'sec-fetch-site': 'cross-site' },
  });
  expect(elsewhere.statusCode).toBe(403);
  expect(await test.queues.batches.getFailedCount()).toBe(2);
});

it.each([
  ['action=retry&which=selectd&ref=loan-app-0', 'which is one of selected, all, given-up.'],
  ['action=retry&which=al', 'which is one of selected, all, given-up.'],
  ['action=retry&which=', 'which is one of selected, all, given-up.'],
  ['action=retry&which=all&which=selected', 'which is one of selected, all, given-up.'],
  ['action=retri&which=all', 'action is one of retry, cancel, redeliver.'],
  ['action=retry&action=retry&which=all', 'action is one of retry, cancel, redeliver.'],
  ['which=all', 'action is one of retry, cancel, redeliver.'],
  ['action=retry&which=selected', 'Nothing is selected: choose batches in the list first.'],
  ['action=retry&which=selected&ref=%2F', 'Nothing is selected: choose batches in the list first.'],
  [
    'action=retry&which=given-up',
    'Events that were given up can be redelivered, and nothing else.',
  ],
])(
  'an action that is misspelt, or does not say which batches it means, is refused in a sentence: %s',
  async (asked, sentence) => {
    const test = await startWith(failed(3));
    const preview = await get(test, `/dashboard/bulk?show=failed&${asked}`);
    expect([preview.statusCode, preview.json().message]).toEqual([400, sentence]);
    const form = `show=failed&${asked}&until=${Date.now()}&asked-at=${Date.now()}&total=3`;
    const started = await post(test, '/dashboard/bulk', form);
    expect([started.statusCode, started.json().message]).toEqual([400, sentence]);
    expect(await test.queues.batches.getFailedCount()).toBe(3);
  },
);

it('the page before an action says in its form which batches it means, and so does the button of another action', async () => {
  const test = await startWith(failed(3));
  const preview = async (asked: string) =>
    get(test, `/dashboard/bulk?show=failed&action=retry&${asked}`);
  const missing = await preview('');
  expect([missing.statusCode, missing.json().message]).toEqual([
    400,
    'which is one of selected, all, given-up.',
  ]);
  const other = await preview('redeliver=selectd&ref=loan-app-0');
  expect([other.statusCode, other.json().message]).toEqual([
    400,
    'redeliver is one of selected, all, given-up.',
  ]);
  expect(fieldsOf((await preview('which=all')).body).get('which')).toBe('all');
  const selected = fieldsOf((await preview('which=selected&ref=loan-app-1')).body);
  expect([selected.get('which'), selected.getAll('ref')]).toEqual(['selected', ['loan-app-1']]);
});

it('one confirmation starts one action, however often and to whichever server it is sent', async () => {
  const test = await startWith(failed(4));
  const other = await startWith([], test);
  const path = '/dashboard/bulk?action=retry&show=failed&which=all';
  const form = fieldsOf((await get(test, path)).body);
  form.set('rate', '1');
  const sent = await Promise.all(
    [test, other, test, other].map((to) => post(to, '/dashboard/bulk', form)),
  );
  const [first = '', ...others] = sent.map(({ headers }) => String(headers.location));
  expect(first).toBe(`/dashboard/bulk/${form.get('confirmation')}`);
  expect(others).toEqual([first, first, first]);
  expect((await get(other, first)).text).toContain('Retry of 4 batches');
  const links = (text: string) => text.match(/Retry of 4 batches by operator/g)?.length;
  expect(links((await get(test, '/dashboard/batches')).text)).toBe(1);
  await post(other, `${first}/abort`, '');
  await waitUntil('its abort', async () =>
    (await get(other, first)).text.includes('It is aborted'),
  );
  // As of a page that is sent again after its end.
  expect((await post(other, '/dashboard/bulk', form)).headers.location).toBe(first);
  expect((await get(test, first)).text).toContain('It is aborted');

  const again = fieldsOf((await get(test, path)).body);
  const second = String((await post(test, '/dashboard/bulk', again)).headers.location);
  expect(second).not.toBe(first);
  await waitUntil('the end of it', async () =>
    (await get(test, second)).text.includes('It is done'),
  );
  again.set('confirmation', 'no id of ours');
  const refused = await post(test, '/dashboard/bulk', again);
  expect([refused.statusCode, refused.json().message]).toEqual([
    400,
    'confirmation is none of a page that asks for one.',
  ]);
});

it.each([
  [
    { state: 'running', done: 13, changed: 13 },
    'At least 13 of 147 batches redelivered. It is ended, for its server is gone',
    'at least 13 redelivered',
  ],
  [
    { state: 'running', done: 14, changed: 13 },
    'At least 13 of 147 batches redelivered, at least 1 was in another state by then.',
    'at least 13 redelivered',
  ],
  [
    { state: 'failed', done: 13, changed: 13 },
    'At least 13 of 147 batches redelivered. It is ended by an error',
    'at least 13 redelivered',
  ],
  [
    { state: 'stopped', done: 13, changed: 13 },
    ' 13 of 147 batches redelivered.',
    'was stopped, 13 redelivered',
  ],
] as const)(
  'what an action whose server was killed, or that met an error, has done after it was last written is not denied: %j',
  async (written, page, link) => {
    const { queues, ...test } = await startWith([]);
    const at = Date.now() - 20_000;
    await createRecord(queues, {
      ...{ id: 'killed', action: 'redeliver', of: 'batches', total: 147, rate: null },
      ...{ by: 'operator', startedAt: at, which: 'failed' },
    });
    await updateRecord(queues, 'killed', { ...written, at });
    expect((await get(test, '/dashboard/bulk/killed')).text).toContain(page);
    expect((await get(test, '/dashboard/batches')).text).toContain(link);
  },
);
