import { describe, expect, it } from 'vitest';
import { parseRequest } from '../../../src/simulator/s3/s3-request.js';
import { SignatureVerifier } from '../../../src/simulator/s3/sigv4.js';

/** The examples of AWS's documentation of Signature Version 4 for S3. */
const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const SCOPE = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';
const HOST = 'examplebucket.s3.amazonaws.com';
const DATE = '20130524T000000Z';

function verifier(clock = Date.UTC(2013, 4, 24)) {
  return new SignatureVerifier(
    {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    },
    'us-east-1',
    () => clock,
  );
}

function signed(
  method: string,
  url: string,
  signedHeaders: string,
  signature: string,
  more: Record<string, string> = {},
) {
  const headers = {
    host: HOST,
    'x-amz-date': DATE,
    'x-amz-content-sha256': EMPTY_HASH,
    ...more,
    authorization: `AWS4-HMAC-SHA256 Credential=${SCOPE},SignedHeaders=${signedHeaders},Signature=${signature}`,
  };
  return parseRequest({ method, url, headers });
}

const EXAMPLES = [
  signed(
    'GET',
    '/test.txt',
    'host;range;x-amz-content-sha256;x-amz-date',
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    { range: 'bytes=0-9' },
  ),
  signed(
    'PUT',
    '/test%24file.text',
    'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    },
  ),
  signed(
    'GET',
    '/?lifecycle',
    'host;x-amz-content-sha256;x-amz-date',
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  ),
  signed(
    'GET',
    '/?max-keys=2&prefix=J',
    'host;x-amz-content-sha256;x-amz-date',
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ),
];

const PRESIGNED = parseRequest({
  method: 'GET',
  url: `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(SCOPE)}&X-Amz-Date=${DATE}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`,
  headers: { host: HOST },
});

describe('the published examples', () => {
  it.each(EXAMPLES)(
    'the signature of the published example $method $path is accepted',
    (request) => {
      expect(verifier().verify(request)).toBe(request.headers['x-amz-content-sha256']);
    },
  );

  it.each(EXAMPLES)(
    'the published example $method $path is refused with any byte changed',
    (request) => {
      const refused = (changed: object) =>
        expect(() => verifier().verify({ ...request, ...changed })).toThrow(/signature/i);
      refused({ method: 'DELETE' });
      refused({ path: `${request.path}x` });
      refused({ query: [...request.query, ['a', '']] });
      refused({ headers: { ...request.headers, host: 'other.s3.amazonaws.com' } });
    },
  );

  it('the published pre-signed URL is accepted until it expires', () => {
    const day = 86_400_000;
    const signedAt = Date.UTC(2013, 4, 24);
    expect(verifier(signedAt + day).verify(PRESIGNED)).toBe('UNSIGNED-PAYLOAD');
    expect(() => verifier(signedAt + day + 1).verify(PRESIGNED)).toThrow('Request has expired');
    expect(() => verifier(signedAt - 16 * 60_000).verify(PRESIGNED)).toThrow('not valid yet');
  });
});

it('the canonical query is sorted by name, not by the whole pair', () => {
  // `a-b` sorts before `a=`, but the name `a` sorts before the name `a-b`.
  const [request] = EXAMPLES;
  expect(() =>
    verifier().verify({
      ...(request ?? PRESIGNED),
      query: [
        ['a-b', '1'],
        ['a', '2'],
      ],
    }),
  ).toThrow(
    expect.objectContaining({
      details: expect.objectContaining({ CanonicalRequest: expect.stringContaining('a=2&a-b=1') }),
    }),
  );
});
