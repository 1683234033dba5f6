/** The uploads of a batch at the gate: they ask for admission, wait in line for it, or leave. */
import { flowOf } from '../../gate/flow.js';
import type { Holders } from '../../gate/gate.js';
import { MAX_NAMED } from '../../gate/gate-model.js';
import { LINE_REASONS } from '../../gate/line.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import type { PlannedUpload } from '../../jobs/state/batch-state.js';
import { plural } from '../../plural.js';
import { deadlinesOf } from '../poll/next-poll.js';
import { flagKeys, toFlags } from '../runtime/signals.js';
import {
  type BatchContext,
  type BatchEntry,
  clockStart,
  deadlineMsOf,
  deadlineOf,
  type Sleep,
  uploadsThatAre,
} from './batch-context.js';
import {
  allMembers,
  type Leaving,
  memberOf,
  membersToLeave,
  unknownMembersOf,
} from './gate-members.js';
import { keepPlaces, resumeClock, stopClock } from './transitions.js';
import { wakePolls } from './wake-polls.js';

/**
 * Whoever frees room wakes the head of the line. A batch comes back by itself only in case all that is
 * in Redis of the line is removed by hand.
 */
const LINE_SLEEP_MS = 6 * 3600 * 1000;

/** Planned uploads, each with its index. */
export type Planned = ReturnType<typeof uploadsThatAre<'planned'>>;

/**
 * Those of the planned uploads that may be sent now; all of them where no gate is on. Of a batch of thousands only the
 * first are in line: whenever some of them are sent, it asks for others.
 */
export async function askForTurn(entry: BatchContext, all: Planned): Promise<Planned> {
  const { gate } = entry.context;
  if (!gate.isOn) return all;
  const tagOf = ({ upload }: Planned[number]) => upload.startTag ?? Number.MAX_VALUE;
  const inOrder = [...all].sort((a, b) => tagOf(a) - tagOf(b));
  const planned = inOrder.slice(0, MAX_NAMED);
  const { members, ...admission } = await gate.ask(
    entry.lease.held,
    planned.map(({ upload }) => ({
      member: memberOf(entry, upload),
      documentCount: fromRanges(upload.documentIndexes).length,
      startTag: upload.startTag,
    })),
    {
      flow: flowOf(entry.request, entry.context.config.TENANT_WEIGHTS),
      onlyEnters: entry.onlyEnters,
      leftMs: Math.max(0, deadlineOf(entry) - entry.context.clock.now()),
      holders: planned.flatMap(({ upload }) =>
        unknownMembersOf(entry, upload).map(
          (member) => [member, `until ${endOfShare(entry, upload)}`] as const,
        ),
      ),
    },
  );
  entry.admission = admission;
  return planned.filter(({ upload }) => members.has(memberOf(entry, upload)));
}

/** Atlas may be at work on an unknown attempt until then. */
function endOfShare(entry: BatchContext, { round }: PlannedUpload): number {
  const { context, state } = entry;
  const upload = {
    sentAt: context.clock.now(),
    batchStartedAt: clockStart(state),
    roundsAfter: Math.max(0, context.config.RESUBMIT_MISSING + 1 - round),
  };
  return deadlinesOf(upload, deadlineMsOf(entry)).share;
}

/**
 * A batch with anything in line sleeps, also when polls are pending: the end of a poll job would not wake
 * it, and its turn does.
 */
export async function sleepInLine(entry: BatchContext): Promise<Sleep> {
  const { context } = entry;
  const { gate } = context;
  const { outageMs = 0, why = 'limit' } = entry.admission ?? {};
  entry.state = stopClock(entry.state, context.clock.now(), outageMs);
  const waiting = uploadsThatAre(entry.state, 'planned').length;
  const holders = [...holdersOf(entry)];
  return {
    kind: 'save-and-sleep',
    delayMs: LINE_SLEEP_MS,
    line: `${plural(waiting, 'upload')} in line: ${gate.whyShut?.message ?? LINE_REASONS[why]}`,
    read: flagKeys(context, entry.request.reference),
    async isWanted(values) {
      await gate.afterSleep(holders);
      const flags = toFlags(values, entry.job.timestamp);
      await wakePolls(entry, flags);
      return flags.cancelled !== null;
    },
  };
}

/** Who holds the room of what was sent, in case that a worker without a gate polls it. */
function* holdersOf(entry: BatchContext): Generator<Holders[number]> {
  for (const { upload } of uploadsThatAre(entry.state, 'sent'))
    yield [memberOf(entry, upload), pollJobId(upload.atlasBatchId)];
  // Such a worker has left the room of what it found: nobody holds that any more.
  for (const { upload } of uploadsThatAre(entry.state, 'ended'))
    yield [memberOf(entry, upload), 'until 0'];
}

/** The deadline goes on, also by what passed while nobody could send. */
export async function resumeFromLine(entry: BatchContext): Promise<void> {
  const { gate, clock } = entry.context;
  const outageMs = await gate.outageMs();
  entry.state = resumeClock(entry.state, clock.now(), outageMs);
}

/**
 * A batch that sends nothing now, for an error or for good, keeps nobody waiting.
 * @param keepsPlace It comes back for what it has not sent, to where that stood.
 */
export async function leaveUnsent(
  entry: BatchContext,
  { keepsPlace }: { keepsPlace: boolean },
): Promise<void> {
  const leaving = membersToLeave(entry, entry.state);
  const startTags = await leave(entry, leaving, keepsPlace);
  if (!keepsPlace) return;
  const tags = new Map(leaving.unsent.map(({ index }, position) => [index, startTags[position]]));
  entry.state = keepPlaces(entry.state, tags);
}

/** The batch has its outcome. */
export async function leaveGate(batch: BatchEntry): Promise<void> {
  await leave(batch, allMembers(batch, batch.state), false);
}

/** @returns where the unsent stood in line. */
async function leave(
  { request, context, lease }: BatchEntry,
  { unsent, others }: Leaving,
  keepsPlace: boolean,
): Promise<(number | undefined)[]> {
  const { gate, config } = context;
  // A job that is no valid request has no uploads.
  if (!gate.isOn || !request || unsent.length + others.length === 0) return [];
  const members = { unsent: unsent.map(({ member }) => member), others };
  const flow = flowOf(request, config.TENANT_WEIGHTS).name;
  const place = keepsPlace ? ({ keepsPlace } as const) : ({ keepsPlace, flow } as const);
  return gate.leave(lease.held, members, place);
}
