/** An app that is compiled to CommonJS, as most of those that use Express are. */
import { createAtlasBatchWorker, UsageError as Same } from 'atlas-batch';
import { createAtlasBatchClient, type FieldName, UsageError } from 'atlas-batch/client';
import { startSimulators } from 'atlas-batch/simulator';

declare module 'atlas-batch/client' {
  interface DocumentFields {
    PAN: 'name' | 'pan_number';
  }
}

export const PAN_FIELDS: FieldName<'PAN'>[] = ['name', 'pan_number'];
// @ts-expect-error a PAN has no such field
PAN_FIELDS.push('date_of_expiry');

async function main(): Promise<void> {
  const { REDIS_URL, QUEUE_PREFIX: prefix } = process.env;
  const client = createAtlasBatchClient({ redisUrl: process.env.REDIS_URL, prefix });
  const { status } = await client.enqueue({
    reference: 'sent-from-classic',
    productType: 'LOAN_APP',
    documents: [{ documentId: '001', bucket: 'kyc-documents', key: '001.jpg' }],
  });
  await client.close();
  delete process.env.REDIS_URL;
  let refused = '';
  try {
    createAtlasBatchClient({ redisUrl: process.env.REDIS_URL });
  } catch (error) {
    if (error instanceof UsageError) refused = error.message;
  }
  const isOneClass = UsageError === Same;
  const kinds = [typeof createAtlasBatchWorker, typeof startSimulators];
  process.stdout.write(`${JSON.stringify({ status, refused, isOneClass, kinds })}\n`);
  process.exitCode = REDIS_URL === undefined ? 1 : 0;
}

void main();
