import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Config } from '../../config/config.js';
import { proxiesOf } from '../../config/proxy-fields.js';
import { sdkHandler } from '../../storage/sdk-handler.js';
import { sdkError } from '../../storage/storage-errors.js';
import type { CheckResult, ClockReading, Finding } from './finding.js';

/** Checks that results can be written and read back, and that the callers' buckets exist. */
export async function checkS3(config: Config): Promise<CheckResult> {
  // A person waits: one retry is enough.
  const client = new S3Client({
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    maxAttempts: 2,
    ...sdkHandler(proxiesOf(config)),
  });
  const clocks = watchClock(client);
  try {
    const findings = await checkResults(client, config);
    // With a wrong key or region each bucket would bring the same error again.
    if (findings.every(({ level }) => level !== 'error')) {
      for (const bucket of config.S3_ALLOWED_BUCKETS)
        findings.push(await checkSource(client, bucket));
    }
    return { findings, clocks };
  } finally {
    client.destroy();
  }
}

async function checkResults(client: S3Client, config: Config): Promise<Finding[]> {
  const Bucket = config.RESULTS_BUCKET;
  const object = { Bucket, Key: `${config.RESULTS_PREFIX}atlas-batch-doctor-${randomUUID()}` };
  const place = `s3://${Bucket}/${config.RESULTS_PREFIX}`;
  try {
    await client.send(new PutObjectCommand({ ...object, Body: '{}' }));
  } catch (error) {
    return [failure(`cannot write to ${place}`, error, 's3:PutObject there')];
  }
  const findings: Finding[] = [];
  try {
    const { Body } = await client.send(new GetObjectCommand(object));
    await Body?.transformToString();
    findings.push({ level: 'ok', subject: 'S3', text: `${place} can be written and read` });
  } catch (error) {
    // A warning only: workers write results, and nothing but the command `results` reads them.
    const finding = failure(`can write, but not read ${place}`, error, 's3:GetObject there');
    findings.push({ ...finding, level: 'warning' });
  }
  try {
    await client.send(new DeleteObjectCommand(object));
  } catch (error) {
    const what = `${place} holds a test object now, ${object.Key}`;
    findings.push({ ...failure(what, error, 's3:DeleteObject to clean up'), level: 'warning' });
  }
  return findings;
}

async function checkSource(client: S3Client, bucket: string): Promise<Finding> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
    return { level: 'ok', subject: 'S3', text: `s3://${bucket} is there` };
  } catch (error) {
    const finding = failure(`cannot see s3://${bucket}`, error, 's3:ListBucket on the bucket');
    // A warning only: a role may read objects without being allowed to list them.
    return statusOf(error) === 403 ? { ...finding, level: 'warning' } : finding;
  }
}

function failure(what: string, error: unknown, permission: string): Finding {
  const { message } = sdkError(what, error, permission);
  const [text = '', fix = 'see what S3 says'] = message.split('; ');
  return { level: 'error', subject: 'S3', text, fix };
}

function statusOf(error: unknown): unknown {
  return Reflect.get(Object(Reflect.get(Object(error), '$metadata')), 'httpStatusCode');
}

/** Keeps the difference between the clock of S3 and ours, from the dates of its responses. */
function watchClock(client: S3Client): ClockReading[] {
  const clocks: ClockReading[] = [];
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const headers: unknown = Reflect.get(Object(result.response), 'headers');
      const date = Date.parse(String(Reflect.get(Object(headers), 'date')));
      if (!Number.isNaN(date)) clocks.splice(0, 1, { whose: 'S3', aheadMs: date - Date.now() });
      return result;
    },
    // Runs before the response is parsed, which throws for refusals: they have a date too.
    { step: 'deserialize', priority: 'low' },
  );
  return clocks;
}
