import { onTestFinished } from 'vitest';
import {
  type AtlasBatchClient,
  type AtlasBatchClientOptions,
  createAtlasBatchClient,
} from '../../src/client/client.js';
import type { BatchRequest } from '../../src/jobs/batch-request.js';
import { testRedis } from '../helpers/redis.js';

/** A client under a prefix of its own, closed when the test ends. */
export function startClient({ url, prefix } = testRedis(), s3?: AtlasBatchClientOptions['s3']) {
  const client: AtlasBatchClient = createAtlasBatchClient({ redisUrl: url, prefix, s3 });
  onTestFinished(() => client.close());
  return { client, url, prefix };
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
