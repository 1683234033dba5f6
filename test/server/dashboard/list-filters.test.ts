import { expect, it } from 'vitest';
import { type PlantedBatch, plant } from '../../helpers/planted-batches.js';
import { plantSlowSearch } from '../../helpers/slow-search.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { failed, fieldsOf, get, post, referencesIn, startWith, textOf } from './planted-pages.js';

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
  const odd = await get(test, '/dashboard/batches?show=failed&code=&since=&sort=');
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
  ['sort=oldest&sort=oldest', 'sort is given more than once: “oldest”, “oldest”.'],
  ['sort=newst', 'Nothing is known as sort “newst”.'],
  ['sort=nearest&code=NONE', 'Nothing is known as sort “nearest”, code “NONE”.'],
  ['sort=deadline', 'sort “deadline” is for running batches alone.'],
  ['sort=deadline&sort=deadline', 'sort is given more than once: “deadline”, “deadline”.'],
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

it.each(['sort=newst', 'sinc=1h'])(
  'a search that would lead straight to a batch says what is wrong with its address first: %s',
  async (asked) => {
    const test = await startWith(failed(1));
    expect((await get(test, '/dashboard/batches?q=loan-app-0')).statusCode).toBe(303);
    const list = await get(test, `/dashboard/batches?q=loan-app-0&${asked}`);
    expect([list.statusCode, list.text.includes('Nothing was searched')]).toEqual([400, true]);
  },
);

it('links and forms of a list by nearest deadline lead to no list that has not this order', async () => {
  const test = await startWith([...failed(2), { reference: 'runs', state: 'processing' }]);
  const { body } = await get(test, '/dashboard/batches?show=running&sort=deadline&tenant=');
  const paths = [...body.matchAll(/href="(\/dashboard\/batches\?[^"]*)"/g)].map(([, path = '']) =>
    path.replaceAll('&amp;', '&'),
  );
  expect(paths.length).toBeGreaterThan(8);
  for (const path of paths) expect([path, (await get(test, path)).statusCode]).toEqual([path, 200]);
  const wrong = await get(test, '/dashboard/batches?show=running&sort=newst&since=2h');
  const [, form = ''] = /<form class="narrow"[^>]*>([\s\S]*?)<\/form>/.exec(wrong.body) ?? [];
  // The form has fields for them, with what can be chosen.
  expect(form).not.toMatch(/type="hidden" name="(sort|since)"/);
});

it('an address that says no list means that of the states it asks for, and offers what can be done to them', async () => {
  const test = await startWith([
    ...failed(3),
    { reference: 'unwanted', state: 'cancelled' },
    { reference: 'done', state: 'completed' },
    { reference: 'runs', state: 'processing' },
    { reference: 'waits' },
  ]);
  const { webhooks } = test.queues;
  await webhooks.add('batch.completed', { data: {} } as never, { jobId: 'done-other' });
  const read = async (asked: string) => {
    const { body, text } = await get(test, `/dashboard/batches?${asked}`);
    const [, tab] =
      /<a href="[^"]*" aria-current="page">(\w+)<i>/.exec(
        body.slice(body.indexOf('class="tabs"')),
      ) ?? [];
    const offered = [...text.matchAll(/(Retry|Cancel|Redeliver) selected…/g)].map(([, one]) => one);
    return [tab, ...offered];
  };
  expect(await read('state=failed')).toEqual(['Failed', 'Retry', 'Redeliver']);
  expect(await read('state=cancelled')).toEqual(['Cancelled', 'Retry', 'Redeliver']);
  expect(await read('state=completed')).toEqual(['Completed', 'Redeliver']);
  expect(await read('state=processing&state=queued')).toEqual(['Running', 'Cancel']);
  expect(await read('state=processing&sort=deadline')).toEqual(['Running', 'Cancel']);
  expect(await read('state=failed&state=cancelled')).toEqual(['All', 'Retry', 'Redeliver']);
  expect(await read('state=failed&state=queued')).toEqual(['All', 'Redeliver']);
  expect(await read('state=failed&q=loan')).toEqual(['Failed', 'Retry', 'Redeliver']);
  expect(await read('')).toEqual(['Running', 'Cancel']);
  expect(await read('show=all')).toEqual(['All', 'Redeliver']);
  // What an address says stays, and nothing is offered that ends in a refusal.
  expect(await read('show=running&state=failed')).toEqual(['Running', 'Retry', 'Redeliver']);
  expect(await read('show=all&state=queued')).toEqual(['All', 'Cancel']);
  const { text } = await get(test, '/dashboard/batches?state=failed');
  expect(text).toContain('Retry all 3…');
  const preview = await get(test, '/dashboard/bulk?action=cancel&which=all&show=all&state=queued');
  expect(preview.text).toContain('Cancel 1 batch?');
});
