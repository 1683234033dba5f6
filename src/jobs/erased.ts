/** How a batch is named after it was erased: by a digest, which names nobody; and what is known of it then. */
import { createHash } from 'node:crypto';

/** For a day those who had the batch are told that it is gone. A worker is not paused for longer. */
export const ERASED_TTL_SECONDS = 86_400;

/**
 * SHA-256 in hex of `<reference>@<timestamp>`, the latter as BullMQ has it of the batch's job. Where nobody knows
 * that any more, of the reference alone.
 */
export function erasedDigest(reference: string, timestamp: number | null): string {
  const name = timestamp === null ? reference : `${reference}@${timestamp}`;
  return createHash('sha256').update(name).digest('hex');
}

/** Redis times in ms between which all outcomes of the batch were saved. The same reference may be used again after. */
export interface ErasedSpan {
  /** 0 where earlier batches of the reference were erased with it. */
  from: number;
  until: number;
}

/** `<from> <until>`. */
export function formatErased({ from, until }: ErasedSpan): string {
  return `${from} ${until}`;
}

/** Null for a batch that was not erased. */
export function readErased(value: string | null): ErasedSpan | null {
  const [, from, until] = /^(\d+) (\d+)$/.exec(value ?? '') ?? [];
  return from && until ? { from: Number(from), until: Number(until) } : null;
}
