/**
 * Verification of AWS Signature Version 4 as S3 does it, for requests signed in the header and
 * in the query. Written from the specification and not with the signer that clients use, so that
 * one mistake cannot stand on both sides.
 */
import { createHmac, hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { canonicalRequest, headerOf, type SignedRequest } from './canonical-request.js';
import { S3Error } from './s3-xml.js';

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** S3 refuses a request whose clock is further away than this. */
const MAX_SKEW_MS = 15 * 60 * 1000;
/** The longest life of a pre-signed URL: a week. */
const MAX_EXPIRES_SECONDS = 604_800;

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** How a request is signed, as it says itself. */
interface Presented {
  credential: string;
  signedHeaders: string[];
  signature: string;
  date: string;
  token: string | undefined;
  /** What the request says of its body: a hash, or one of the `UNSIGNED-…` words. */
  payloadHash: string;
  query: SignedRequest['query'];
}

export class SignatureVerifier {
  readonly #signingKeys = new Map<string, Buffer>();

  constructor(
    readonly credentials: Credentials,
    readonly region: string,
    readonly clock: () => number,
  ) {}

  /**
   * Checks who signed, when and what; returns the declared hash of the body. Throws S3Error.
   * @param region Of the bucket.
   */
  verify(request: SignedRequest, region = this.region): string {
    const query = new Map(request.query);
    const inQuery = query.has('X-Amz-Signature') || query.has('X-Amz-Algorithm');
    const presented = inQuery ? fromQuery(request, query) : fromHeader(request);
    const scope = this.#checkScope(presented, region);
    if (inQuery) this.#checkExpiry(presented.date, query.get('X-Amz-Expires'));
    else this.#checkSkew(presented.date);
    this.#checkToken(presented.token);
    refuseUnsignedHeaders(request.headers, presented.signedHeaders);
    const canonical = canonicalRequest(request, presented);
    const toSign = [ALGORITHM, presented.date, scope, hash('sha256', canonical)].join('\n');
    const expected = createHmac('sha256', this.#signingKey(scope)).update(toSign).digest();
    const given = Buffer.from(presented.signature, 'hex');
    if (!given.equals(expected)) {
      throw new S3Error(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
        { StringToSign: toSign, CanonicalRequest: canonical },
      );
    }
    return presented.payloadHash;
  }

  #checkScope({ credential, date }: Presented, wanted: string): string {
    // A key id may hold slashes; the four parts behind it may not.
    const parts = credential.split('/');
    const accessKeyId = parts.slice(0, -4).join('/');
    const [day, region, service, terminator] = parts.slice(-4);
    if (accessKeyId !== this.credentials.accessKeyId) {
      const message = 'The AWS Access Key Id you provided does not exist in our records.';
      throw new S3Error('InvalidAccessKeyId', message, { AWSAccessKeyId: accessKeyId });
    }
    if (region !== wanted) throw wrongRegion(region, wanted);
    if (service !== 's3' || terminator !== 'aws4_request' || day !== date.slice(0, 8)) {
      throw new S3Error('AuthorizationHeaderMalformed', 'The credential scope is malformed.');
    }
    return `${day}/${region}/${service}/${terminator}`;
  }

  #checkSkew(date: string): void {
    if (Math.abs(this.clock() - timeOf(date)) > MAX_SKEW_MS) {
      const message = "The difference between the request time and the server's time is too large.";
      const details = { RequestTime: date, ServerTime: new Date(this.clock()).toISOString() };
      throw new S3Error('RequestTimeTooSkewed', message, details);
    }
  }

  #checkExpiry(date: string, expires: string | undefined): void {
    const seconds = Number(expires ?? 'missing');
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_EXPIRES_SECONDS) {
      const message = 'X-Amz-Expires must be a number between 1 and 604800 seconds';
      throw new S3Error('AuthorizationQueryParametersError', message);
    }
    const signedAt = timeOf(date);
    const expiresAt = signedAt + seconds * 1000;
    if (signedAt - this.clock() > MAX_SKEW_MS) {
      throw new S3Error('AccessDenied', 'Request is not valid yet');
    }
    if (this.clock() > expiresAt) {
      const details = { Expires: new Date(expiresAt).toISOString() };
      throw new S3Error('AccessDenied', 'Request has expired', details);
    }
  }

  #checkToken(token: string | undefined): void {
    if (token !== this.credentials.sessionToken) {
      throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.');
    }
  }

  /** One day's key serves all requests of that day. */
  #signingKey(scope: string): Buffer {
    let key = this.#signingKeys.get(scope);
    if (key === undefined) {
      key = Buffer.from(`AWS4${this.credentials.secretAccessKey}`);
      for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
      this.#signingKeys.clear();
      this.#signingKeys.set(scope, key);
    }
    return key;
  }
}

export function wrongRegion(region: string | undefined, wanted: string): S3Error {
  return new S3Error(
    'AuthorizationHeaderMalformed',
    `The authorization header is malformed; the region '${region}' is wrong; expecting '${wanted}'`,
    { Region: wanted },
    wanted,
  );
}

function fromQuery(request: SignedRequest, query: ReadonlyMap<string, string>): Presented {
  const part = (name: string) => {
    const value = query.get(name);
    if (value === undefined || value === '') {
      throw new S3Error('AuthorizationQueryParametersError', `${name} is missing`);
    }
    return value;
  };
  if (part('X-Amz-Algorithm') !== ALGORITHM) {
    throw new S3Error('AuthorizationQueryParametersError', `X-Amz-Algorithm must be ${ALGORITHM}`);
  }
  return {
    credential: part('X-Amz-Credential'),
    signedHeaders: part('X-Amz-SignedHeaders').split(';'),
    signature: part('X-Amz-Signature'),
    date: part('X-Amz-Date'),
    token: query.get('X-Amz-Security-Token'),
    payloadHash:
      query.get('X-Amz-Content-Sha256') ??
      headerOf(request.headers, 'x-amz-content-sha256') ??
      'UNSIGNED-PAYLOAD',
    query: request.query.filter(([name]) => name !== 'X-Amz-Signature'),
  };
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^, ]+), *SignedHeaders=([^, ]+), *Signature=([0-9a-f]+)$/;

function fromHeader(request: SignedRequest): Presented {
  const authorization = request.headers.authorization;
  if (authorization === undefined) throw new S3Error('AccessDenied', 'Access Denied');
  const [, credential, signedHeaders, signature] = AUTHORIZATION.exec(authorization) ?? [];
  const payloadHash = headerOf(request.headers, 'x-amz-content-sha256');
  if (credential === undefined || signedHeaders === undefined || signature === undefined) {
    throw new S3Error('AuthorizationHeaderMalformed', 'The authorization header is malformed.');
  }
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header: x-amz-content-sha256');
  }
  return {
    credential,
    signedHeaders: signedHeaders.split(';'),
    signature,
    date: headerOf(request.headers, 'x-amz-date') ?? '',
    token: headerOf(request.headers, 'x-amz-security-token'),
    payloadHash,
    query: request.query,
  };
}

/** S3 takes no `x-amz-…` header that the signature does not cover, and always wants the host. */
function refuseUnsignedHeaders(headers: IncomingHttpHeaders, signed: readonly string[]): void {
  const unsigned = Object.keys(headers).filter(
    (name) => (name.startsWith('x-amz-') || name === 'host') && !signed.includes(name),
  );
  if (unsigned.length > 0) {
    const message = 'There were headers present in the request which were not signed';
    throw new S3Error('AccessDenied', message, { HeadersNotSigned: unsigned.join(', ') });
  }
}

/** `20251121T113228Z` as milliseconds. */
function timeOf(date: string): number {
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const time = iso === date ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(time)) throw new S3Error('AccessDenied', 'A valid X-Amz-Date is required');
  return time;
}
