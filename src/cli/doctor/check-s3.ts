import { randomUUID } from 'node:crypto';
import type { Config } from '../../config/config.js';
import { storeOptionsOf } from '../../config/s3-fields.js';
import {
  createObjectStore,
  type ObjectStore,
  type ObjectStoreOptions,
  type ResultEncryption,
} from '../../storage/object-store.js';
import { publicAddressIssue } from '../../storage/public-address.js';
import { aheadByHeader } from './check-clock.js';
import type { CheckResult, ClockReading, Finding } from './finding.js';

/** What a policy of the bucket may want to see with each object. */
const ENCRYPTIONS: readonly ResultEncryption[] = [
  { algorithm: 'AES256' },
  { algorithm: 'aws:kms' },
];
const NO_BUCKETS: Finding = {
  level: 'warning',
  subject: 'S3',
  text: 'no bucket of documents is checked, for S3_ALLOWED_BUCKETS is empty, and whoever can enqueue makes Atlas read what our role can',
  fix: 'set S3_ALLOWED_BUCKETS to the buckets of the documents',
};
const WANTS_URLS =
  "let the bucket's policy allow s3:GetObject by URLs that hold their signature (s3:authType REST-QUERY-STRING): Atlas fetches by no other way";

/**
 * Checks in the ways of the worker that results can be written and read back, and that the callers'
 * buckets can be read, by us and by Atlas.
 */
export async function checkS3(config: Config): Promise<CheckResult> {
  const clocks: ClockReading[] = [];
  const open = (more: Partial<ObjectStoreOptions> = {}) =>
    createObjectStore({
      ...storeOptionsOf(config),
      connections: 1,
      logger: { warn: () => {} },
      onDate: (date) => noteClock(clocks, date),
      ...more,
    });
  const store = open();
  try {
    const findings = await checkResults(store, config, open);
    // With wrong credentials each bucket would bring the same error again.
    if (findings.every(({ level }) => level !== 'error')) {
      for (const bucket of config.S3_ALLOWED_BUCKETS) {
        findings.push(...(await checkSource(store, bucket, config)));
      }
    }
    if (config.S3_ALLOWED_BUCKETS.length === 0) findings.push(NO_BUCKETS);
    const issue = await publicAddressIssue(store, config.ATLAS_BASE_URL);
    if (issue !== undefined) findings.push(finding('warning', issue));
    return { findings, clocks };
  } finally {
    store.close();
  }
}

type Open = (more: Partial<ObjectStoreOptions>) => ObjectStore;

async function checkResults(store: ObjectStore, config: Config, open: Open): Promise<Finding[]> {
  const key = `${config.RESULTS_PREFIX}atlas-batch-doctor-${randomUUID()}`;
  const place = `s3://${config.RESULTS_BUCKET}/${config.RESULTS_PREFIX}`;
  const refusal = await messageOf(store.putResult(key, ['{}']));
  if (refusal !== undefined) {
    const mayWant = refusal.includes('AccessDenied');
    const wanted = mayWant ? await findEncryption(key, open) : undefined;
    const fix = wanted && `set RESULTS_SSE=${wanted}: the bucket takes no object without it`;
    return [finding('error', `cannot write to ${place}: ${refusal}`, fix)];
  }
  const findings: Finding[] = [];
  const unread = await messageOf(readAway(store, key));
  // A warning only: workers write results, and nothing but the command `results` reads them.
  if (unread !== undefined) {
    findings.push(finding('warning', `can write, but not read ${place}: ${unread}`));
  } else findings.push({ level: 'ok', subject: 'S3', text: `${place} can be written and read` });
  const kept = await messageOf(store.deleteResult(key));
  if (kept !== undefined) {
    findings.push(finding('warning', `${place} holds a test object now, ${key}: ${kept}`));
  }
  return [...findings, ...checkRegion(store, config.RESULTS_BUCKET)];
}

/** The encryption with which the bucket takes the object; undefined when that is not the reason. */
async function findEncryption(key: string, open: Open): Promise<string | undefined> {
  for (const encryption of ENCRYPTIONS) {
    const store = open({ encryption });
    try {
      if ((await messageOf(store.putResult(key, ['{}']))) !== undefined) continue;
      await store.deleteResult(key).catch(() => {});
      return encryption.algorithm;
    } finally {
      store.close();
    }
  }
  return undefined;
}

async function checkSource(store: ObjectStore, bucket: string, config: Config): Promise<Finding[]> {
  const { ours, theirs } = await store.tryBucket(bucket);
  const region = checkRegion(store, bucket);
  if (ours.kind === 'denied') {
    const text = `cannot tell whether s3://${bucket} can be read: ${ours.message}`;
    // A warning only: a role may read objects without being allowed to list them.
    return [finding('warning', text), ...region];
  }
  if (ours.kind === 'failed') return [finding('error', `s3://${bucket}: ${ours.message}`)];
  if (theirs?.kind === 'denied') {
    const text = `s3://${bucket} can be read by us, but not by the URLs that Atlas gets`;
    return [finding('error', text, WANTS_URLS), ...region];
  }
  if (theirs?.kind === 'failed') {
    const text = `a URL of s3://${bucket} as Atlas gets it: ${theirs.message}`;
    const name = config.S3_PUBLIC_ENDPOINT_URL;
    // This host need not reach a name that is for Atlas.
    if (name === null) return [finding('error', text), ...region];
    const fix = `make sure that S3_PUBLIC_ENDPOINT_URL (${new URL(name).host}) is right, and that Atlas reaches it`;
    return [finding('warning', text, fix), ...region];
  }
  return [{ level: 'ok', subject: 'S3', text: `s3://${bucket} can be read` }, ...region];
}

function checkRegion(store: ObjectStore, bucket: string): Finding[] {
  const region = store.learntRegion(bucket);
  if (region === undefined) return [];
  const text = `s3://${bucket} lies in ${region}, which each process learns by a request that fails`;
  const fix = 'set AWS_REGION to the region of most buckets';
  return [finding('warning', text, fix)];
}

/** An error says what to do after its first semicolon. */
function finding(level: 'warning' | 'error', message: string, better?: string): Finding {
  const [text = '', ...fix] = message.split('; ');
  return { level, subject: 'S3', text, fix: better ?? (fix.join('; ') || 'see what S3 says') };
}

/** Undefined when it went well. */
async function messageOf(action: Promise<unknown>): Promise<string | undefined> {
  return action.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

async function readAway(store: ObjectStore, key: string): Promise<void> {
  const stream = await store.getResult(key);
  if (stream === null) throw new Error('the object is not there after it was written');
  for await (const _ of stream);
}

/** Keeps the difference between the clock of S3 and ours, from the dates of its responses. */
function noteClock(clocks: ClockReading[], date: string): void {
  const at = Date.parse(date);
  if (Number.isNaN(at)) return;
  clocks.splice(0, 1, { whose: 'S3', aheadMs: aheadByHeader(at, Date.now()) });
}
