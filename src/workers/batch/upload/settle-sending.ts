/** What became of uploads that an earlier entry of the job was sending. */
import { receiptKey } from '../../../jobs/keys/redis-keys.js';
import { type BatchContext, mayResubmit, uploadsThatAre } from '../batch-context.js';
import { saveAbsence, saveReceipt } from './save-result.js';
import { resultOfSending, type SendResult } from './upload-transitions.js';

/**
 * Goes on from what the receipts say. An upload without one is unknown once its sender is dead. While
 * the sender lives it will write one, however long ago it sent the upload.
 * @returns how many uploads are still to be waited for.
 */
export async function settleSending(entry: BatchContext): Promise<number> {
  const sending = uploadsThatAre(entry.state, 'sending');
  if (sending.length === 0) return 0;
  const { redis, config, heartbeat, sentUploads } = entry.context;
  const keys = sending.map(({ upload }) =>
    receiptKey(config.QUEUE_PREFIX, entry.request.reference, upload.nonce),
  );
  const receipts = await redis.mget(keys);
  let waiting = 0;
  for (const [position, { index, upload }] of sending.entries()) {
    const receipt = receipts[position] ?? null;
    const result = resultOfSending(receipt === null ? null : (JSON.parse(receipt) as SendResult), {
      senderIsDead: heartbeat.isSilent(upload.sender),
      resubmit: upload.consented ?? mayResubmit(entry),
    });
    if (result !== null && receipt !== null) {
      await saveReceipt(entry, index, { key: keys[position] ?? '', result });
      continue;
    }
    if (result !== null && (await saveAbsence(entry, index, result))) continue;
    waiting += 1;
    await sentUploads.ask(upload.sender, entry.request.reference, upload.nonce);
  }
  return waiting;
}
