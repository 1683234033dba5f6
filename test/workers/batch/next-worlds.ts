/**
 * All that can happen to a batch of two documents, each an upload of its own or both in one that may
 * be halved, in two rounds and an operator's retry: every order of responses and polls, a crash at
 * every step, a lock that is lost while its worker lives, a Redis that refuses a response, a request
 * to cancel, the deadline and more time after it, an end while uploads are being sent, documents that come late, and
 * that it is erased. The steps are those of the processors. What they do to the state are the
 * pure transitions themselves.
 */
import { fromRanges } from '../../../src/jobs/index-ranges.js';
import type { BatchState, Upload } from '../../../src/jobs/state/batch-state.js';
import type { PollResult } from '../../../src/jobs/state/poll-state.js';
import type { RunMode } from '../../../src/jobs/state/run-mode.js';
import { allMembers, memberOf } from '../../../src/workers/batch/gate-members.js';
import {
  afterRound,
  awaitLate,
  beginRetry,
  beginRound,
  endRun,
  stepUpload,
} from '../../../src/workers/batch/transitions.js';
import { planUploads } from '../../../src/workers/batch/upload/plan-uploads.js';
import { resultOfSending } from '../../../src/workers/batch/upload/upload-transitions.js';
import { erase, loseLock, outside, sendersAway, sendersOfErased } from './outside-worlds.js';
import {
  all,
  forget,
  leave,
  leaveUnsent,
  OWNER,
  REASON,
  resultsOf,
  save,
  type World,
} from './world.js';

const TOTAL = 2;
export const MAX_ROUNDS = 2;

/** All that can happen next. */
export function* nextWorlds(world: World, resubmit: boolean): Generator<World> {
  if (world.orphaned) return;
  if (world.erased) return yield* sendersOfErased(world);
  if (world.finished) yield erase(world);
  yield* outside(world);
  yield* sendersAway(world, resubmit);
  if (world.live === null) {
    if (!world.finished) {
      yield enter(world, resubmit);
      if (mayEndInternal(world)) yield end(world, world.saved, 'failed');
    } else if (world.saved.outcome?.status === 'failed' && world.attempt === 0) {
      yield retry(world, 'operator');
      if (world.saved.lateSince !== undefined) yield retry(world, 'late');
    }
    return;
  }
  yield leave(world);
  if (world.posted.length > 0) yield loseLock(world);
  yield* workOn(world, world.live, resubmit);
}

/**
 * Its workers died too often: it ends before anybody asks what became of its uploads. In a later round, or
 * where something else ends it as well, that leads to nothing more.
 */
function mayEndInternal({ attempt, saved, cancelled, pastDeadline }: World): boolean {
  if (attempt > 0 || saved.round > 1 || saved.outcome || cancelled || pastDeadline) return false;
  return saved.uploads.some(({ state }) => state === 'sending');
}

/** It is admitted, or waits in line while the job sleeps. */
function* ask(world: World, live: BatchState, member: string): Generator<World> {
  if (world.gate === null) return;
  const { inFlight, line } = world.gate;
  const others = line.filter((one) => one !== member);
  const saved = save(world, live);
  yield { ...saved, gate: { inFlight: [...inFlight, member], line: others } };
  if (world.posted.length === 0)
    yield leave({ ...saved, gate: { inFlight, line: [...others, member] } });
}

/** A pause, midnight, or a process that cannot send any more: what was admitted and not sent waits again. */
function* returnToLine(world: World, live: BatchState, member: string): Generator<World> {
  if (world.gate === null) return;
  const { inFlight, line } = world.gate;
  const gate = { inFlight: inFlight.filter((one) => one !== member), line: [...line, member] };
  yield leave({ ...save(world, live), gate });
}

/** What was being sent is settled first; while a sender may still say what came of it, the job sleeps. */
function enter(world: World, resubmit: boolean): World {
  let [state, receipts, polls] = [world.saved, world.receipts, world.polls];
  if (state.outcome) return save(world, state);
  let waits = false;
  for (const [index, upload] of state.uploads.entries()) {
    if (upload.state !== 'sending') continue;
    const { [index]: receipt = null, ...others } = receipts;
    const senderIsDead = !(index in world.away);
    const mayResubmit = upload.consented ?? resubmit;
    const result = resultOfSending(receipt, { senderIsDead, resubmit: mayResubmit });
    receipts = others;
    if (result === null) waits = true;
    else state = stepUpload(state, index, result);
    if (result?.kind === 'accepted')
      polls = { ...polls, [result.atlasBatchId]: { runs: 0, status: null } };
  }
  const settled = save({ ...world, receipts, polls }, state);
  return waits ? leave(settled) : settled;
}

/** By an operator, or since documents have come late. */
function retry(world: World, mode: RunMode): World {
  const run = { startedAtAttempt: 1, stallsBefore: 0, startedAt: 0 };
  const begun = { ...world, attempt: 1, cancelled: false, pastDeadline: false, finished: false };
  return { ...begun, saved: beginRetry(world.saved, run, mode) };
}

function* workOn(world: World, live: BatchState, resubmit: boolean): Generator<World> {
  if (live.outcome) return yield announce(world, live, live.outcome);
  if (live.uploads.length === 0) return yield beginRoundWith(world, live, [0, 1]);
  const doomed = live.uploads.some(({ state }) => state === 'refused');
  const planned = live.uploads.flatMap(({ state }, index) =>
    state === 'planned' && !world.tried.includes(index) ? index : [],
  );
  if (world.posted.length > 0) {
    for (const index of world.posted) yield* respond(world, live, index, resubmit);
  } else if (world.failing && !doomed) return yield leave(leaveUnsent(world, live));
  if (planned.length > 0 && world.posted.length === 0 && world.pastDeadline) {
    const reason = REASON;
    return yield save(
      world,
      planned.reduce((s, index) => stepUpload(s, index, { kind: 'too-late', reason }), live),
    );
  }
  if (!doomed && !world.failing) {
    for (const index of planned) {
      const member = memberOf(OWNER, live.uploads[index] as Upload);
      if (world.gate && !world.gate.inFlight.includes(member)) {
        yield* ask(world, live, member);
        continue;
      }
      if (world.posted.length === 0) yield* returnToLine(world, live, member);
      yield {
        ...save(
          world,
          stepUpload(live, index, { kind: 'send', nonce: '', sender: '', startedAt: 0 }),
        ),
        posted: [...world.posted, index],
        tried: [...world.tried, index],
      };
    }
  }
  if (world.posted.length === 0 && (planned.length === 0 || doomed)) yield collect(world, live);
}

/** Every response to the POST of an upload. */
function* respond(
  world: World,
  live: BatchState,
  index: number,
  resubmit: boolean,
): Generator<World> {
  const isRefused = world.refusedByRedis.includes(index);
  if (!isRefused) yield { ...world, refusedByRedis: [...world.refusedByRedis, index] };
  for (const result of resultsOf(world, index, resubmit)) {
    if (isRefused && result.kind !== 'accepted') continue;
    const [posted, refusedByRedis] = [world.posted, world.refusedByRedis].map((indexes) =>
      indexes.filter((other) => other !== index),
    ) as [number[], number[]];
    const next = { ...save(world, stepUpload(live, index, result)), posted, refusedByRedis };
    if (result.kind === 'accepted') {
      const { atlasBatchId } = result;
      const polls = { ...world.polls, [atlasBatchId]: { runs: 0, status: null } };
      yield { ...next, polls };
      // It died before it added the poll job.
      yield leave(next);
    } else if (result.kind === 'not-taken' || result.kind === 'unknown') {
      yield { ...next, failing: true };
    } else if (result.kind === 'too-large') {
      yield { ...next, tried: world.tried.filter((other) => other !== index) };
    } else yield next;
  }
}

/** Takes over the results of polls; waits while some are pending. */
function collect(world: World, before: BatchState): World {
  let [state, polls, pending] = [before, world.polls, false];
  for (const [index, upload] of before.uploads.entries()) {
    if (upload.state !== 'sent') continue;
    const poll = polls[upload.atlasBatchId];
    if (!poll) state = stepUpload(state, index, { kind: 'poll-removed' });
    if (!poll || (poll.status !== null && poll.runs < upload.expectedPollRuns)) {
      polls = { ...polls, [upload.atlasBatchId]: { runs: poll?.runs ?? 0, status: null } };
      pending = true;
    } else if (poll.status === null) pending = true;
    else {
      const result = resultOf(poll.status, upload);
      state = stepUpload(state, index, { kind: 'poll-ended', result });
    }
  }
  if (pending) return leave(leaveUnsent({ ...world, polls, saved: state }, state));
  const next = afterRound(state, {
    total: TOTAL,
    cancelled: world.cancelled ? { code: 'CANCELLED', message: 'cancelled' } : null,
    pastDeadline: world.pastDeadline,
    maxRounds: MAX_ROUNDS,
  });
  if (next.next === 'round') return beginRoundWith(world, state, next.missing);
  if (next.next === 'completed') return end(world, state, 'completed');
  // What is still missing is awaited from the first such end on.
  const awaited = next.next === 'incomplete' && !state.late ? awaitLate(state, 1) : state;
  return end(world, awaited, 'failed');
}

function end(world: World, state: BatchState, status: 'completed' | 'failed'): World {
  const eventJobId = `done-x~${state.outcomes + 1}`;
  return save(
    world,
    endRun(state, {
      status,
      eventId: eventJobId,
      eventJobId,
      attemptsMade: world.attempt,
      endedAt: 0,
      resultsRoot: '',
      announced: false,
    }),
  );
}

function resultOf(status: PollResult['status'], { documentIndexes }: Upload): PollResult {
  const complete = status === 'complete';
  const missing = complete ? '' : documentIndexes;
  const present = complete ? fromRanges(documentIndexes).length : 0;
  // What is missing then came in a form that nobody can read.
  const unreadable = status === 'incomplete' ? fromRanges(documentIndexes).length : 0;
  return {
    status,
    missing,
    present,
    unexpected: 0,
    unreadable,
    polls: 0,
    stored: complete,
    endedAt: 0,
  };
}

/** Saved with the first upload. */
function beginRoundWith(world: World, live: BatchState, indexes: number[]): World {
  const uploads = planUploads(indexes, { round: live.round + 1, size: world.size, scoped: false });
  return { ...world, live: beginRound(live, uploads), tried: [] };
}

/**
 * The event is added under its id, which is saved; adding it again changes nothing. The save completes the job; one that
 * fails is ended after it.
 */
function announce(
  world: World,
  live: BatchState,
  outcome: NonNullable<BatchState['outcome']>,
): World {
  if (outcome.announced) return finish(world, live);
  if (!world.events.includes(outcome.eventJobId)) {
    return { ...world, events: [...world.events, outcome.eventJobId] };
  }
  const announced = endRun(live, { ...outcome, announced: true });
  const saved = save(world, announced);
  return outcome.status === 'completed' ? finish(saved, announced) : saved;
}

function finish(world: World, live: BatchState): World {
  return { ...forget(leave(world), all(allMembers(OWNER, live))), finished: true };
}
