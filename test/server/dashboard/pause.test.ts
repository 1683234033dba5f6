import { expect, it } from 'vitest';
import { gatePauseKey } from '../../../src/jobs/keys/gate-keys.js';
import { batchOf } from '../../client/test-client.js';
import { AUTHORIZATION } from '../test-server.js';
import { get, startQuietServer } from './test-pages.js';

const HOW_LONG =
  'for says how long: 30m, 1h, 2h, 4h, 12h, 24h, or resume for a pause that lasts until somebody resumes';

it('every page says that sending is paused, by whom, until when and why', async () => {
  const test = await startQuietServer();
  const pause = { since: '2026-11-24T00:00:00.000Z', until: null, reason: 'down <now>', by: 'ops' };
  await test.redis.set(gatePauseKey(test.prefix), JSON.stringify(pause));
  await test.batches.add('batch', batchOf('one', 1), { jobId: 'batch-one' });
  for (const path of ['', '/one']) {
    const { body } = await get(test, path);
    expect(body).toContain(
      'Paused by ops at <time datetime="2026-11-24T00:00:00.000Z">2026-11-24 00:00 UTC</time>, until somebody resumes: down &lt;now&gt;',
    );
  }
  await test.redis.del(gatePauseKey(test.prefix));
  expect((await get(test, '')).body).not.toContain('Paused');
});

it('an operator can pause the sending with a reason and an end, and resume it', async () => {
  const test = await startQuietServer();
  const { server } = test;
  const post = (path: string, form = '', headers: Record<string, string> = {}) =>
    server.app.inject({
      method: 'POST',
      url: `/dashboard/${path}`,
      headers: {
        authorization: AUTHORIZATION,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      payload: form,
    });
  const read = async () => JSON.parse((await test.redis.get(gatePauseKey(test.prefix))) ?? 'null');
  const [seconds] = await test.redis.time();
  const foreign = await post('pause', '', { 'sec-fetch-site': 'cross-site' });
  expect([foreign.statusCode, await read()]).toEqual([403, null]);
  for (const form of ['', 'reason=down', 'for=', 'for=yesterday']) {
    const refused = await post('pause', form);
    expect([refused.statusCode, refused.json().message]).toEqual([400, HOW_LONG]);
    const shown = await post('pause', form, { accept: 'text/html' });
    expect([shown.statusCode, shown.body]).toEqual([400, expect.stringContaining(HOW_LONG)]);
    expect(await read()).toBeNull();
  }
  const paused = await post('pause', 'reason=down+%3Cnow%3E&for=2h');
  expect([paused.statusCode, paused.headers.location]).toEqual([303, '/dashboard/batches']);
  expect(await read()).toMatchObject({ reason: 'down <now>', by: 'operator' });
  const hours = (Date.parse((await read()).until) / 1000 - Number(seconds)) / 3600;
  expect(Math.round(hours)).toBe(2);
  expect((await get(test, '')).body).toContain('down &lt;now&gt;');
  await post('pause', 'for=resume');
  expect(await read()).toMatchObject({ reason: null, by: 'operator', until: null });
  expect((await post('resume', '', { 'sec-fetch-site': 'same-site' })).statusCode).toBe(403);
  await post('resume');
  expect(await read()).toBeNull();
});
