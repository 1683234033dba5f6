import { expect, onTestFinished, test, vi } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { bodyOf, startHttp } from '../atlas/test-server.js';
import { ITEM } from '../helpers/faulty-batch.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { type System, startSystem } from '../helpers/system.js';

vi.setConfig({ testTimeout: 60_000 });

test('documents whose ids come back from Atlas in another Unicode form are complete, under their own ids', async () => {
  const system = await startSystem();
  const atlas = await startHttp(async (request, response) => {
    const { method = 'GET', url, headers } = request;
    const body = method === 'POST' ? { body: await bodyOf(request) } : {};
    const named = ['token', 'client-id', 'client-secret', 'content-type'].flatMap((name) =>
      headers[name] === undefined ? [] : [[name, String(headers[name])] as [string, string]],
    );
    const answer = await fetch(`${system.atlas.url}${url}`, { method, headers: named, ...body });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end((await answer.text()).normalize('NFC'));
  });
  await system.startWorker({ ATLAS_BASE_URL: atlas });
  const idPrefix = 'cafe\u0301-';
  await system.submit('loan-1', 2, idPrefix);
  const { name, data } = await system.event('done-loan-1');
  expect([name, data.documents.missing]).toEqual(['batch.completed', []]);

  const ids = await readIds(system);
  expect(ids).toEqual([`${idPrefix}001`, `${idPrefix}002`]);
  expect(system.atlas.uploads().map((upload) => upload.documentIds)).toEqual([ids]);
});

test('the results of an Atlas batch are found whose id would be too long a key of S3', async () => {
  const system = await startSystem();
  const page = { data: [ITEM], page: 1, has_next: false };
  const url = await startHostileAtlas(() => page, '\u6f22'.repeat(200));
  await system.startWorker({ ATLAS_BASE_URL: url });
  await system.submit('loan-1', 1);
  expect((await system.event('done-loan-1')).data.status).toBe('completed');
  expect(await readIds(system)).toEqual(['001']);
});

async function readIds(system: System): Promise<string[]> {
  const client = createAtlasBatchClient({
    connection: system.redis,
    prefix: system.prefix,
    s3: { forcePathStyle: true },
  });
  onTestFinished(() => client.close());
  const ids: string[] = [];
  for await (const { documentId } of client.results('loan-1')) ids.push(documentId);
  return ids;
}
