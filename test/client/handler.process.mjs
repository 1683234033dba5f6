/** Takes completion events, says which, and never finishes the first one it sees; with `fails-first`, fails each once. */
import { createAtlasBatchClient } from 'atlas-batch/client';

const [redisUrl = '', prefix = '', mode = ''] = process.argv.slice(2);
createAtlasBatchClient({ redisUrl, prefix }).onCompletion(async (_, { eventId, attempt }) => {
  process.stdout.write(`${eventId}\n`);
  if (mode === 'fails-first' && attempt === 1) throw new Error('the first attempt');
  await new Promise(() => {});
});
