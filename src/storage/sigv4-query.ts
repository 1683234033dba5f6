/**
 * AWS Signature Version 4 in the query of a URL, for S3. The payload is not signed, and the host is
 * the only header that is. What all URLs of an endpoint share within one second is computed once.
 * Pure.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
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
  /** Parameters besides those of the signature, such as the `x-id` of the SDK. */
  query: Record<string, string>;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** RFC 3986, as AWS wants it: `encodeURIComponent` and the five that it leaves alone. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * A function that signs any path (percent-encoded, of this host) for one method, at one moment.
 * It returns the whole query.
 */
export function querySigner(
  method: string,
  { host, region, service, query }: SigningScope,
  credentials: SigningCredentials,
  { date, expiresSeconds }: { date: Date; expiresSeconds: number },
): (path: string) => string {
  const time = date.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const parameters = sortedQuery({
    ...query,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    ...(credentials.sessionToken && { 'X-Amz-Security-Token': credentials.sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  });
  // Parameters stand in order, the signature among them as the SDK has it.
  const tailFrom = parameters.indexOf('&X-Amz-SignedHeaders=');
  const [head, tail] = [parameters.slice(0, tailFrom), parameters.slice(tailFrom)];
  const key = signingKey(credentials.secretAccessKey, [day, region, service, 'aws4_request']);
  const canonicalTail = `\n${parameters}\nhost:${host}\n\nhost\nUNSIGNED-PAYLOAD`;
  const signedHead = `${ALGORITHM}\n${time}\n${scope}\n`;
  return (path) => {
    const digest = hash('sha256', `${method}\n${path}${canonicalTail}`);
    const signature = createHmac('sha256', key)
      .update(signedHead + digest)
      .digest('hex');
    return `${head}&X-Amz-Signature=${signature}${tail}`;
  };
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
