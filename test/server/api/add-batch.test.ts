import { expect, it } from 'vitest';
import { batchOf, startClient } from '../../client/test-client.js';
import { startApi } from './test-api.js';

const { reference: _reference, ...BATCH } = batchOf('loan-1');

it('a batch is added once, and the same batch again is known already', async () => {
  const { call, url, prefix } = await startApi();
  const added = await call('submitA', 'PUT /batches/loan-1', { payload: BATCH });
  expect(added.statusCode).toBe(201);
  expect(added.json()).toEqual({ status: 'added', reference: 'loan-1' });
  expect(added.headers.location).toBe('/api/v1/batches/loan-1');
  const again = { ...BATCH, reference: 'loan-1', tenant: 'a' };
  const known = await call('submitA', 'PUT /batches/loan-1', { payload: again });
  expect([known.statusCode, known.json().status]).toEqual([200, 'duplicate']);
  const { client } = startClient({ url, prefix });
  expect(await client.enqueue({ ...batchOf('loan-1'), tenant: 'a' })).toMatchObject({
    status: 'duplicate',
  });
});

it('a reference that is taken says nothing but that, whoever has it', async () => {
  const { call } = await startApi();
  await call('submitA', 'PUT /batches/loan-1', { payload: BATCH });
  const others = { ...BATCH, productType: 'OTHER' };
  const responses = await Promise.all([
    call('submitA', 'PUT /batches/loan-1', { payload: others }),
    call('submitB', 'PUT /batches/loan-1', { payload: BATCH }),
    call('operate', 'PUT /batches/loan-1', { payload: BATCH }),
  ]);
  const expected = {
    type: 'about:blank',
    title: 'Conflict',
    status: 409,
    code: 'REFERENCE_TAKEN',
    detail: 'The reference is taken.',
  };
  for (const response of responses) {
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toEqual(expected);
  }
});

it('a batch that is not valid is refused with every issue', async () => {
  const { call } = await startApi();
  const response = await call('operate', 'PUT /batches/a%20b', {
    payload: { documents: [{ documentId: '1' }, { documentId: '1' }], fast: true },
  });
  expect(response.statusCode).toBe(422);
  expect(response.json()).toMatchObject({
    code: 'INVALID_JOB',
    issues: [
      expect.stringContaining('reference must be 1 to 128'),
      'productType is missing',
      'documents[0-1].bucket is missing',
      'documents[0-1].key is missing',
      'fast is not a known key',
      'documents[1].documentId is used by an earlier document',
    ],
  });
});

it.each([
  ['another reference', { ...BATCH, reference: 'loan-2' }, 422],
  ['another tenant', { ...BATCH, tenant: 'b' }, 403],
  ['a tenant that is none', { ...BATCH, tenant: null }, 422],
  ['a list', [BATCH], 422],
  ['text', '"loan"', 422],
  ['nothing', undefined, 422],
  ['no JSON', '{"documents":', 400],
])('a body that is %s is refused with its status', async (_what, payload, status) => {
  const { call } = await startApi();
  const headers = { 'content-type': 'application/json' };
  const response = await call('submitA', 'PUT /batches/loan-1', {
    headers,
    ...(payload !== undefined && { payload }),
  });
  expect([response.statusCode, response.json().status]).toEqual([status, status]);
});

it('a body of another content type, or one that is too large, is refused', async () => {
  const { call } = await startApi();
  const text = await call('submitA', 'PUT /batches/x', {
    payload: 'reference=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect([text.statusCode, text.json().code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  const lines = await call('submitA', 'PUT /batches/x', {
    payload: '{}',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  expect([lines.statusCode, lines.json().code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  // Also lines that are no JSON as a whole, and JSON as it is written elsewhere.
  for (const payload of ['{"reference":"x"}\n{"reference":"y"}\n', '{}', '']) {
    const bulk = await call('submitA', 'POST /batches:bulk', {
      payload,
      headers: { 'content-type': 'Application/JSON; charset=utf-8' },
    });
    expect(bulk.json()).toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      detail: 'the body must be application/x-ndjson',
    });
  }
  const large = await call('submitA', 'PUT /batches/x', {
    payload: `"${'x'.repeat(17 * 1024 * 1024)}"`,
    headers: { 'content-type': 'application/json' },
  });
  expect([large.statusCode, large.json().code]).toEqual([413, 'TOO_LARGE']);
});

it('without Redis a batch is refused with when to come again, and without an address', async () => {
  const { call } = await startApi({ REDIS_URL: 'redis://127.0.0.1:1' });
  const response = await call('submitA', 'PUT /batches/loan-1', { payload: BATCH });
  expect(response.statusCode).toBe(503);
  expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
  expect(response.body).not.toContain('127.0.0.1');
});

it('bulk has a line for every line, in their order, and a wrong one keeps none from being added', async () => {
  const { call } = await startApi();
  await call('submitB', 'PUT /batches/of-b', { payload: BATCH });
  const lines = [
    JSON.stringify(batchOf('one')),
    '',
    '{"reference":"two"',
    JSON.stringify({ ...batchOf('three'), documents: [] }),
    JSON.stringify({ ...batchOf('four'), tenant: 'b' }),
    JSON.stringify(batchOf('one')),
    JSON.stringify(batchOf('of-b')),
    `${JSON.stringify(batchOf('five'))}\r`,
  ];
  const response = await call('submitA', 'POST /batches:bulk', {
    payload: lines.join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  });
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('application/x-ndjson');
  const results = response.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(results).toEqual([
    { line: 1, reference: 'one', status: 'added' },
    { line: 3, reference: null, status: 'invalid', issues: ['the line is no JSON'] },
    {
      line: 4,
      reference: 'three',
      status: 'invalid',
      issues: ['documents must hold at least one document'],
    },
    { line: 5, reference: 'four', status: 'forbidden' },
    { line: 6, reference: 'one', status: 'duplicate' },
    { line: 7, reference: 'of-b', status: 'conflict' },
    { line: 8, reference: 'five', status: 'added' },
  ]);
});

it('bulk without Redis says of each line that it has to come again', async () => {
  const { call } = await startApi({ REDIS_URL: 'redis://127.0.0.1:1' });
  const payload = Array.from({ length: 600 }, (_, i) => JSON.stringify(batchOf(`b-${i}`)));
  const response = await call('submitA', 'POST /batches:bulk', {
    payload: payload.join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const statuses = response.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).status);
  expect(statuses).toEqual(Array.from({ length: 600 }, () => 'unavailable'));
});

it('bulk refuses a line that is not in UTF-8, which would name another document, and takes the others', async () => {
  const { call } = await startApi();
  const [first, second] = batchOf('unused', 2).documents;
  const lineOf = (reference: string) =>
    JSON.stringify({
      ...batchOf(reference),
      documents: [{ ...first, documentId: 'caf\u00e9' }, second],
    });
  const payload = Buffer.concat([
    Buffer.from(`${lineOf('as-latin1')}\n`, 'latin1'),
    Buffer.from(`${lineOf('as-utf8')}\n`),
  ]);
  const headers = { 'content-type': 'application/x-ndjson' };
  const { body } = await call('submitA', 'POST /batches:bulk', { payload, headers });
  const lines = body.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { line: 1, reference: null, status: 'invalid', issues: ['the line is not in UTF-8'] },
    { line: 2, reference: 'as-utf8', status: 'added' },
  ]);
});
