import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import type { AuditRecord } from '../../src/jobs/audit-record.js';
import type { Logger } from '../../src/logging.js';
import { runCommand } from '../cli/run-command.js';
import { clientOf } from '../client/test-client.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { textOf } from '../server/dashboard/planted-pages.js';
import { AUTHORIZATION, createServer, LOGIN } from '../server/test-server.js';

function collectAudit() {
  const records: AuditRecord[] = [];
  const ignore = () => {};
  const info = (fields: object) => {
    if ('audit' in fields) records.push(fields as unknown as AuditRecord);
  };
  const logger: Logger = { debug: ignore, info, warn: ignore, error: ignore };
  const recordOf = (action: string) =>
    waitUntil(`the record of ${action}`, () => records.find((one) => one.action === action));
  return { logger, records, recordOf };
}

async function timelineOf({ batches }: System, reference: string): Promise<string> {
  return (await batches.getJobLogs(`batch-${reference}`)).logs.join('\n');
}

/** How the log names a batch that somebody wanted to erase. */
function digestOf(reference: string): string {
  return `sha256:${createHash('sha256').update(reference).digest('hex')}`;
}

it('a change by the command line is in the log of a worker and in the timeline, with who made it', async () => {
  const system = await startSystem({ atlas: { completionMs: 3_600_000 } });
  const { logger, recordOf } = collectAudit();
  await system.submit('loan', 1);
  const cancelled = await runCommand(
    ['cancel', 'loan', '--operator', 'asha', '--reason', 'sent\nby mistake'],
    system.environment,
  );
  expect(cancelled).toMatchObject({ code: 0, stderr: '' });
  await runCommand(['pause', '--reason', 'maintenance'], system.environment);
  await runCommand(['deadline', 'extend', 'loan', '2h', '--operator', 'ravi'], system.environment);
  await system.startWorker({}, { logger });
  expect(await recordOf('cancel')).toEqual({
    audit: true,
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    actor: 'asha',
    via: 'cli',
    address: null,
    action: 'cancel',
    reference: 'loan',
    filter: null,
    count: null,
    reason: 'sent by mistake',
    outcome: 'cancelling',
  });
  const told = await runCommand(['status', 'loan', '--timeline'], system.environment);
  expect(told.stdout).toMatch(
    /^ {2}\d[\dT:.-]+Z {2}cancel by asha \(cli\): cancelling, because: sent by mistake$/m,
  );
  const { entries } = await clientOf(system).timeline('loan');
  expect(entries.map(({ text }) => text).join('\n')).toContain('cancel by asha (cli)');
  const json = await runCommand(['status', 'loan', '--timeline', '--json'], system.environment);
  expect(JSON.parse(json.stdout).timeline.entries.length).toBeGreaterThan(0);
  expect(await recordOf('pause')).toMatchObject({ actor: expect.any(String), outcome: 'paused' });
  expect(await recordOf('extend')).toMatchObject({ actor: 'ravi', details: { byMs: 7_200_000 } });
  expect(await timelineOf(system, 'loan')).toMatch(
    /Z cancel by asha \(cli\): cancelling, because: sent by mistake$/m,
  );
  await runCommand(['resume'], system.environment);
  expect(await recordOf('resume')).toMatchObject({ outcome: 'resumed' });
  await waitUntil(
    'the removal of what a worker has logged',
    async () => (await system.redis.exists(`${system.prefix}:audit`)) === 0,
  );
});

it('a change by the dashboard is in the log of the server, with the login and the address', async () => {
  const system = await startSystem({ environment: LOGIN, atlas: { completionMs: 20 } });
  const { logger, records, recordOf } = collectAudit();
  await system.startWorker();
  const { server } = await createServer(system.environment, { logger });
  const post = (path: string, form = '') =>
    server.app.inject({
      method: 'POST',
      url: `/dashboard/${path}`,
      headers: {
        authorization: AUTHORIZATION,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload: form,
    });
  await system.submit('seen', 1);
  await system.event('done-seen');
  await waitUntil('its end', async () => (await system.batches.getJob('batch-seen'))?.finishedOn);
  await post('batches/seen/retry');
  expect(await recordOf('retry')).toMatchObject({
    actor: 'operator',
    via: 'dashboard',
    address: '127.0.0.1',
    reference: 'seen',
    outcome: 'not-failed',
  });
  await post('batches/seen/erase', 'confirm=other');
  expect(records.at(-1)).toMatchObject({ outcome: 'not-confirmed', reference: digestOf('seen') });
  const erased = await post('batches/seen/erase', 'confirm=seen&reason=ticket+7');
  expect(erased.statusCode).toBe(200);
  const { details, ...record } = records.at(-1) ?? {};
  const { certificate } = Object(details);
  const shown = textOf(erased.body);
  expect(shown).toContain('It is erased.');
  expect(shown).toContain(`erased at ${certificate.erasedAt} added at ${certificate.addedAt}`);
  expect(shown).toContain(`SHA-256 ${certificate.digest}`);
  expect(shown).toContain('removed 1 version of results, ');
  expect(erased.body).not.toContain('seen');
  expect(record).toMatchObject({
    action: 'erase',
    reference: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    reason: 'ticket 7',
    outcome: 'erased',
  });
  await post('batches/seen/erase', 'confirm=seen');
  expect(records.at(-1)).toMatchObject({ outcome: 'unknown', reference: digestOf('seen') });
  const erasures = records.filter(({ action }) => action === 'erase');
  expect(JSON.stringify(erasures)).not.toContain('seen');
  expect(await dumpRedis(system.redis, system.prefix)).not.toContain('seen');
});

it('an app is told when a batch cannot be erased, and erases it under its own name when it can', async () => {
  const system = await startSystem({ atlas: { completionMs: 20 } });
  const client = clientOf(system);
  expect((await client.erase('nobody')).status).toBe('unknown');
  await system.submit('mine', 1);
  expect((await client.erase('mine')).status).toBe('running');
  expect(await system.redis.lrange(`${system.prefix}:audit`, 0, -1)).toEqual([
    expect.stringContaining(digestOf('nobody')),
    expect.stringContaining(digestOf('mine')),
  ]);
  const { logger, records } = collectAudit();
  await system.startWorker({}, { logger });
  await client.wait('mine');
  expect((await client.erase('mine', { reason: 'asked for' })).status).toBe('erased');
  const record = await waitUntil('the record', () => records.find(({ reason }) => reason));
  expect(record).toMatchObject({ via: 'client', action: 'erase', outcome: 'erased' });
  expect(await dumpRedis(system.redis, system.prefix)).not.toContain('mine');
});
