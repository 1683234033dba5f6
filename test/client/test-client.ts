import { onTestFinished } from 'vitest';
import type { AtlasBatchClient } from '../../src/client/atlas-batch-client.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import type { AtlasBatchClientOptions } from '../../src/client/client-options.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import { testRedis } from '../helpers/redis.js';
import type { System } from '../helpers/system.js';

/** A client under a prefix of its own, closed when the test ends. */
export function startClient({ url, prefix } = testRedis(), s3?: AtlasBatchClientOptions['s3']) {
  const client: AtlasBatchClient = createAtlasBatchClient({ redisUrl: url, prefix, s3 });
  onTestFinished(() => client.close());
  return { client, url, prefix };
}

/** A client of a whole system, which can read its results. */
export function clientOf({ environment, prefix, s3 }: System): AtlasBatchClient {
  const redis = { url: environment.REDIS_URL ?? '', prefix };
  return startClient(redis, {
    endpoint: s3.url,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  }).client;
}

export function batchOf(reference: string, documents = 2): BatchRequest {
  return {
    reference,
    productType: 'LOAN_APP',
    documents: Array.from({ length: documents }, (_, i) => ({
      documentId: `doc-${i}`,
      bucket: 'kyc-documents',
      key: `${reference}/${i}.jpg`,
    })),
  };
}
