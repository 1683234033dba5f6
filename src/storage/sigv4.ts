/**
 * AWS Signature Version 4 for S3: in the headers of a request, or in the query of a URL. What all
 * requests to an endpoint share within one second is computed once. Pure.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
import { createHmac, hash } from 'node:crypto';

export interface SigningCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

export interface SigningScope {
  /** With the port, unless it is the default of the protocol. */
  host: string;
  region: string;
  /** As in the scope of the signature, such as `s3`. */
  service: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
/** SHA-256 of no bytes: the payload of every request without a body. */
export const NO_PAYLOAD = hash('sha256', '');

/** RFC 3986, as AWS wants it: `encodeURIComponent` and the five that it leaves alone. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * A function that signs any path (percent-encoded, of this host) for one method, at one moment, and
 * returns the whole query. The payload is not signed, and the host is the only header that is.
 */
export function querySigner(
  method: string,
  { host, region, service, query }: SigningScope & { query: Record<string, string> },
  credentials: SigningCredentials,
  { date, expiresSeconds }: { date: Date; expiresSeconds: number },
): (path: string) => string {
  const { time, scope, sign } = stampOf({ region, service }, credentials, date);
  const parameters = sortedQuery({
    ...query,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Content-Sha256': UNSIGNED_PAYLOAD,
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    ...(credentials.sessionToken && { 'X-Amz-Security-Token': credentials.sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  });
  // Parameters stand in order, the signature among them as the SDK has it.
  const tailFrom = parameters.indexOf('&X-Amz-SignedHeaders=');
  const [head, tail] = [parameters.slice(0, tailFrom), parameters.slice(tailFrom)];
  const canonicalTail = `\n${parameters}\nhost:${host}\n\nhost\n${UNSIGNED_PAYLOAD}`;
  return (path) => `${head}&X-Amz-Signature=${sign(`${method}\n${path}${canonicalTail}`)}${tail}`;
}

/**
 * Signs a path without a query; returns all headers to send, those that were given among them.
 * A hash goes with headers only.
 */
export type HeaderSigner = (
  method: string,
  path: string,
  headers?: Readonly<Record<string, string>>,
  payloadHash?: string,
) => Record<string, string>;

/** Signs at one moment. Names of headers are in small letters, and values hold no double blanks. */
export function headerSigner(
  { host, region, service }: SigningScope,
  credentials: SigningCredentials,
  date: Date,
): HeaderSigner {
  const { time, scope, sign } = stampOf({ region, service }, credentials, date);
  const { accessKeyId, sessionToken } = credentials;
  const intro = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=`;
  const begin = (payloadHash: string): Record<string, string> => {
    const headers = { 'x-amz-date': time, 'x-amz-content-sha256': payloadHash };
    return sessionToken
      ? Object.assign(headers, { 'x-amz-security-token': sessionToken })
      : headers;
  };
  // Nearly all requests have no headers of their own and no body.
  const plain = canonicalHeaders(begin(NO_PAYLOAD), host);
  return (method, path, headers, payloadHash = NO_PAYLOAD) => {
    const all = begin(payloadHash);
    if (headers) Object.assign(all, headers);
    const { names, text } = headers ? canonicalHeaders(all, host) : plain;
    const signature = sign(`${method}\n${path}\n\n${text}\n${payloadHash}`);
    all.authorization = `${intro}${names}, Signature=${signature}`;
    return all;
  };
}

function canonicalHeaders(headers: Readonly<Record<string, string>>, host: string) {
  const names = [...Object.keys(headers), 'host'].sort();
  let lines = '';
  for (const name of names) lines += `${name}:${name === 'host' ? host : headers[name]}\n`;
  const signed = names.join(';');
  return { names: signed, text: `${lines}\n${signed}` };
}

/** When, and for what. `sign` signs a canonical request. */
function stampOf(
  { region, service }: Omit<SigningScope, 'host'>,
  { secretAccessKey }: SigningCredentials,
  date: Date,
) {
  const time = date.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = signingKey(secretAccessKey, [day, region, service, 'aws4_request']);
  const signedHead = `${ALGORITHM}\n${time}\n${scope}\n`;
  const sign = (canonicalRequest: string): string =>
    createHmac('sha256', key)
      .update(signedHead + hash('sha256', canonicalRequest))
      .digest('hex');
  return { time, scope, sign };
}

function signingKey(secretAccessKey: string, scope: readonly string[]): Buffer {
  return scope.reduce(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
}

function sortedQuery(query: Record<string, string>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort()
    .join('&');
}
