/** What only the AWS SDK can sign, and what it tells of a bucket's endpoint. Slow: about 900 µs each. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { ObjectReference, S3Method, SignedRequest } from './s3-request.js';
import type { SigningScope } from './sigv4.js';

/** What all requests to one bucket have in common. */
export interface Endpoint extends SigningScope {
  origin: string;
  /** The path before the key, with the last slash. */
  basePath: string;
  /** Parameters of a pre-signed URL besides those of the signature, such as the `x-id` of the SDK. */
  query: Record<string, string>;
}

interface HttpRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string>;
  headers: Record<string, string>;
}

/** Their types differ in what they resolve to, which nobody reads here. */
const COMMANDS = {
  GET: GetObjectCommand,
  HEAD: HeadObjectCommand,
  PUT: PutObjectCommand,
  DELETE: DeleteObjectCommand,
} as unknown as Record<S3Method, typeof GetObjectCommand>;

/** Any plain name: it is cut off again. */
const SAMPLE_KEY = 'k';
/** Other algorithms (access points over several regions) are left to the SDK. */
const SIGV4 = 'AWS4-HMAC-SHA256';
/** Present for directory buckets, whose sessions only the SDK's own stack can open. */
const SESSION_TOKEN = 'X-Amz-S3session-Token';
const SIGNING_PARAMETER = /^X-Amz-/;

export function presignBySdk(
  client: S3Client,
  { bucket, key }: ObjectReference,
  { date, expiresSeconds }: { date: Date; expiresSeconds: number },
): Promise<string> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: key });
  return getSignedUrl(client, command, { expiresIn: expiresSeconds, signingDate: date });
}

/** Null when only the SDK can sign for the bucket. Rejects with whatever the SDK throws. */
export async function findEndpoint(client: S3Client, bucket: string): Promise<Endpoint | null> {
  const sample = { date: new Date(), expiresSeconds: 1 };
  const signedUrl = await presignBySdk(client, { bucket, key: SAMPLE_KEY }, sample);
  const { origin, host, pathname, searchParams } = new URL(signedUrl);
  // `<key id>/<day>/<region>/<service>/aws4_request`; a key id may hold slashes.
  const [region, service] = searchParams.get('X-Amz-Credential')?.split('/').slice(-3) ?? [];
  const signableHere =
    searchParams.get('X-Amz-Algorithm') === SIGV4 && !searchParams.has(SESSION_TOKEN);
  if (!signableHere || region === undefined || service === undefined) return null;
  return {
    origin,
    host,
    basePath: pathname.slice(0, -SAMPLE_KEY.length),
    query: Object.fromEntries([...searchParams].filter(([name]) => !SIGNING_PARAMETER.test(name))),
    region,
    service,
  };
}

/** Lets the SDK make and sign a request, which it does not send. */
export async function signBySdk(
  client: S3Client,
  method: S3Method,
  { bucket, key }: ObjectReference,
  headers: Record<string, string>,
): Promise<SignedRequest> {
  const command = new COMMANDS[method]({ Bucket: bucket, Key: key });
  let signed: HttpRequest | undefined;
  command.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as HttpRequest).headers, headers);
      return next(args);
    },
    { step: 'build', priority: 'low' },
  );
  command.middlewareStack.add(
    () => async (args) => {
      signed = args.request as HttpRequest;
      return { response: undefined, output: { $metadata: {} } };
    },
    { step: 'deserialize', priority: 'high' },
  );
  await client.send(command);
  if (signed === undefined) throw new Error('the SDK made no request');
  const { protocol, hostname, port, path, query = {} } = signed;
  const { host, ...sent } = signed.headers;
  const parameters = new URLSearchParams(query).toString();
  return {
    origin: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`,
    path: parameters === '' ? path : `${path}?${parameters}`,
    headers: sent,
    region: undefined,
  };
}
