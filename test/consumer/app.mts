/**
 * An app that sends a batch: with Atlas and S3 of the package's simulator, and a worker that is
 * started as the package's command. Only public names, from an installed package.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { BatchSummary } from 'atlas-batch';

declare module 'atlas-batch' {
  interface DocumentFields {
    PAN: 'name' | 'pan_number';
  }
}

const SCANS = 'kyc-documents';

/** From nothing to results, which are printed as a line of JSON. */
export async function run(
  { createAtlasBatchClient, field, isOfType }: typeof import('atlas-batch'),
  { startSimulators }: typeof import('atlas-batch/simulator'),
  reference: string,
): Promise<void> {
  const { REDIS_URL: redisUrl = 'redis://127.0.0.1:6379', QUEUE_PREFIX: prefix } = process.env;
  const simulators = await startSimulators({ atlas: { completionMs: 500 } });
  const { s3, environment } = simulators;
  const documents = ['001', '002'].map((documentId) => {
    const key = `${reference}/${documentId}.jpg`;
    s3.put(SCANS, key, `scan ${documentId}`);
    return { documentId, bucket: SCANS, key };
  });
  const worker = startWorker({
    ...environment,
    REDIS_URL: redisUrl,
    RESULTS_BUCKET: 'atlas-results',
    S3_ALLOWED_BUCKETS: SCANS,
    POLL_MIN_MS: '100',
  });
  const client = createAtlasBatchClient({
    redisUrl,
    prefix,
    s3: {
      endpoint: s3.url,
      region: s3.region,
      forcePathStyle: true,
      credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    },
  });
  try {
    const added = await client.enqueue({ reference, productType: 'LOAN_APP', documents });
    const ended = client.wait(reference, { timeoutMs: 30_000 });
    const summary: BatchSummary = await Promise.race([ended, worker.failed]);
    const types: string[] = [];
    for await (const { extracts } of client.results(reference)) {
      for (const extract of extracts) {
        types.push(extract.document_type);
        if (isOfType(extract, 'PAN')) field(extract, 'pan_number')?.confidence;
      }
    }
    const line = { reference, added: added.status, ended: summary.status, types };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } finally {
    await client.close();
    await worker.stop();
    await simulators.stop();
  }
}

/** A wrong batch does not compile. */
export function misuse(client: import('atlas-batch').AtlasBatchClient): Promise<unknown>[] {
  return [
    // @ts-expect-error a batch has documents
    client.enqueue({ reference: 'loan-1', productType: 'LOAN_APP' }),
    // @ts-expect-error there is no such option
    client.wait('loan-1', { timeout: 5 }),
  ];
}

function startWorker(environment: Record<string, string>) {
  // A group of its own: npx does not pass on every signal to what it runs.
  const child = spawn('npx', ['atlas-batch', 'worker'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => {
    throw new Error(`the worker ended with ${code}`);
  });
  failed.catch(() => {});
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  };
  process.once('SIGTERM', () => {
    end();
    process.exit(1);
  });
  return {
    failed,
    async stop() {
      end();
      await exited;
    },
  };
}
