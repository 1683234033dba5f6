import { EventEmitter, once } from 'node:events';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { createWebhookSender } from '../../../src/workers/webhook/post-webhook.js';
import { bodyOf, closedPort, startHttp } from '../../atlas/test-server.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const WEBHOOK = { eventId: 'done-1', body: '{"type":"batch.completed"}', nowMs: Date.now() };
const NEVER = new AbortController().signal;

function senderTo(url: string, timeoutMs = 10_000) {
  const sender = createWebhookSender({
    url: () => url,
    secrets: () => [SECRET],
    connections: 1,
    timeoutMs,
  });
  onTestFinished(() => sender.close());
  return sender;
}

test('a webhook sends its body as JSON, signed, to path and query', async () => {
  const seen: unknown[] = [];
  const url = await startHttp(async (request, response) => {
    const headers = request.headers as Record<string, string>;
    const body = await bodyOf(request);
    seen.push(request.method, request.url, headers['content-type']);
    seen.push(new Webhook(SECRET).verify(body, headers));
    response.writeHead(204).end();
  });
  const response = await senderTo(`${url}/hooks/atlas?token=t`).send(WEBHOOK, NEVER);
  expect(response).toEqual({ kind: 'response', status: 204, retryAfter: undefined });
  expect(seen).toEqual([
    'POST',
    '/hooks/atlas?token=t',
    'application/json',
    { type: 'batch.completed' },
  ]);
});

test('a webhook goes where its URL leads by now, to another host too', async () => {
  const seen: unknown[] = [];
  const start = (name: string) =>
    startHttp((request, response) => {
      seen.push(`${name} ${request.url}`);
      response.writeHead(204).end();
    });
  let url = `${await start('one')}/?token=old`;
  const sender = createWebhookSender({
    url: () => url,
    secrets: () => [SECRET],
    connections: 1,
    timeoutMs: 10_000,
  });
  onTestFinished(() => sender.close());
  await sender.send(WEBHOOK, NEVER);
  url = url.replace('old', 'new');
  await sender.send(WEBHOOK, NEVER);
  url = `${await start('two')}/?token=new`;
  await sender.send(WEBHOOK, NEVER);
  expect(seen).toEqual(['one /?token=old', 'one /?token=new', 'two /?token=new']);
});

test('a webhook follows no redirect', async () => {
  const elsewhere: unknown[] = [];
  const target = await startHttp((request, response) => {
    elsewhere.push(request.url);
    response.end();
  });
  const url = await startHttp((request, response) => {
    request.resume();
    response.writeHead(307, { location: target }).end();
  });
  expect(await senderTo(url).send(WEBHOOK, NEVER)).toMatchObject({ status: 307 });
  expect(elsewhere).toEqual([]);
});

test('the response to a webhook says what its Retry-After asks for', async () => {
  const url = await startHttp((request, response) => {
    request.resume();
    response.writeHead(503, { 'retry-after': '7' }).end('down');
  });
  expect(await senderTo(url).send(WEBHOOK, NEVER)).toEqual({
    kind: 'response',
    status: 503,
    retryAfter: '7',
  });
});

test('a webhook reads little of a body that does not end, and takes the status for what it says', async () => {
  const receiver = new EventEmitter();
  const cut = once(receiver, 'cut');
  const url = await startHttp((request, response) => {
    request.resume();
    response.writeHead(200);
    const flood = () => {
      while (response.write(Buffer.alloc(64 * 1024)));
    };
    response.on('drain', flood).on('close', () => receiver.emit('cut'));
    flood();
  });
  expect(await senderTo(url).send(WEBHOOK, NEVER)).toMatchObject({ status: 200 });
  await cut;
});

test('a webhook gives up on a receiver that does not answer in time', async () => {
  const url = await startHttp(() => {});
  expect(await senderTo(url, 100).send(WEBHOOK, NEVER)).toEqual({
    kind: 'failed',
    code: 'TIMED_OUT',
  });
});

test('a webhook whose connection failed tells why by its code alone', async () => {
  const port = await closedPort();
  expect(await senderTo(`http://127.0.0.1:${port}/?token=t`).send(WEBHOOK, NEVER)).toEqual({
    kind: 'failed',
    code: 'ECONNREFUSED',
  });
});

test('a webhook rejects with its reason when it is aborted', async () => {
  const receiver = new EventEmitter();
  const arrived = once(receiver, 'arrived');
  const url = await startHttp((request) => {
    request.resume();
    receiver.emit('arrived');
  });
  const abort = new AbortController();
  const sending = senderTo(url).send(WEBHOOK, abort.signal);
  await arrived;
  abort.abort(new Error('enough'));
  await expect(sending).rejects.toThrow('enough');
});

test('a webhook under way is cut when its client is closed', async () => {
  const receiver = new EventEmitter();
  const arrived = once(receiver, 'arrived');
  const url = await startHttp((request) => {
    request.resume();
    receiver.emit('arrived');
  });
  const sender = senderTo(url);
  const sending = sender.send(WEBHOOK, NEVER);
  await arrived;
  await sender.close();
  expect(await sending).toMatchObject({ kind: 'failed' });
});
