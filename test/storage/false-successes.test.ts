/** A 200 that is none, and bodies that come byte by byte: what stands between us and S3, and S3 itself. */
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { errorOf, openStore, verdictsOf } from './open-store.js';
import { startScriptedS3 } from './scripted-s3.js';

const PIECE_EVERY_MS = 100;

function answer(response: ServerResponse, contentType: string, body: string): true {
  response.writeHead(200, { 'content-type': contentType }).end(body);
  return true;
}

test('an error in a response of 200 is no result that is stored, and passes like others', async () => {
  const s3 = await startScriptedS3();
  const document = '<?xml version="1.0"?><Error><Code>InternalError</Code></Error>';
  let errors = 1;
  s3.fault = (request, response) => {
    request.resume();
    errors -= 1;
    return errors >= 0 && answer(response, 'application/xml', document);
  };
  const store = openStore(s3);
  expect(await store.putResult('a.json', ['{}'])).toBe('stored');
  expect(String(s3.objects.get('results/a.json'))).toBe('{}');

  errors = Number.POSITIVE_INFINITY;
  const error = await errorOf(store.putResult('a.json', ['{}']));
  expect(error.message).toContain('S3 answered 200 InternalError');
});

test('a web page with 200 is nobody who has stored or deleted a result', async () => {
  const s3 = await startScriptedS3();
  s3.fault = (request, response) => {
    request.resume();
    return answer(response, 'text/html; charset=utf-8', '<html>please log in</html>');
  };
  const store = openStore(s3);
  for (const ask of [() => store.putResult('a.json', ['{}']), () => store.deleteResult('a.json')]) {
    const { message } = await errorOf(ask());
    expect(message).toContain('S3 answered 200; correct AWS_ENDPOINT_URL_S3');
  }
});

test('a success counts as a stored result when it names the version of the object, whatever else it says', async () => {
  const s3 = await startScriptedS3();
  let etag: string | undefined;
  s3.fault = (request, response) => {
    request.resume();
    if (etag !== undefined) response.setHeader('etag', etag);
    return answer(response, 'application/json', '{"queued":true}');
  };
  const store = openStore(s3);
  expect((await errorOf(store.putResult('a.json', ['{}']))).message).toContain(
    'S3 answered 200; correct AWS_ENDPOINT_URL_S3',
  );
  etag = '"1"';
  expect(await store.putResult('a.json', ['{}'])).toBe('stored');
});

test('an error document that comes byte by byte holds nobody up', async () => {
  const s3 = await startScriptedS3();
  s3.fault = (request, response) => {
    request.resume();
    response.writeHead(403, { 'content-type': 'application/xml' });
    if (request.method === 'HEAD') {
      response.end();
      return true;
    }
    response.write('<Error><Code>AccessDenied</Code>');
    const dripping = setInterval(() => response.write(' '), PIECE_EVERY_MS);
    response.on('close', () => clearInterval(dripping));
    return true;
  };
  const store = openStore(s3, { timeoutMs: 1_000 });
  const asked = [
    store.putResult('a.json', ['{}']),
    store.getResult('a.json'),
    verdictsOf(store, [{ bucket: 'docs', key: 'pan.jpg' }]),
  ];
  for (const error of await Promise.all(asked.map(errorOf))) {
    expect(error.message).toContain('S3 answered 403');
  }
});
