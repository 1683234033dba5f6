import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { openQueues } from '../../../src/batches/client-queues.js';
import { borrowLink } from '../../../src/redis/client-link.js';
import { type PlantedBatch, plant } from '../../helpers/planted-batches.js';
import { plantSlowSearch } from '../../helpers/slow-search.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { AUTHORIZATION, createServer, LOGIN, type TestServer } from '../test-server.js';

async function startWith(
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

const get = async ({ server }: TestServer, url: string) => {
  const response = await server.app.inject({ url, headers: { authorization: AUTHORIZATION } });
  return { ...response, text: textOf(response.body), statusCode: response.statusCode };
};

const post = ({ server }: TestServer, url: string, form: URLSearchParams | string) =>
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
const textOf = (body: string) => body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
const referencesIn = (body: string) =>
  [...body.matchAll(/batches\/([\w-]+)"/g)].map(([, one]) => one);
/** The fields of the form of a page that is sent by POST. */
function fieldsOf(body: string): URLSearchParams {
  const [, form = ''] =
    /<form method="post" action="[^"]*bulk"[^>]*>([\s\S]*?)<\/form>/.exec(body) ?? [];
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  return new URLSearchParams(
    fields.map(([, name = '', value = '']) => [name, value] as [string, string]),
  );
}

const failed = (count: number, product = 'LOAN_APP'): PlantedBatch[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ reference: `${product.toLowerCase().replace('_', '-')}-${i}`, state: 'failed' },
    ...{ productType: product, code: i % 2 === 0 ? 'ATLAS_AUTH' : 'INCOMPLETE', present: 1 },
    // Those of other products have ended later.
    endedAt: Date.now() - (product === 'LOAN_APP' ? 60_000 : 30_000) + i,
  }));

it('the list of failed batches is narrowed by what its batches differ in, with counts', async () => {
  const test = await startWith([
    ...failed(30),
    ...failed(3, 'CREDIT_CARD'),
    { reference: 'withdrawn', state: 'cancelled' },
    { reference: 'line-1', state: 'in-line', tenant: 'branch-12' },
    { reference: 'line-2', state: 'processing' },
  ]);
  const all = await get(test, '/dashboard/batches?show=failed');
  expect(all.text).toContain('Running 2 Failed 33 Cancelled 1 Completed 0 All 36');
  expect(all.text).toContain('Reason ATLAS_AUTH 17 INCOMPLETE 16');
  expect(all.text).toContain('Product LOAN_APP 30 CREDIT_CARD 3');
  expect(all.text).toContain('Retry all 33…');
  expect(referencesIn(all.body)).not.toContain('withdrawn');
  const [, path = ''] = /href="([^"]*)">CREDIT_CARD/.exec(all.body) ?? [];
  const cards = await get(test, path.replaceAll('&amp;', '&'));
  expect(cards.text).toContain('Reason ATLAS_AUTH 2 INCOMPLETE 1');
  expect(cards.body).toMatch(/aria-current="true">CREDIT_CARD/);
  expect(cards.text).toContain('1 to 3, searched 34 of 34 batches');
  expect(new Set(referencesIn(cards.body)).size).toBe(3);
  const oldest = await get(test, '/dashboard/batches?show=failed&sort=oldest&since=1h');
  expect(referencesIn(oldest.body)[0]).toBe('loan-app-0');
  const cancelled = await get(test, '/dashboard/batches?show=cancelled');
  expect(cancelled.text).toContain('withdrawn');
  for (const { body } of [cancelled, await get(test, '/dashboard/batches/withdrawn')])
    expect(body).toContain('<progress class="cancelled"');
  expect((await get(test, '/dashboard/batches?show=running')).text).toContain('State');
  const line = await get(test, '/dashboard/batches?show=running&state=in-line&tenant=branch-12');
  expect(referencesIn(line.body)).toEqual(['line-1']);
  const nearest = await get(test, '/dashboard/batches?show=running&sort=deadline');
  expect(referencesIn(nearest.body)).toEqual(['line-2']);
  expect(nearest.text).toContain('Deadline');
  expect(nearest.text).toContain('1 to 1 of 1. Only those whose deadline runs');
  const odd = await get(test, '/dashboard/batches?show=failed&code=&since=&sort=y');
  expect([odd.statusCode, odd.text.includes('1 to 25 of 33')]).toEqual([200, true]);
  const old = await get(test, '/dashboard/batches?show=failed&at=nonsense');
  expect([old.statusCode, old.headers.location]).toEqual([303, '/dashboard/batches?show=failed']);
});

/** Ended on 29 February 2024: 28 from two to three, one before and one after that. */
const NIGHT: readonly PlantedBatch[] = [
  ['evening', '01:59:59.999'],
  ...Array.from({ length: 27 }, (_, i) => [`night-${i}`, `02:${10 + i}`]),
  ['on-the-hour', '03:00'],
  ['morning', '03:00:00.001'],
].map(([reference = '', time], i) => ({
  ...{ reference, state: 'failed', productType: i % 2 === 0 ? 'LOAN_APP' : 'CREDIT_CARD' },
  ...{ addedAt: 1, endedAt: Date.parse(`2024-02-29T${time}Z`) },
}));
const FROM_2_TO_3 = 'from=2024-02-29T02%3A00&to=2024-02-29T03%3A00';

it('batches are listed, counted, previewed and retried between two times, which links and pages keep', async () => {
  const test = await startWith(NIGHT);
  const list = await get(test, `/dashboard/batches?show=failed&${FROM_2_TO_3}`);
  expect(list.body).toContain('name="from" value="2024-02-29T02:00"');
  expect(list.body).toContain('name="to" value="2024-02-29T03:00"');
  expect(list.text).toMatch(/Product (CREDIT_CARD 14 LOAN_APP 14|LOAN_APP 14 CREDIT_CARD 14)/);
  expect(list.text).toContain('Retry all 28…');
  const [, older = ''] = /href="([^"]*)">Older/.exec(list.body) ?? [];
  const rest = await get(test, older.replaceAll('&amp;', '&'));
  const shown = new Set([...referencesIn(list.body), ...referencesIn(rest.body)]);
  expect(shown).toEqual(new Set(NIGHT.slice(1, -1).map(({ reference }) => reference)));
  const [, path = ''] = /href="([^"]*)">CREDIT_CARD/.exec(list.body) ?? [];
  expect((await get(test, path.replaceAll('&amp;', '&'))).text).toContain('Retry all 14…');
  // A span beside them narrows it further, and a text alone leads no longer to its batch.
  const both = await get(test, '/dashboard/batches?show=failed&from=2024-02-29T02:00&since=1h');
  expect(both.text).toContain('Nothing fits');
  const found = await get(test, `/dashboard/batches?q=night-7&${FROM_2_TO_3}`);
  expect([found.statusCode, new Set(referencesIn(found.body))]).toEqual([
    200,
    new Set(['night-7']),
  ]);

  const asked = `/dashboard/bulk?action=retry&show=failed&${FROM_2_TO_3}&which=all`;
  const preview = await get(test, asked);
  expect(preview.text).toContain(
    'Retry 28 batches? failed, from 2024-02-29 02:00 UTC, to 2024-02-29 03:00 UTC',
  );
  const started = await post(test, '/dashboard/bulk', fieldsOf(preview.body));
  await waitUntil('the end of it', async () =>
    (await get(test, String(started.headers.location))).text.includes('It is done'),
  );
  const left = await get(test, '/dashboard/batches?show=failed');
  expect(new Set(referencesIn(left.body))).toEqual(new Set(['evening', 'morning']));
});

it.each([
  ['code=NONE', 'Nothing is known as code “NONE”.'],
  ['tenant=a%20b&tenant=branch-1', 'Nothing is known as tenant “a b”.'],
  ['state=zzz&code=', 'Nothing is known as state “zzz”.'],
  ['priority=high', 'Nothing is known as priority “high”.'],
  ['since=2h', 'Nothing is known as since “2h”.'],
  ['product=%07', 'Nothing is known as product “'],
  ['since=1h&since=7d', 'since is given more than once: “1h”, “7d”.'],
  ['show=cancelled', 'show is given more than once: “failed”, “cancelled”.'],
  ['q=app-1&q=app-2', 'q is given more than once: “app-1”, “app-2”.'],
  ['stat=failed', 'There is no parameter “stat”; did you mean state?'],
  ['sinc=2h', 'There is no parameter “sinc”; did you mean since?'],
  ['Tenant=branch-1', 'There is no parameter “Tenant”; did you mean tenant?'],
  ['x=1&code=NONE', 'There is no parameter “x”. Nothing is known as code “NONE”.'],
])(
  'what an address says and nobody can do (%s) is told, and widens neither a list nor an action',
  async (asked, says) => {
    const test = await startWith(failed(3));
    const list = await get(test, `/dashboard/batches?show=failed&${asked}`);
    expect(list.statusCode).toBe(400);
    expect(list.text).toContain(`Nothing was searched ${says}`);
    expect(referencesIn(list.body)).toEqual([]);
    const bulk = `action=retry&which=all&show=failed&${asked}`;
    const preview = await get(test, `/dashboard/bulk?${bulk}`);
    expect(preview.statusCode).toBe(303);
    expect((await get(test, String(preview.headers.location))).statusCode).toBe(400);
    const form = `${bulk}&until=${Date.now()}&asked-at=${Date.now()}&total=3`;
    const refused = await post(test, '/dashboard/bulk', form);
    const [misspelt = 'Bad Request'] = /^There is no parameter.*?[?.](?= |$)/.exec(says) ?? [];
    expect([refused.statusCode, refused.json()]).toEqual([400, { error: misspelt }]);
    expect(await test.queues.batches.getFailedCount()).toBe(3);
  },
);

it.each([
  ['from=yesterday', 'From “yesterday” is no time. Write one as 2026-11-29T02:00; it is UTC.'],
  ['to=2024-02-30T02:00', 'To “2024-02-30T02:00” is no time.'],
  ['from=2024-02-29T24:00', 'From “2024-02-29T24:00” is no time.'],
  ['from=2024-02-29T02:00&from=2024-02-29T03:00', 'is no time.'],
  ['from=%3Cb%3E&to=7', 'From “&lt;b&gt;” is no time. To “7” is no time.'],
  [
    'from=2024-02-29T03:00&to=2024-02-29T02:00',
    'What is asked for ends, at 2024-02-29 02:00 UTC, before it begins.',
  ],
  ['since=1h&to=2024-02-29T02:00', 'ends, at 2024-02-29 02:00 UTC, before it begins.'],
])('a time that makes no sense is told, and nothing is listed or done: %s', async (times, said) => {
  const test = await startWith(NIGHT);
  const list = await get(test, `/dashboard/batches?show=failed&${times}`);
  expect(list.statusCode).toBe(400);
  expect(list.text).toContain('Nothing was searched');
  expect(list.text).toContain(said);
  expect(list.body).toMatch(/name="(from|to)"[^>]* aria-invalid="true" aria-describedby="times-f/);
  expect(referencesIn(list.body)).toEqual([]);
  expect(list.text).not.toMatch(/Retry|Nothing fits|searched 0/);

  const asked = `action=retry&show=failed&${times}`;
  const preview = await get(test, `/dashboard/bulk?${asked}&which=all`);
  expect(preview.statusCode).toBe(303);
  const back = await get(test, String(preview.headers.location));
  expect(back.text).toContain(said);
  const form = `${asked}&asked-at=${Date.now()}&until=${Date.now()}&total=28`;
  expect((await post(test, '/dashboard/bulk', form)).statusCode).toBe(400);
  expect(await test.queues.batches.getFailedCount()).toBe(NIGHT.length);
});

/** Fields of the form that adds a value of this kind to a filter, and the values that it offers. */
function moreOf(body: string, name: string) {
  const [, group = ''] = new RegExp(`aria-label="${name}"><b>(.*?)</div>`, 's').exec(body) ?? [];
  const fields = [...group.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  const options = [...group.matchAll(/<option value="([^"]*)"[^>]*>([^<]*)</g)];
  return {
    group: textOf(group),
    fields: new URLSearchParams(
      fields.map(([, one = '', value = '']) => [one, value] as [string, string]),
    ),
    options: options.map(([, value, text]) => [value, text]),
  };
}

it('every value of a filter can be chosen: the most frequent by a link, and the others from a list with counts', async () => {
  const planted = Array.from({ length: 20 }, (_, i): PlantedBatch[] =>
    Array.from({ length: i < 8 ? 3 : i === 19 ? 2 : 1 }, (_, n) => ({
      ...{ reference: `t${i}-${n}`, tenant: `branch-${i}` },
    })),
  );
  const test = await startWith([...planted.flat(), { reference: 'of-nobody' }]);
  const list = await get(test, '/dashboard/batches?show=running&tenant=branch-10');
  const { group, fields, options } = moreOf(list.body, 'Tenant');
  expect(group).toContain('branch-0 3');
  expect(group).toContain('branch-10 1');
  expect(group).toMatch(/Tenant: 12 more.* Add Tenant/);
  expect(options).toHaveLength(12);
  // By name, for who seeks one knows it.
  expect(options.slice(0, 3)).toEqual([
    ['', 'none (1)'],
    ['branch-11', 'branch-11 (1)'],
    ['branch-12', 'branch-12 (1)'],
  ]);
  expect(options).toContainEqual(['branch-19', 'branch-19 (2)']);
  fields.append('tenant', 'branch-19');
  const narrowed = await get(test, `/dashboard/batches?${fields}`);
  expect(narrowed.body).toMatch(/aria-current="true">branch-19/);
  expect(new Set(referencesIn(narrowed.body))).toEqual(new Set(['t10-0', 't19-0', 't19-1']));
});

it('where there are too many values for a list, the name of one is typed', async () => {
  const test = await startWith(
    Array.from({ length: 520 }, (_, i) => ({ reference: `t${i}`, tenant: `branch-${i}` })),
  );
  const list = await get(test, '/dashboard/batches?show=running');
  const { group, fields, options } = moreOf(list.body, 'Tenant');
  expect(options).toEqual([]);
  expect(group).toMatch(/Tenant: 512 more.* Add Tenant/);
  const [, pattern = ''] = /name="tenant"[^>]* pattern="([^"]*)"/.exec(list.body) ?? [];
  // As browsers take it. What is no tenant would be left out of the address, and all batches shown.
  const typed = new RegExp(`^(?:${pattern})$`, 'v');
  expect(['branch-519', 'a.b_C', 'branch 519', ''].map((name) => typed.test(name))).toEqual([
    ...[true, true],
    ...[false, false],
  ]);
  fields.append('tenant', 'branch-519');
  const narrowed = await get(test, `/dashboard/batches?${fields}`);
  expect(referencesIn(narrowed.body)).toEqual(['t519']);
});

it('a search that is not finished says how far it is, in the place of nothing found, and goes on', async () => {
  const test = await startWith([]);
  // Four calls fill the time of a page. The oldest is read last.
  await plantSlowSearch(test.queues, failed(6), 400);
  let page = await get(test, '/dashboard/batches?show=failed&q=app-0');
  expect(page.text).toMatch(/Nothing so far [1-5] of 6 batches were searched\. Search further/);
  expect(page.text).toContain('no match so far');
  expect(page.text).not.toMatch(/Nothing found|0 matches/);
  // All that fit may be meant, also those that were not found yet.
  expect(page.text).toContain('Retry all that fit…');
  while (!referencesIn(page.body).includes('loan-app-0')) {
    const [, path = ''] = /<\/b>[^<]*<a href="([^"]*)">Search further/.exec(page.body) ?? [];
    expect(path).not.toBe('');
    page = await get(test, path.replaceAll('&amp;', '&'));
  }
  expect(page.text).toContain('at least 1 match');
});

it('counts that are not whole say at least, and a page after the last says that there is nothing more', async () => {
  const test = await startWith([]);
  await plantSlowSearch(test.queues, failed(6), 400);
  const { text } = await get(test, '/dashboard/batches?show=failed&q=app-5&code=INCOMPLETE');
  expect(text).toContain('at least 1 match');
  expect(text).toContain('Reason at least INCOMPLETE 1');
  const other = await startWith(failed(26));
  const first = await get(other, '/dashboard/batches?show=failed');
  const [, path = ''] = /href="([^"]*)">Older/.exec(first.body) ?? [];
  const { batches, link } = other.queues;
  // The last one ends otherwise before its page is read.
  await link.redis.zrem(batches.toKey('failed'), 'batch-loan-app-0');
  expect((await get(other, path.replaceAll('&amp;', '&'))).text).toContain('Nothing more');
});

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

it('a search that leaves out batches that sleep does not say that there is nothing', async () => {
  const line = Array.from(
    { length: 5031 },
    (_, i): PlantedBatch => ({ reference: `line-${i}`, state: 'in-line' }),
  );
  const test = await startWith(line);
  const { batches, link } = test.queues;
  // Workers have taken some of them. One has a delay of its producer.
  for (let i = 0; i < 30; i += 1) {
    await link.redis.zrem(batches.toKey('delayed'), `batch-line-${i}`);
    await link.redis.lpush(batches.toKey('active'), `batch-line-${i}`);
  }
  await plant(test.queues, [{ reference: 'later' }]);
  await link.redis.lrem(batches.toKey('wait'), 1, 'batch-later');
  await link.redis.zadd(batches.toKey('delayed'), 1, 'batch-later');
  for (const asked of ['q=later%2F0.jpg', 'show=running&state=queued']) {
    const { text } = await get(test, `/dashboard/batches?${asked}`);
    expect(text).toMatch(
      /Not all were searched [\d,]+ of [\d,]+ batch(es)? (was|were)\. So many sleep/,
    );
    expect(text).not.toMatch(/Nothing found|Nothing fits/);
  }
  const { text } = await get(test, '/dashboard/batches?show=failed&q=later%2F0.jpg');
  expect(text).toContain('Nothing found');
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
  const retry = await get(test, '/dashboard/bulk?action=retry&which=given-up');
  expect(retry.headers.location).toBe('/dashboard/batches');
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
  expect((await get(test, '/dashboard/bulk?action=erase')).headers.location).toBe(
    '/dashboard/batches',
  );
  expect((await get(test, '/dashboard/bulk/none')).headers.location).toBe('/dashboard/batches');
  const none = await get(test, '/dashboard/bulk?action=retry&show=failed&which=selected');
  expect(none.text).toContain('Nothing to retry');
  const elsewhere = await test.server.app.inject({
    method: 'POST',
    url: '/dashboard/bulk',
    headers: { authorization: AUTHORIZATION, 'sec-fetch-site': 'cross-site' },
  });
  expect(elsewhere.statusCode).toBe(403);
  expect(await test.queues.batches.getFailedCount()).toBe(2);
});
