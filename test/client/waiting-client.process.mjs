/** Closes clients while the first answer to a `wait` is on its way, and then has nothing left to do. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createAtlasBatchClient } from 'atlas-batch/client';

const ROUNDS = 20;
const [redisUrl = '', prefix = ''] = process.argv.slice(2);
const reference = 'waited-for';
for (let round = 0; round < ROUNDS; round += 1) {
  const client = createAtlasBatchClient({ redisUrl, prefix });
  await client.enqueue({
    reference,
    productType: 'LOAN_APP',
    documents: [{ documentId: 'a', bucket: 'kyc-documents', key: 'a.jpg' }],
  });
  // In every second round the client has not begun to listen before.
  if (round % 2 === 0) await client.wait(reference, { timeoutMs: 1 }).catch(() => {});
  void client.wait(reference).catch(() => {});
  await nextTurn();
  await client.close();
}
process.stdout.write('closed\n');
