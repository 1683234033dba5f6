import { lookup } from 'node:dns';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { onTestFinished } from 'vitest';
import type { S3Simulator } from '../../../src/simulator/index.js';

/** `<bucket>.localhost` is this machine, whatever its resolver says. */
const resolveLoopback: typeof lookup = Object.assign(
  ((name: string, ...rest: [never, never]) =>
    lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest)) as typeof lookup,
  { __promisify__: lookup.__promisify__ },
);

/** Keys of any code points. (The `binary` unit of fast-check takes seconds to build.) */
export const anyKey = fc.string({
  unit: fc
    .oneof(fc.integer({ min: 1, max: 0x17f }), fc.integer({ min: 1, max: 0x10ffff }))
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code)),
  minLength: 1,
  maxLength: 60,
});

const RETRIES_NONE = 1;

/** The real SDK, pointed at the stand-in. */
export function sdkClient(s3: S3Simulator, config: S3ClientConfig = {}): S3Client {
  const agent = new Agent({ keepAlive: true, lookup: resolveLoopback });
  const client = new S3Client({
    endpoint: config.forcePathStyle === false ? `http://localhost:${s3.port}` : s3.url,
    region: s3.region,
    forcePathStyle: true,
    maxAttempts: RETRIES_NONE,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    requestHandler: { httpAgent: agent },
    ...config,
  });
  onTestFinished(() => client.destroy());
  return client;
}

export interface Fetched {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A plain request of exactly this URL: nothing normalised. */
export function fetchRaw(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Fetched> {
  const { host, hostname, port, pathFrom } = split(url);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: hostname,
        port,
        path: pathFrom,
        method: options.method ?? 'GET',
        headers: { host, ...options.headers },
        lookup: resolveLoopback,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

function split(url: string) {
  const { host, hostname, port } = new URL(url);
  return { host, hostname, port, pathFrom: url.slice(url.indexOf(host) + host.length) };
}
