import { expect, it } from 'vitest';
import { batchOf } from '../../client/test-client.js';
import { startApi } from './test-api.js';

async function startWithBatches() {
  const api = await startApi();
  const lines = ['a', 'b', undefined, 'a', 'b', 'a'].map((tenant, i) => ({
    ...batchOf(`batch-${i}`),
    ...(tenant && { tenant }),
    ...(i === 3 && { priority: 'urgent' }),
  }));
  await api.call('operate', 'POST /batches:bulk', {
    payload: lines.map((line) => JSON.stringify(line)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const list = async (as: string, query = '') => {
    const response = await api.call(as, `GET /batches${query}`);
    return response.json() as { batches: { reference: string }[]; next: string | null };
  };
  const references = async (as: string, query = '') =>
    (await list(as, query)).batches.map(({ reference }) => reference).sort();
  return { ...api, list, references };
}

it('a token lists the batches of its tenant, and one without a tenant all, by a filter', async () => {
  const { references } = await startWithBatches();
  expect(await references('readA')).toEqual(['batch-0', 'batch-3', 'batch-5']);
  expect(await references('read')).toHaveLength(6);
  expect(await references('read', '?tenant=b')).toEqual(['batch-1', 'batch-4']);
  expect(await references('read', '?tenant=')).toEqual(['batch-2']);
  expect(await references('read', '?tenant=a,b&priority=urgent')).toEqual(['batch-3']);
  expect(await references('readA', '?tenant=a&state=queued,failed')).toHaveLength(3);
  expect(await references('read', '?state=ended')).toEqual([]);
  expect(await references('read', '?text=batch-4')).toEqual(['batch-4']);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  expect(await references('read', `?since=${tomorrow}`)).toEqual([]);
  expect(await references('read', `?until=${tomorrow}&sort=oldest`)).toHaveLength(6);
});

it('pages of a list follow each other by a cursor that says nothing of others', async () => {
  const { list, references } = await startWithBatches();
  const seen: string[] = [];
  let cursor = '';
  for (;;) {
    const { batches, next } = await list('readA', `?limit=1${cursor}`);
    seen.push(...batches.map(({ reference }) => reference));
    if (next === null) break;
    expect(Buffer.from(next, 'base64url').toString('latin1')).not.toContain('batch');
    cursor = `&cursor=${next}`;
  }
  expect(seen.sort()).toEqual(await references('readA'));
});

it.each([
  ['a cursor of nobody', 'cursor=WyJuZXdlc3QiLFtdXQ', 'the cursor is none of this list'],
  ['an unknown state', 'state=flying', 'state is one of queued'],
  ['an unknown code', 'code=NONE', 'code is one of'],
  ['no time', 'since=yesterday', 'since must be a time such as 2026-11-29T12:00:00Z'],
  ['a limit that is too high', 'limit=1001', 'limit must be at most 1000'],
  ['no limit at all', 'limit=0', 'limit must be at least 1'],
  ['a limit that is no number', 'limit=all', 'limit must be a whole number'],
  ['half a batch', 'limit=1.5', 'limit must be a whole number'],
  ['an unknown order', 'sort=best', 'sort must be one of newest, oldest, deadline'],
  ['a parameter that stands twice', 'text=a&text=b', 'text must be given once'],
  ['a limit that stands twice', 'limit=1&limit=2', 'limit must be given once'],
  ['an end before the beginning', 'since=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z', 'since'],
  ['an unknown parameter', 'page=2', 'page is not a known parameter'],
  ['a misspelt parameter', 'stat=failed', 'stat is not a known parameter; did you mean state?'],
  ['two unknown parameters', 'page=2&size=3', 'size is not a known parameter'],
])('%s is refused, and named', async (_what, query, says) => {
  const { call } = await startApi();
  const response = await call('read', `GET /batches?${query}`);
  expect([response.statusCode, response.json().code]).toEqual([400, 'INVALID_REQUEST']);
  expect(response.json().detail).toContain(says);
});

it('a token that asks for another tenant is refused', async () => {
  const { call } = await startApi();
  const response = await call('readA', 'GET /batches?tenant=a,b');
  expect([response.statusCode, response.json().code]).toEqual([403, 'FORBIDDEN']);
});
