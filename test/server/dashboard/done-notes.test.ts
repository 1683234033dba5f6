/** What a page says of the action that led to it. */
import { expect, it } from 'vitest';
import { batchOf } from '../../client/test-client.js';
import { act, get, startQuietServer } from './test-pages.js';

it('a poll of a batch of which Atlas has nothing is said to have nothing to poll yet', async () => {
  const test = await startQuietServer();
  await test.batches.add('batch', batchOf('ok-1', 1), { jobId: 'batch-ok-1' });
  const { headers } = await act(test, 'ok-1/poll');
  const { body } = await get(test, String(headers.location).replace('/dashboard/batches', ''));
  expect(body).toContain('There is nothing to poll yet');
  expect(body).not.toContain('It is being polled');
});
