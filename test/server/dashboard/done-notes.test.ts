/** What a page says of the action that led to it. */
import { expect, it } from 'vitest';
import { batchOf } from '../../client/test-client.js';
import { get as getPage, startWith } from './planted-pages.js';
import { act, get, startQuietServer } from './test-pages.js';

it('a poll of a batch of which Atlas has nothing is said to have nothing to poll yet', async () => {
  const test = await startQuietServer();
  await test.batches.add('batch', batchOf('ok-1', 1), { jobId: 'batch-ok-1' });
  const { headers } = await act(test, 'ok-1/poll');
  const { body } = await get(test, String(headers.location).replace('/dashboard/batches', ''));
  expect(body).toContain('There is nothing to poll yet');
  expect(body).not.toContain('It is being polled');
});

const RESULTS = ['woken', 'cancelling', 'extended', 'retried', 'ended', 'not-failed', 'queued'];
const OTHERS = ['running', 'not-confirmed', 'not-removed', 'erased', 'unknown', 'no-time', 'x'];

it('an address that names an action is believed only where what is stored says so too', async () => {
  const test = await startWith([
    { reference: 'waits' },
    { reference: 'done', state: 'completed' },
    { reference: 'broken', state: 'failed', code: 'ATLAS_AUTH' },
    { reference: 'flies', state: 'processing', present: 0, submittedAt: Date.now() },
  ]);
  // Its first run.
  await test.queues.link.redis.hset(test.queues.batches.toKey('batch-flies'), { atm: '0' });
  const said: Record<string, string | undefined> = {};
  for (const reference of ['waits', 'done', 'broken', 'flies'])
    for (const done of [...RESULTS, ...OTHERS]) {
      const { body } = await getPage(test, `/dashboard/batches/${reference}?done=${done}`);
      const [, note] = /<p class="note" role="status">(.*?)<\/p>/.exec(body) ?? [];
      said[`${reference} ${done}`] = note;
    }
  const list = await getPage(test, '/dashboard/batches?done=erased');
  expect(list.text).not.toContain('erased');
  const ofAll = {
    'no-time': 'How much more time it is given is one of the times in the list.',
  };
  const ofEnded = {
    ended: 'It had ended already.',
    'not-confirmed': 'It is not erased: for that, its reference has to be typed.',
    'not-removed': 'It is not erased. Where S3 did not let it, the log says why.',
    ...ofAll,
  };
  const ofRunning = {
    running: 'It has not ended: cancel it, or wait for its end.',
    'not-failed': 'Only a failed batch can be retried.',
    ...ofAll,
  };
  const expected = {
    waits: { woken: 'There is nothing to poll yet: Atlas has nothing of it.', ...ofRunning },
    done: { 'not-failed': 'Only a failed batch can be retried.', ...ofEnded },
    broken: ofEnded,
    flies: { woken: 'It is being polled now.', ...ofRunning },
  };
  const flat = Object.entries(expected).flatMap(([reference, notes]) =>
    Object.entries(notes).map(([done, note]) => [`${reference} ${done}`, note]),
  );
  const shown = Object.entries(said).filter(([, note]) => note !== undefined);
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(flat));
});

it('of a batch that was retried or given more time, the page says so', async () => {
  const test = await startQuietServer();
  await test.batches.add('batch', batchOf('again', 1), { jobId: 'batch-again' });
  await test.redis.hset(`${test.prefix}:atlas-batches:batch-again`, { atm: '1' });
  expect((await get(test, '/again?done=retried')).body).toContain('It is tried again: first');
  expect((await get(test, '/again?done=extended')).body).not.toContain('It was given');
  await act(test, 'again/deadline', 'more=2h');
  expect((await get(test, '/again?done=extended')).body).toContain(
    'It was given 2 h more, in all.',
  );
});
