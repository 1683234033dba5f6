/** The uploads of a batch at the gate: they ask for admission, wait in line for it, or leave. */
import { flowOf } from '../../gate/flow.js';
import type { PlannedUpload } from '../../jobs/batch-state.js';
import { pollJobId } from '../../jobs/ids.js';
import { fromRanges } from '../../jobs/index-ranges.js';
import { plural } from '../../plural.js';
import { deadlinesOf } from '../poll/next-poll.js';
import type { StepResult } from '../runtime/run-step.js';
import type { Flags } from '../runtime/signals.js';
import {
  type BatchContext,
  type BatchEntry,
  clockStart,
  flagsOf,
  uploadsThatAre,
} from './batch-context.js';
import { allMembers, memberOf, membersToLeave, unknownMembersOf } from './gate-members.js';
import { stopClock } from './transitions.js';

/**
 * Whoever frees room wakes the head of the line. A batch comes back by itself only in case all that is
 * in Redis of the line is removed by hand.
 */
const LINE_SLEEP_MS = 6 * 3600 * 1000;

const FULL = 'Atlas has as many documents as ATLAS_MAX_DOCUMENTS_IN_FLIGHT allows';

/** Planned uploads, each with its index. */
export type Planned = ReturnType<typeof uploadsThatAre<'planned'>>;

/** Those of the planned uploads that may be sent now; all of them where no gate is on. */
export async function askForTurn(entry: BatchContext, planned: Planned): Promise<Planned> {
  const { gate } = entry.context;
  if (!gate.isOn) return planned;
  const admitted = await gate.ask(
    entry.lease.held,
    planned.map(({ upload }) => ({
      member: memberOf(entry, upload),
      documentCount: fromRanges(upload.documentIndexes).length,
    })),
    {
      flow: flowOf(entry.request, entry.context.config.TENANT_WEIGHTS),
      holders: planned.flatMap(({ upload }) =>
        unknownMembersOf(entry, upload).map(
          (member) => [member, `until ${endOfShare(entry, upload)}`] as const,
        ),
      ),
    },
  );
  return planned.filter(({ upload }) => admitted.has(memberOf(entry, upload)));
}

/** Atlas may be at work on an unknown attempt until then. */
function endOfShare({ context, state }: BatchContext, { round }: PlannedUpload): number {
  const { BATCH_DEADLINE_MS, RESUBMIT_MISSING } = context.config;
  const upload = {
    sentAt: context.clock.now(),
    batchStartedAt: clockStart(state),
    roundsAfter: Math.max(0, RESUBMIT_MISSING + 1 - round),
  };
  return deadlinesOf(upload, BATCH_DEADLINE_MS).share;
}

/**
 * A batch with anything in line sleeps, also when polls are pending: the end of a poll job would not wake
 * it, and its turn does.
 * @param wakePolls as the flags want it, those that were added in this entry
 */
export async function sleepInLine(
  entry: BatchContext,
  wakePolls: (flags: Flags) => Promise<void>,
): Promise<Extract<StepResult<never>, { kind: 'sleep' }>> {
  const { context, lease } = entry;
  await Promise.all(entry.addedPolls.values());
  entry.state = stopClock(entry.state, context.clock.now());
  const waiting = uploadsThatAre(entry.state, 'planned').length;
  await lease.save(
    entry.state,
    `${plural(waiting, 'upload')} in line: ${context.gate.isPaused ? 'sending is paused' : FULL}`,
  );
  const holders = uploadsThatAre(entry.state, 'sent').map(
    ({ upload }) => [memberOf(entry, upload), pollJobId(upload.atlasBatchId)] as const,
  );
  return {
    kind: 'sleep',
    delayMs: LINE_SLEEP_MS,
    async afterwards() {
      const [flags] = await Promise.all([flagsOf(entry), context.gate.afterSleep(holders)]);
      await wakePolls(flags);
      return flags.cancelled !== null;
    },
  };
}

/** A batch that sends nothing now, for an error or for good, keeps nobody waiting. */
export async function leaveUnsent(entry: BatchContext): Promise<void> {
  const { gate } = entry.context;
  const members = gate.isOn ? membersToLeave(entry, entry.state) : [];
  if (members.length > 0) await gate.leave(entry.lease.held, members);
}

/** The batch has its outcome. */
export async function leaveGate(batch: BatchEntry): Promise<void> {
  const { gate } = batch.context;
  const members = gate.isOn ? allMembers(batch, batch.state) : [];
  if (members.length > 0) await gate.leave(batch.lease.held, members);
}
