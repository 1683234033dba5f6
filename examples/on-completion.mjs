// Handles completion events until Ctrl-C. One event, handled at least once: the work is done under
// the event's id, so that a second time changes nothing.
//
//   REDIS_URL=redis://127.0.0.1:6379 node examples/on-completion.mjs
import { createAtlasBatchClient } from 'atlas-batch/client';

const atlas = createAtlasBatchClient({
  redisUrl: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  prefix: process.env.QUEUE_PREFIX,
});

// Stands for a table of yours with a unique key.
const done = new Map();

atlas.onCompletion(
  async (summary, { eventId, name }) => {
    if (done.has(eventId)) return;
    done.set(eventId, summary.status);
    const { present, total } = summary.documents;
    console.log(`${name}: ${summary.reference}, ${present} of ${total} documents`);
  },
  { concurrency: 5, onError: (error) => console.error(error.message) },
);

for (const signal of ['SIGINT', 'SIGTERM']) {
  // Waits for the handlers that run; an event that was not taken waits for the next process.
  process.once(signal, () => atlas.close());
}
