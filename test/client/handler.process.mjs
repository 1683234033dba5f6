/** Takes completion events, says which, and never finishes the first one it sees. */
import { createAtlasBatchClient } from 'atlas-batch/client';

const [redisUrl = '', prefix = ''] = process.argv.slice(2);
createAtlasBatchClient({ redisUrl, prefix }).onCompletion(async (_, { eventId }) => {
  process.stdout.write(`${eventId}\n`);
  await new Promise(() => {});
});
