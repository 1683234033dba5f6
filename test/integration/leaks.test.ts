/** Nothing that is secret or personal is anywhere but at Atlas and in the results bucket. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { RECORD_SPANS, spawnWorker } from '../helpers/worker-process.js';
import { startLeakyAtlas } from './leaky-atlas.js';
import {
  API,
  changeAll,
  changeMany,
  everyApiResponse,
  everyOutput,
  everyPage,
  readPage,
} from './shown-places.js';

const SECRETS = {
  ATLAS_CLIENT_SECRET: 'canary-atlas-secret',
  CALLBACK_CLIENT_SECRET: 'canary-callback-secret',
  DASHBOARD_PASSWORD: 'canary-dashboard-password',
};
/** Shorter texts of extracts (PAN, true, a city of four letters) stand elsewhere by right. */
const TELLING_LENGTH = 9;

/** Every value of every extract, as text. */
function personalTexts(system: System): string[] {
  const texts = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
    else if (String(value).length >= TELLING_LENGTH) texts.add(String(value));
  };
  for (const { batchId } of system.atlas.batches()) {
    for (const { extracts } of system.atlas.truth(batchId)) {
      for (const raw of extracts) {
        collect(JSON.parse(raw));
        for (const [digits] of raw.matchAll(/\d{9,}/g)) texts.add(digits);
      }
    }
  }
  for (const ours of ['BANK_STATEMENT']) texts.delete(ours);
  return [...texts];
}

/** The errors that a client of this Redis gets, with all that hangs on them. */
async function everyError(redisUrl: string, data: BatchRequest): Promise<string> {
  const texts: string[] = [];
  const client = createAtlasBatchClient({ redisUrl });
  onTestFinished(() => client.close());
  for (const call of [
    () => client.enqueue(data),
    () => client.enqueueMany([data]),
    // A Redis that is full only refuses writes.
    () => client.status(data.reference),
    () => client.wait(data.reference),
    () => client.cancel(data.reference),
    () => client.list({ productType: data.productType, text: data.documents[0]?.key }),
    () => client.count({ productType: data.productType }),
    () => client.preview('retry', { productType: data.productType }),
    () => client.retryMany({ productType: data.productType }).next(),
  ]) {
    const thrown: unknown = await call().catch((error: unknown) => error);
    texts.push(inspect(thrown, { depth: 20, showHidden: true }));
  }
  for (const text of texts.slice(0, 2)) expect(text).toMatch(/^RedisUnavailableError: /);
  return texts.join('\n');
}

it('errors and all that hangs on them hold no password and no data of a job', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  admin.on('error', () => {});
  onTestFinished(() => admin.disconnect());
  const document = { documentId: 'canary-document', bucket: 'canary', key: 'canary-key' };
  const data = { reference: 'known', productType: 'canary-product', documents: [document] };
  // Nobody wants a password, and the server quotes the one that it is given.
  const given = server.url.replace('//', '//canary-user:canary-password@');
  const errors = [await everyError(given, data)];
  await admin.config('SET', 'requirepass', 'another');
  errors.push(await everyError(given, data), await everyError(server.url, data));
  await admin.config('SET', 'maxmemory', '1000000');
  errors.push(await everyError(server.url.replace('//', '//:another@'), data));
  await server.kill();
  errors.push(await everyError(given, data));
  expect(errors.join('\n').match(/canary\S*/g)).toBeNull();
});

it('nothing that a worker writes or shows holds extracts, tokens, secrets or pre-signed URLs', async () => {
  const system = await startSystem({ atlas: { clientSecret: SECRETS.ATLAS_CLIENT_SECRET } });
  const atlas = await startLeakyAtlas(system.atlas.url);
  const directory = mkdtempSync(join(tmpdir(), 'spans-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const spansFile = join(directory, 'spans.jsonl');
  const child = spawnWorker(
    {
      ...system.environment,
      ...SECRETS,
      ATLAS_BASE_URL: atlas.url,
      CALLBACK_CLIENT_ID: 'atlas',
      DASHBOARD_USER: 'operator',
      API_TOKENS: API.line,
      PORT: '0',
      LOG_LEVEL: 'trace',
      OTEL_TRACES_EXPORTER: 'otlp',
      SPANS_FILE: spansFile,
    },
    ['--import', RECORD_SPANS],
    'start',
  );
  onTestFinished(() => child.kill());
  await child.started();
  const url = await waitUntil(
    'the address of the server',
    () => /"url":"(http:[^"]+)"/.exec(child.output())?.[1],
  );
  system.atlas.setCallback({
    authUrl: `${url}/callbacks/atlas/token`,
    callbackUrl: `${url}/callbacks/atlas`,
    clientId: 'atlas',
    clientSecret: SECRETS.CALLBACK_CLIENT_SECRET,
  });

  const good = ['first', 'second', 'third'];
  const bad = ['refused-1', 'ambiguous-1', 'nameless-1', 'lost'];
  for (const reference of [...good, ...bad.slice(0, 3)]) await system.submit(reference, 4);
  const lost = await system.request('lost', 2);
  await system.add({
    ...lost,
    documents: lost.documents.map((one) => ({ ...one, key: 'no-such-object' })),
  });
  for (const reference of good) {
    expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
  }
  for (const reference of bad) {
    expect((await system.event(`done-${reference}`)).data.status).toBe('failed');
  }
  expect(atlas.faults.size).toBe(6 + 3);

  const personal = personalTexts(system);
  expect(personal.length).toBeGreaterThan(20);
  expect(atlas.secrets.size).toBeGreaterThan(5);
  const shown = { url, password: SECRETS.DASHBOARD_PASSWORD, references: [...good, ...bad] };
  await changeAll(shown);
  await waitUntil('the certificate', () => child.output().includes('"certificate"'));
  const run = await changeMany(shown);
  await waitUntil('a heartbeat of a worker that has started', async () =>
    (await readPage(shown, '/dashboard/workers')).includes('Ready'),
  );
  // One batch is erased by now: pages are asked for it too.
  const left = { ...shown, references: shown.references.filter((one) => one !== 'third') };
  const places = {
    redis: await dumpRedis(system.redis, system.prefix),
    pages: await everyPage(shown, [run]),
    api: await everyApiResponse(left),
    ...(await everyOutput(system, left)),
    log: child.output(),
    spans: readFileSync(spansFile, 'utf8'),
  };
  for (const path of ['multiupload', 'extracts', 'kyc-documents/first/001.jpg'])
    expect(places.spans).toContain(path);
  expect(places.log).toContain('"level":20');
  for (const action of ['wake', 'cancel', 'retry', 'redeliver', 'erase'])
    expect(places.log).toContain(`"action":"${action}"`);
  expect(places.redis).not.toContain('third');
  for (const path of ['/dashboard/workers', run, '/dashboard/bulk?action=redeliver&which=given-up'])
    expect(places.pages).toContain(`${path} 200 `);
  for (const path of ['/api/v1/batches', '/api/v1/batches/first', '/api/v1/openapi.json'])
    expect(places.api).toContain(`${path} 200 `);
  const secrets = [...atlas.secrets, ...Object.values(SECRETS), API.token];
  const hidden = [...personal, ...secrets, 'X-Amz-', 'eyJhbGci'];
  for (const [place, text] of Object.entries(places)) {
    expect(text.length).toBeGreaterThan(1000);
    const found = hidden.filter((canary) => text.includes(canary));
    expect([place, found]).toEqual([place, []]);
  }
});
