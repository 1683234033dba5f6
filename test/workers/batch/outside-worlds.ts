/** What happens to a batch while its processors do nothing, or by those that have lost it. */
import { memberOf } from '../../../src/workers/batch/gate-members.js';
import type { SendResult } from '../../../src/workers/batch/upload/upload-transitions.js';
import { forget, leave, OWNER, resultsOf, type World } from './world.js';

/** All that Redis holds of it goes. Who is away with it stays away. */
export function erase(world: World): World {
  const gate = world.gate && { inFlight: [], line: [] };
  return { ...world, erased: true, gate, receipts: {}, polls: {}, events: [] };
}

/** A receipt is written only while the job is there, and waits for it. */
export function* sendersOfErased(world: World): Generator<World> {
  for (const index of Object.keys(world.away).map(Number)) {
    const { [index]: _, ...away } = world.away;
    yield { ...world, away };
  }
}

/** People, time and Atlas. */
export function* outside(world: World): Generator<World> {
  if (world.finished) return;
  if (!world.cancelled) yield { ...world, cancelled: true };
  // What a cancelled batch does, it does at once.
  if (!world.pastDeadline && !world.cancelled) yield { ...world, pastDeadline: true };
  // Somebody gives it more time, at any moment before its end.
  if (world.pastDeadline && !world.cancelled) yield { ...world, pastDeadline: false };
  for (const [id, poll] of Object.entries(world.polls)) {
    if (poll.status !== null) continue;
    const ends = world.cancelled
      ? (['cancelled'] as const)
      : (['complete', world.attempt === 0 ? 'incomplete' : 'rejected'] as const);
    for (const status of ends) {
      const polls = { ...world.polls, [id]: { runs: poll.runs + 1, status } };
      yield { ...release(world, id), polls };
    }
  }
}

/** The save of a poll's result frees the room of its upload. */
function release(world: World, atlasBatchId: string): World {
  const sent = world.saved.uploads.find(
    (upload) => upload.state === 'sent' && upload.atlasBatchId === atlasBatchId,
  );
  return sent ? forget(world, [memberOf(OWNER, sent)]) : world;
}

/** Redis has stalled longer than the lock lasts. The worker lives, and awaits what Atlas answers. */
export function loseLock(world: World): World {
  const states = world.posted.map((index) => [
    index,
    world.refusedByRedis.includes(index) ? 'refused-by-redis' : 'posted',
  ]);
  return { ...leave(world), away: { ...world.away, ...Object.fromEntries(states) } };
}

/** What workers do that have lost the job: they write receipts, or die. */
export function* sendersAway(world: World, resubmit: boolean): Generator<World> {
  for (const [key, stands] of Object.entries(world.away)) {
    const index = Number(key);
    const { [index]: _, ...away } = world.away;
    yield { ...world, away };
    const isAwaited = world.saved.uploads[index]?.state === 'sending';
    for (const result of resultsOf(world, index, resubmit)) {
      if (stands === 'refused-by-redis' && result.kind !== 'accepted') continue;
      // Both lead to what other results lead to as well.
      if (result.kind === 'cancelled' || isAnswered(result)) continue;
      if (!isAwaited) yield { ...world, away, orphaned: true };
      else yield { ...world, away, receipts: { ...world.receipts, [index]: result } };
    }
  }
}

const isAnswered = (result: SendResult) => result.kind === 'unknown' && result.answered;
