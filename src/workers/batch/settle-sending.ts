/** What became of uploads that an earlier run of the job was sending. */
import type { SendingUpload } from '../../jobs/batch-state.js';
import { receiptKey } from '../../jobs/redis-keys.js';
import { type BatchContext, mayResubmit, uploadsThatAre } from './batch-context.js';
import { saveUnknown, takeReceipt } from './save-result.js';
import type { SendResult } from './transitions.js';

/**
 * Goes on from what the receipts say. An upload without one is unknown once its sender is dead. While
 * the sender lives it will write one, however long ago it sent the upload.
 * @returns how many uploads are still to be waited for.
 */
export async function settleSending(run: BatchContext): Promise<number> {
  const sending = uploadsThatAre(run.state, 'sending');
  if (sending.length === 0) return 0;
  const { redis, config } = run.context;
  const keys = sending.map(({ upload }) =>
    receiptKey(config.QUEUE_PREFIX, run.request.reference, upload.nonce),
  );
  const receipts = await redis.mget(keys);
  let waiting = 0;
  for (const [position, { index, upload }] of sending.entries()) {
    const receipt = receipts[position] ?? null;
    const isSettled =
      receipt === null
        ? await giveUp(run, index, upload)
        : await take(run, index, { key: keys[position] ?? '', receipt });
    if (!isSettled) waiting += 1;
  }
  return waiting;
}

async function take(
  run: BatchContext,
  index: number,
  { key, receipt }: { key: string; receipt: string },
): Promise<boolean> {
  const told = JSON.parse(receipt) as SendResult;
  // What follows from not knowing is for this worker's configuration to say.
  const result = told.kind === 'unknown' ? { ...told, resubmit: mayResubmit(run) } : told;
  await takeReceipt(run, index, { key, result });
  return true;
}

/** Nobody will ever know what became of an upload whose sender is dead. */
async function giveUp(
  run: BatchContext,
  index: number,
  { sender }: SendingUpload,
): Promise<boolean> {
  if (!run.context.heartbeat.isSilent(sender)) return false;
  const why = 'the worker died before the response of Atlas was saved';
  return saveUnknown(run, index, { kind: 'unknown', why, resubmit: mayResubmit(run) });
}
