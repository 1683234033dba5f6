import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startHttp } from '../atlas/test-server.js';
import { GET, http } from './test-client.js';

describe('a body that is not plain UTF-8', () => {
  const answering = (headers: Record<string, string>, body: Buffer, status = 200) =>
    startHttp((_request, response) => void response.writeHead(status, headers).end(body));
  const HINDI = Buffer.from('"नमस्ते"');

  it.each([
    ['gzip', gzipSync(HINDI)],
    ['x-gzip', gzipSync(HINDI)],
    ['deflate', deflateSync(HINDI)],
    ['deflate', deflateRawSync(HINDI)],
    ['br', brotliCompressSync(HINDI)],
    ['identity', HINDI],
    ['deflate, GZIP', gzipSync(deflateSync(HINDI))],
    ['gzip', HINDI],
    ['', gzipSync(HINDI)],
    ['', deflateSync(HINDI)],
    ['', deflateSync(HINDI, { level: 1 })],
    ['gzip', deflateSync(HINDI)],
    ['gzip', gzipSync(deflateSync(HINDI))],
    ['gzip', gzipSync(gzipSync(HINDI))],
    ['br', HINDI],
    ['deflate', HINDI],
    ['utf-8', HINDI],
    ['none', HINDI],
  ])('a body in %s that nobody asked for is decompressed', async (encoding, body) => {
    const base = await answering({ 'content-encoding': encoding }, body);
    expect(await http(base).request(GET)).toMatchObject({ body: HINDI.toString() });
  });

  it.each([
    ['iso-8859-1', Buffer.from('"\xe9"', 'latin1'), '"é"'],
    ['"Windows-1252"', Buffer.from('"\x80"', 'latin1'), '"€"'],
    ['utf-16le', Buffer.from('"é€"', 'utf16le'), '"é€"'],
    ['nobody-knows-it', HINDI, HINDI.toString()],
    ['nobody-knows-it', Buffer.from('"\xe9"', 'latin1'), '"é"'],
    ['utf-8', Buffer.from('"\xe9"', 'latin1'), '"é"'],
    ['ISO-8859-1', HINDI, HINDI.toString()],
    ['us-ascii', HINDI, HINDI.toString()],
    ['utf-16', HINDI, HINDI.toString()],
    ['utf-8', Buffer.from('\ufeff"é€"', 'utf16le'), '"é€"'],
    ['utf-8', Buffer.from('"é€"', 'utf16le'), '"é€"'],
    ['utf-16le', Buffer.from('\ufeff"é€"', 'utf16le').swap16(), '"é€"'],
    ['utf-8', Buffer.from('"é€"', 'utf16le').swap16(), '"é€"'],
  ])('a body in the charset %s is decoded', async (charset, body, text) => {
    const base = await answering({ 'content-type': `application/json; charset=${charset}` }, body);
    expect(await http(base).request(GET)).toMatchObject({ body: text });
  });

  it('a body that is too large once it is decompressed is too large', async () => {
    const bomb = gzipSync(Buffer.alloc(33 * 1024 * 1024));
    const base = await answering({ 'content-encoding': 'gzip' }, bomb);
    expect(await http(base).request(GET)).toMatchObject({ failure: 'too-large' });
  });

  it.each([
    ['gzip', gzipSync(HINDI).subarray(0, 20)],
    ['br', brotliCompressSync(HINDI).subarray(0, 10)],
    ['nobody-knows-it', brotliCompressSync(HINDI)],
  ])('a body that is no whole %s fails', async (encoding, body) => {
    const base = await answering({ 'content-encoding': encoding }, body);
    expect(await http(base).request(GET)).toMatchObject({ failure: 'not-text' });
  });

  it('what can be read of the compressed body of an error is given', async () => {
    const body = gzipSync('<Code>AccessDenied</Code>'.repeat(1000)).subarray(0, -10);
    const base = await answering({ 'content-encoding': 'gzip' }, body, 403);
    const response = await http(base, { bodies: 'of-error' }).request(GET);
    expect(response).toMatchObject({ status: 403, body: expect.stringContaining('AccessDenied') });
  });

  it.each([
    ['text/html; charset=utf-8', 'web-page'],
    ['Application/JSON;charset=utf-8', 'json'],
    ['application/problem+json', 'json'],
    ['text/plain', 'other'],
    ['', 'other'],
  ])('a response says whether it is JSON, a web page or neither (%s)', async (type, form) => {
    const base = await answering(type === '' ? {} : { 'content-type': type }, HINDI, 404);
    expect(await http(base).request(GET)).toMatchObject({ status: 404, form });
  });
});
