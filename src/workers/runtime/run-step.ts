/**
 * What may leave a processor. BullMQ fails a job for any error that it does not know, and a job
 * that fails without its event is a lost batch; so everything unforeseen ends here.
 */
import { DelayedError, UnrecoverableError, WaitingChildrenError, WaitingError } from 'bullmq';
import { LockLostError } from '../../errors.js';
import { errorFields, type Logger } from '../../logging.js';

/** A job whose worker died this often in one run is what kills it. */
export const MAX_STALLS = 20;
/** An error that nobody foresaw is tried again this often in one run; then it is a bug. */
export const MAX_UNEXPECTED_ERRORS = 10;

/** The worker is stopping: the job is given back at the next safe point. */
export class StoppingError extends Error {
  override name = 'StoppingError';
}

/**
 * Runs one step of a job. Whatever is not a decision of ours (a lost lock, a lost Redis) leaves
 * the job where it is: its lock runs out and the next worker enters it again from the saved state.
 * @param giveBack Called when the worker is stopping.
 */
export async function runJob<T>(
  logger: Logger,
  jobId: string,
  giveBack: () => Promise<WaitingError>,
  step: () => Promise<T>,
): Promise<T> {
  try {
    try {
      return await step();
    } catch (error) {
      if (error instanceof StoppingError) throw await giveBack();
      throw error;
    }
  } catch (error) {
    if (isDecision(error)) throw error;
    if (error instanceof LockLostError) logger.warn({ jobId }, error.message);
    else logger.error({ jobId, ...errorFields(error) }, `job ${jobId} was left to the next worker`);
    throw new DelayedError();
  }
}

/** BullMQ's own control errors: the job has been moved, or is to fail with its event sent. */
export function isDecision(error: unknown): boolean {
  return (
    error instanceof DelayedError ||
    error instanceof WaitingError ||
    error instanceof WaitingChildrenError ||
    error instanceof UnrecoverableError
  );
}
