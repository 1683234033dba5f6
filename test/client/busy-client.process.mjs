/** Uses a client in every way that keeps a connection open, and closes it when it is told to. */
import { once } from 'node:events';
import { createAtlasBatchClient } from 'atlas-batch/client';

const [redisUrl = '', prefix = ''] = process.argv.slice(2);
const client = createAtlasBatchClient({ redisUrl, prefix });
client.onCompletion(() => {});
const events = client.events();
void events.next().catch(() => {});
await client
  .enqueue({
    reference: 'waited-for',
    productType: 'LOAN_APP',
    documents: [{ documentId: 'a', bucket: 'kyc-documents', key: 'a.jpg' }],
  })
  .catch(() => {});
void client.wait('waited-for').catch(() => {});
const told = once(process, 'SIGTERM');
process.stdout.write('busy\n');
await told;
await client.close();
process.stdout.write('closed\n');
