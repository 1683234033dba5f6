/** Whatever keeps the URLs of our requests keeps no signature: traces, proxies, errors. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startS3Simulator } from '../../src/simulator/index.js';
import { runCommand } from '../cli/run-command.js';
import { startProxy } from '../helpers/proxy.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { RECORD_SPANS, spawnWorker } from '../helpers/worker-process.js';

const CREDENTIALS = {
  accessKeyId: 'ASIACANARY',
  secretAccessKey: 'canary-s3-secret',
  sessionToken: 'canary-session-token',
};
const CANARIES = [...Object.values(CREDENTIALS), 'X-Amz-', 'Signature='];

it('HTTP instrumentation, a proxy and the log see all requests to S3, and no signature', async () => {
  const s3 = await startS3Simulator(CREDENTIALS);
  onTestFinished(() => s3.stop());
  const system = await startSystem({ s3 });
  const proxy = await startProxy();
  const directory = mkdtempSync(join(tmpdir(), 'spans-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const spansFile = join(directory, 'spans.jsonl');
  const environment = {
    ...system.environment,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_SESSION_TOKEN: CREDENTIALS.sessionToken,
    HTTP_PROXY: proxy.url,
    NO_PROXY: '<-loopback>',
    OTEL_TRACES_EXPORTER: 'otlp',
    SPANS_FILE: spansFile,
    LOG_LEVEL: 'trace',
    BATCH_DEADLINE_MS: '3000',
  };
  // Each way of a request: found, absent, refused, stored, not stored until the deadline, and left to other workers.
  s3.setFaults({
    rules: [
      { fault: 'AccessDenied', match: ({ key }) => key.startsWith('denied') },
      { fault: 503, endpoint: 'put', match: ({ key }) => key.includes('unstored') },
      { fault: 'AccessDenied', endpoint: 'put', match: ({ key }) => key.includes('left') },
    ],
  });
  const child = spawnWorker(environment, ['--import', RECORD_SPANS]);
  onTestFinished(() => child.kill());
  await child.started();
  const references = ['good', 'denied', 'unstored'];
  for (const reference of [...references, 'left']) await system.submit(reference, 3);
  for (const reference of references) await system.event(`done-${reference}`);
  const results = await runCommand(['results', 'good'], environment);
  expect([results.code, results.stdout.split('\n').length]).toEqual([0, 4]);

  const spans = await waitUntil('spans of all ways', () => {
    const text = readFileSync(spansFile, 'utf8');
    const methods = ['HEAD', 'GET', 'PUT'].filter((method) =>
      text.includes(`"http.request.method":"${method}"`),
    );
    return methods.length === 3 && text.includes('/results') ? text : undefined;
  });
  expect(spans).toContain(`${s3.port}/kyc-documents/good/001.jpg`);
  const asked = proxy.asked.join('\n');
  expect(asked).toContain('/kyc-documents/denied/');
  const failed = JSON.stringify(
    await Promise.all(references.map((reference) => system.event(`done-${reference}`))),
  );
  expect(failed).toContain('S3 answered 503');
  await waitUntil('the denied result', () => child.output().includes('s3:PutObject'));
  for (const text of [spans, asked, child.output(), failed]) {
    expect(CANARIES.filter((canary) => text.includes(canary))).toEqual([]);
  }
});
