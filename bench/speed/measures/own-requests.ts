/**
 * Measures the CPU of our own requests to S3 for one batch, its checks and its result: signed in their headers, as
 * workers sign them, and in their URLs, where every log of URLs would have the signature.
 */
import { hash } from 'node:crypto';
import { BucketRegions } from '../../../src/storage/bucket-regions.js';
import { createS3Http, type S3Http } from '../../../src/storage/s3-http.js';
import { isSuccess, type S3Method } from '../../../src/storage/s3-request.js';
import { SdkClients } from '../../../src/storage/sdk-clients.js';
import { createSigner, type Signer } from '../../../src/storage/signer.js';
import { querySigner } from '../../../src/storage/sigv4.js';
import { setStage } from '../stage.js';
import {
  CREDENTIALS,
  DOCUMENTS_BUCKET,
  documentKey,
  MAX_DOCUMENTS,
  RESULTS_BUCKET,
} from '../work.js';

/** Of each. They take turns, since others of a shared machine slow down both ways alike within a pair. */
const TURNS = 75;
/** Turns of each before they count. */
const WARM_UP = 15;
const BATCHES_PER_TURN = 100;
/** As `SUBMIT_CONCURRENCY`. */
const AT_ONCE = 10;
const EXPIRES_SECONDS = 3600;
const REGION = 'us-east-1';
/** As large as the results of the other measures. */
const RESULT = Buffer.alloc(2048, 'x');

/** µs of CPU per batch, a number per turn. */
export interface OwnRequests {
  inHeaders: number[];
  inUrls: number[];
}

export async function measureOwnRequests(): Promise<OwnRequests> {
  const stage = await setStage();
  const inHeaders = { signer: headersOf(stage.s3Url), costs: [] as number[], signsPayload: true };
  const inUrls = { signer: urlsOf(stage.s3Url), costs: [] as number[], signsPayload: false };
  const ways = [inHeaders, inUrls].map(({ signer, costs, signsPayload }) => {
    const regions = new BucketRegions();
    const http = createS3Http({ signer, regions, connections: AT_ONCE, timeoutMs: 10_000 });
    return { http, costs, signsPayload };
  });
  try {
    for (let turn = 0; turn < WARM_UP + TURNS; turn += 1) {
      // Who comes first pays for what the other left to the garbage collector.
      for (const { http, costs, signsPayload } of turn % 2 === 0 ? ways : ways.toReversed()) {
        const cost = await cpuOf(() => oneBatch(http, signsPayload));
        if (turn >= WARM_UP) costs.push(cost);
      }
    }
    return { inHeaders: inHeaders.costs, inUrls: inUrls.costs };
  } finally {
    for (const { http } of ways) http.close();
    await stage.stop();
  }
}

function headersOf(endpoint: string): Signer {
  const client = { region: REGION, endpoint, credentials: CREDENTIALS, forcePathStyle: true };
  return createSigner(new SdkClients(client));
}

/** Signs in URLs, as fast as the signer of headers: what requests have in common is computed once per second. */
function urlsOf(endpoint: string): Signer {
  const { origin, host } = new URL(endpoint);
  const scope = { host, region: REGION, service: 's3', query: {} };
  const signers = new Map<S3Method, { second: number; queryOf: (path: string) => string }>();
  const queryOf = (method: S3Method, path: string) => {
    const date = new Date();
    const second = Math.floor(date.getTime() / 1000);
    const known = signers.get(method);
    if (known?.second === second) return known.queryOf(path);
    const stamp = { date, expiresSeconds: EXPIRES_SECONDS };
    const fresh = { second, queryOf: querySigner(method, scope, CREDENTIALS, stamp) };
    signers.set(method, fresh);
    return fresh.queryOf(path);
  };
  const presign = (method: S3Method, bucket: string, key: string) => {
    const path = `/${bucket}/${key}`;
    return `${path}?${queryOf(method, path)}`;
  };
  return {
    sign: async (method, { bucket, key }, extra) => ({
      origin,
      path: presign(method, bucket, key),
      headers: extra?.headers ?? {},
      region: REGION,
    }),
    presign: async ({ bucket, key }) => origin + presign('GET', bucket, key),
  };
}

/** µs of this process's CPU for one of many. */
async function cpuOf(action: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  let left = BATCHES_PER_TURN;
  const work = async () => {
    for (; left > 0; left -= 1) await action();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / BATCHES_PER_TURN;
}

async function oneBatch(http: S3Http, signsPayload: boolean): Promise<void> {
  const checks = Array.from({ length: MAX_DOCUMENTS }, (_, i) =>
    http.ask({ method: 'HEAD', object: { bucket: DOCUMENTS_BUCKET, key: documentKey(i) } }),
  );
  const responses = await Promise.all(checks);
  const headers = {
    'content-type': 'application/json',
    'content-length': String(RESULT.length),
    'content-md5': hash('md5', RESULT, 'base64'),
  };
  // A signature in a URL covers no payload, so nobody would hash it.
  const extra = { headers, ...(signsPayload && { payloadHash: hash('sha256', RESULT, 'hex') }) };
  const object = { bucket: RESULTS_BUCKET, key: 'loan-1/BATCH-1.json' };
  responses.push(await http.ask({ method: 'PUT', object, extra, openBody: () => RESULT }));
  if (!responses.every(isSuccess)) throw new Error('S3 refused a request');
}
