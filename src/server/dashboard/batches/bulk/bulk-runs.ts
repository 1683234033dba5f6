/**
 * Does actions on many batches that pages have asked for, in this process. Each server shows them, for how far
 * one has come is in Redis; the one that does it writes that, and reads there whether to go on.
 */
import type { BulkProgress } from '../../../../batches/bulk/run-bulk.js';
import { errorFields } from '../../../../errors.js';
import type { ServerContext } from '../../../context.js';
import { redisNow } from '../../../health/read-liveness.js';
import { type BulkOrder, type BulkState, createRecord, updateRecord } from './bulk-record.js';

/** How often it is written how far one has come. */
const WRITTEN_EVERY_MS = 500;

/** How far one has come. */
type Progress = Pick<BulkProgress, 'done' | 'changed'>;

/** Does it step by step, until the signal ends it. It is told the id of the action, by which the audit log has it. */
export type BulkSteps = (signal: AbortSignal, id: string) => AsyncIterable<Progress>;

export interface BulkRuns {
  /**
   * Resolves once it is known to every server. What somebody has started by this id already is not started again, so that a
   * form that is sent twice does its action once.
   */
  start(order: Omit<BulkOrder, 'startedAt'>, steps: BulkSteps): Promise<void>;
  /** Ends all of this process, and resolves when that is written. May be called twice. */
  stop(): Promise<void>;
}

export function createBulkRuns({ queues, logger }: ServerContext): BulkRuns {
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const now = () => redisNow(queues);

  async function run(order: BulkOrder, steps: BulkSteps): Promise<void> {
    const aborted = new AbortController();
    const signal = AbortSignal.any([stopping.signal, aborted.signal]);
    let progress: Progress = { done: 0, changed: 0 };
    let state: BulkState = 'done';
    // Also while it waits for its rate, or counts.
    const write = async () => {
      const record = { ...progress, state: 'running' as const, at: await now() };
      if (await updateRecord(queues, order.id, record)) aborted.abort();
    };
    const timer = setInterval(() => void write().catch(() => {}), WRITTEN_EVERY_MS).unref();
    try {
      for await (const { done, changed } of steps(signal, order.id)) progress = { done, changed };
    } catch (error) {
      state = stopping.signal.aborted ? 'stopped' : aborted.signal.aborted ? 'aborted' : 'failed';
      if (state === 'failed')
        logger.error({ ...errorFields(error), id: order.id }, 'an action on many batches failed');
    } finally {
      clearInterval(timer);
    }
    await updateRecord(queues, order.id, { ...progress, state, at: await now() }).catch((error) =>
      logger.warn(errorFields(error), 'the end of an action on many batches was not written'),
    );
  }

  return {
    async start(asked, steps) {
      const order: BulkOrder = { ...asked, startedAt: await now() };
      if (!(await createRecord(queues, order))) return;
      const { id, action, of, by, which, total } = order;
      logger.info(
        { operator: by, action, id, which, total },
        `an operator asked for: ${action} of many ${of}`,
      );
      const ended = run(order, steps).finally(() => running.delete(ended));
      running.add(ended);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
