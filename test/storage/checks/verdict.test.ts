import { describe, expect, test } from 'vitest';
import { isDotted, verdictOf } from '../../../src/storage/checks/verdict.js';

const response = (status: number, headers: Record<string, string> = {}, code?: string) => ({
  status,
  headers,
  code: code ?? null,
  wantsKey: false,
});
const found = (headers: Record<string, string>) =>
  response(200, { 'content-length': '5', ...headers });

describe('verdictOf', () => {
  test.each([
    ['an object', found({}), 'readable'],
    ['an object of unknown size', response(200), 'readable'],
    ['its first byte', response(206, { 'content-range': 'bytes 0-0/5' }), 'readable'],
    ['an archive that is read at once', found({ 'x-amz-storage-class': 'GLACIER_IR' }), 'readable'],
    [
      'a tier that is not archived',
      found({ 'x-amz-storage-class': 'INTELLIGENT_TIERING' }),
      'readable',
    ],
    [
      'an archived object that was restored',
      found({
        'x-amz-storage-class': 'DEEP_ARCHIVE',
        'x-amz-restore': 'ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"',
      }),
      'readable',
    ],
    ['no key', response(404, {}, 'NoSuchKey'), 'absent'],
    ['no bucket', response(404, {}, 'NoSuchBucket'), 'absent'],
    ['an empty object', response(200, { 'content-length': '0' }), 'empty'],
    ['no first byte', response(416, {}, 'InvalidRange'), 'empty'],
    ['GLACIER', found({ 'x-amz-storage-class': 'GLACIER' }), 'archived'],
    ['DEEP_ARCHIVE', found({ 'x-amz-storage-class': 'DEEP_ARCHIVE' }), 'archived'],
    [
      'an archived object that is being restored',
      found({ 'x-amz-storage-class': 'GLACIER', 'x-amz-restore': 'ongoing-request="true"' }),
      'archived',
    ],
    ['an archived tier', found({ 'x-amz-archive-status': 'DEEP_ARCHIVE_ACCESS' }), 'archived'],
    ['a byte that is archived', response(403, {}, 'InvalidObjectState'), 'archived'],
    [
      'a key that only its owner has',
      { ...response(400, {}, 'InvalidRequest'), wantsKey: true },
      'sealed',
    ],
    ['another bad request', response(400, {}, 'InvalidRequest'), undefined],
    ['a key that is disabled', response(400, {}, 'KMS.DisabledException'), undefined],
    ["a 404 that may be a gateway's", response(404), undefined],
    ["a 416 that may be a gateway's", response(416), undefined],
    ['a refusal', response(403), undefined],
    ['a refusal by a policy', response(403, {}, 'AccessDenied'), undefined],
    ['credentials that have expired', response(400, {}, 'ExpiredToken'), undefined],
    ['another region', response(301), undefined],
  ])('%s', (_, said, verdict) => {
    expect(verdictOf(said)).toBe(verdict);
  });
});

test.each([
  ['..', true],
  ['.', true],
  ['../a', true],
  ['a/./b', true],
  ['a/..', true],
  ['a/../b', true],
  ['...', false],
  ['a/...', false],
  ['.env', false],
  ['a..b/c.', false],
  ['a//b', false],
  ['a%2F..%2Fb', false],
])('the key %s has segments of dots: %s', (key, isSo) => {
  expect(isDotted(key)).toBe(isSo);
  // As every client that parses URLs.
  const { pathname } = new URL(
    `http://s3.example.com/${key.split('/').map(encodeURIComponent).join('/')}`,
  );
  expect(decodeURIComponent(pathname.slice(1)) !== key).toBe(isSo);
});
